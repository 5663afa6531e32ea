"""Residual networks as dynamics of a latent, and the distance of the last latent to a goal."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from planner.families.base import BOX, Make, Moving, Problems, generators


@dataclass(frozen=True)
class Size:
    """What the networks have in common.

    Attributes:
        activation: ``tanh``, ``gelu`` or ``sin``.
        scale: Size of a step.
        frequency: Factor of the first layer; with ``sin`` it makes several minima.
        goals: From hidden actions that are ``white`` (independent per step) or ``smooth``.
        horizon: H.
        actions: A.
        latent: L.
        hidden: Width of the hidden layer.
    """

    activation: str
    scale: float
    goals: str
    frequency: float = 1.0
    horizon: int = 5
    actions: int = 6
    latent: int = 64
    hidden: int = 128


@dataclass(frozen=True)
class Residual(Problems):
    """z + W2 f(W1 (z, a) + b1), random and untrained; every problem has a network of its own.

    Attributes:
        size: What they have in common.
        w1: (B, L + A, hidden).
        b1: (B, 1, hidden).
        w2: (B, hidden, L).
        start: (B, L).
        goal: (B, L), which hidden actions reach.
    """

    size: Size
    w1: Tensor
    b1: Tensor
    w2: Tensor
    start: Tensor
    goal: Tensor

    def __len__(self) -> int:
        return len(self.start)

    def step(self, z: Tensor, action: Tensor) -> Tensor:
        """Return the latents (B, N, L) after actions (B, N, A)."""
        hidden = torch.baddbmm(self.b1, torch.cat([z, action], dim=-1), self.w1)
        return torch.baddbmm(z, _activation(self.size.activation)(hidden), self.w2)

    def true_cost(self, actions: Tensor) -> Tensor:
        z = self.start.unsqueeze(1).expand(-1, actions.shape[1], -1)
        for action in actions.unbind(dim=2):
            z = self.step(z, action)
        return (z - self.goal.unsqueeze(1)).square().mean(dim=-1)


@dataclass(frozen=True)
class Tracking(Residual, Moving):
    """A goal that moves: at each time it is where the reference will be after the horizon.

    Attributes:
        reference: (B, T, L) a trajectory of hidden actions.
        time: Steps since its beginning.
    """

    reference: Tensor
    time: int = 0

    def after(self, action: Tensor) -> Tracking:
        state = self.step(self.start.unsqueeze(1), action.clamp(-BOX, BOX).unsqueeze(1))[:, 0]
        time = self.time + 1
        goal = self.reference[:, time + self.horizon]
        return dataclasses.replace(self, start=state, goal=goal, time=time)

    def error(self) -> Tensor:
        return (self.start - self.reference[:, self.time]).square().mean(dim=-1)


def _activation(name: str):
    return {"tanh": torch.tanh, "gelu": torch.nn.functional.gelu, "sin": torch.sin}[name]


def residual(size: Size) -> Make:
    """Return the maker of problems of one size."""

    def make(seed: int, count: int) -> Residual:
        drawn = generators(seed, count)
        networks, start = _networks(size, drawn)
        path = _path(size, networks, start, size.horizon, drawn)
        return Residual(size.horizon, size.actions, size, *networks, start, path[-1])

    return make


def tracking(size: Size, steps: int = 20) -> Make:
    """Return the maker of references of so many steps to follow."""

    def make(seed: int, count: int) -> Tracking:
        drawn = generators(seed, count)
        networks, start = _networks(size, drawn)
        path = torch.stack(_path(size, networks, start, steps + size.horizon, drawn), dim=1)
        goal = path[:, size.horizon]
        return Tracking(size.horizon, size.actions, size, *networks, start, goal, path)

    return make


def _networks(
    size: Size, drawn: list[torch.Generator]
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    inputs, rows = size.latent + size.actions, []
    for generator in drawn:
        w1 = torch.randn(inputs, size.hidden, generator=generator)
        if size.activation == "sin":
            b1 = 2 * math.pi * torch.rand(1, size.hidden, generator=generator)
        else:
            b1 = 0.1 * torch.randn(1, size.hidden, generator=generator)
        w2 = torch.randn(size.hidden, size.latent, generator=generator)
        start = torch.randn(size.latent, generator=generator)
        w1 = size.frequency / math.sqrt(inputs) * w1
        rows.append((w1, b1, size.scale / math.sqrt(size.hidden) * w2, start))
    w1, b1, w2, start = (torch.stack(part) for part in zip(*rows, strict=True))
    return (w1, b1, w2), start


def _path(
    size: Size,
    networks: tuple[Tensor, Tensor, Tensor],
    start: Tensor,
    steps: int,
    drawn: list[torch.Generator],
) -> list[Tensor]:
    """Return the latents (B, L) that hidden actions lead to, the start first."""
    actions = torch.stack([torch.randn(steps, size.actions, generator=g) for g in drawn])
    if size.goals == "smooth":
        for t in range(1, steps):
            actions[:, t] = 0.9 * actions[:, t - 1] + math.sqrt(1 - 0.9**2) * actions[:, t]
    system = Residual(size.horizon, size.actions, size, *networks, start, start)
    path = [start]
    for action in actions.clamp(-BOX, BOX).unbind(dim=1):
        path.append(system.step(path[-1].unsqueeze(1), action.unsqueeze(1))[:, 0])
    return path
