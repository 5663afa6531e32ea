"""The problems of the planner benchmark: residual MLP dynamics in a latent space, and goals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LATENT, ACTION, HORIZON, BOX = 64, 6, 5, 2.0


class Dynamics:
    """z + scale * (W2 f(W1 (z, a) + b1) + b2), random and untrained."""

    def __init__(self, seed: int, hidden: int, activation: str, scale: float) -> None:
        generator = torch.Generator().manual_seed(seed)
        inputs = LATENT + ACTION
        self.w1 = torch.randn(inputs, hidden, generator=generator) / math.sqrt(inputs)
        self.b1 = 0.1 * torch.randn(hidden, generator=generator)
        self.w2 = scale * torch.randn(hidden, LATENT, generator=generator) / math.sqrt(hidden)
        self.f = getattr(torch.nn.functional, activation)

    def __call__(self, z: Tensor, action: Tensor) -> Tensor:
        hidden = self.f(torch.addmm(self.b1, torch.cat([z, action], dim=-1), self.w1))
        return torch.addmm(z, hidden, self.w2)


FAMILIES = {
    "tanh": {"activation": "tanh", "scale": 0.5},
    "gelu": {"activation": "gelu", "scale": 0.5},
    "tanh, stronger": {"activation": "tanh", "scale": 1.0},
}
"""Kinds of dynamics; the planner was tuned on seeds below 100, the results are for others."""


def hidden_actions(kind: str, count: int, steps: int, generator: torch.Generator) -> Tensor:
    """Actions (count, steps, A): 'white' is independent per step, 'smooth' varies slowly."""
    actions = torch.randn(count, steps, ACTION, generator=generator)
    if kind == "smooth":
        for t in range(1, steps):
            actions[:, t] = 0.9 * actions[:, t - 1] + math.sqrt(1 - 0.9**2) * actions[:, t]
    return actions.clamp(-BOX, BOX)


@dataclass(frozen=True)
class Problems:
    """A batch of start and goal pairs under one model."""

    dynamics: Dynamics
    start: Tensor
    goal: Tensor

    def __len__(self) -> int:
        return len(self.start)

    def cost(self, actions: Tensor) -> Tensor:
        """Costs (B, N): mean squared distance of the last latent to the goal."""
        batch, count = actions.shape[:2]
        z = self.start.unsqueeze(1).expand(-1, count, -1).reshape(batch * count, LATENT)
        steps = actions.reshape(batch * count, HORIZON, ACTION).unbind(dim=1)
        for action in steps:
            z = self.dynamics(z, action)
        return (z.view(batch, count, LATENT) - self.goal.unsqueeze(1)).square().mean(dim=-1)

    def clamped_cost(self, actions: Tensor) -> Tensor:
        """Costs (B,) of one plan each, after clamping to the box."""
        return self.cost(actions.clamp(-BOX, BOX).unsqueeze(1))[:, 0]


def make_problems(dynamics: Dynamics, kind: str, seed: int, count: int = 20) -> Problems:
    generator = torch.Generator().manual_seed(10_000 + seed)
    start = torch.randn(count, LATENT, generator=generator)
    goal = start
    for action in hidden_actions(kind, count, HORIZON, generator).unbind(dim=1):
        goal = dynamics(goal, action)
    return Problems(dynamics, start, goal)


def make_reference(dynamics: Dynamics, kind: str, seed: int, steps: int, count: int) -> Tensor:
    """A trajectory (steps + H + 1, count, L) to follow."""
    generator = torch.Generator().manual_seed(20_000 + seed)
    states = [torch.randn(count, LATENT, generator=generator)]
    for action in hidden_actions(kind, count, steps + HORIZON, generator).unbind(dim=1):
        states.append(dynamics(states[-1], action))
    return torch.stack(states)
