"""Costs on which a search that only narrows finds nothing: rare rewards, contact, two ways."""

import math

import pytest
import torch
from torch import Tensor

from wm_planner.planning import make_planner

HORIZON, ACTIONS = 5, 6  # of the hand that must find a reward or push a block
STEP = 0.1  # of the hand per step and unit of action
SEEDS = range(12)


class Hand:
    """A hand in the plane, moved by two random directions of the actions, and its goal."""

    def __init__(self, seed: int, distance: float) -> None:
        generator = torch.Generator().manual_seed(seed)
        square = torch.randn(ACTIONS, ACTIONS, generator=generator)
        self.directions = torch.linalg.qr(square)[0][:, :2]
        angle = 2 * math.pi * torch.rand(1, generator=generator)
        self.toward = torch.cat([angle.cos(), angle.sin()])
        self.goal = distance * self.toward

    def moves(self, actions: Tensor) -> Tensor:
        """Return the hand's displacements (..., H, 2)."""
        return STEP * actions @ self.directions


def reward(seed: int):
    """Cost 0 if the hand ends near the goal, else 1: about 0.7 % of the first draws do."""
    hand = Hand(seed, 0.34)

    def cost(actions: Tensor) -> Tensor:
        return ((hand.moves(actions).sum(-2) - hand.goal).norm(dim=-1) > 0.05).float()

    return cost


def contact(seed: int):
    """Distance of a block from its place, flat unless the hand reaches and pushes it."""
    hand, radius = Hand(seed, 0.45), 0.06

    def cost(actions: Tensor) -> Tensor:
        tip = torch.zeros(*actions.shape[:2], 2)
        block = hand.goal.expand_as(tip)
        for move in hand.moves(actions).unbind(2):
            for _ in range(3):
                tip = tip + move / 3
                gap = block - tip
                length = gap.norm(dim=-1, keepdim=True).clamp(min=1e-9)
                block = torch.where(length < radius, tip + gap / length * radius, block)
        return (block - hand.goal - 0.12 * hand.toward).norm(dim=-1)

    return cost


def valleys(actions: Tensor) -> Tensor:
    """A valley around zero, and a deeper one far away in the same direction in all steps."""
    far = actions.mean(dim=2) - torch.tensor([2.8, 0.0])
    return torch.minimum(actions.square().mean(dim=(2, 3)), far.square().sum(dim=-1) - 2.0)


def wall(seed: int):
    """Squared distance from a goal behind a wall, which stops the hand; it slides along it."""
    generator = torch.Generator().manual_seed(seed)
    goal = torch.tensor([0.3, 0.0]) + torch.tensor([0.0, 0.04]) * torch.randn(
        1, generator=generator
    )
    at, half = 0.15, 0.3

    def cost(actions: Tensor) -> Tensor:
        place = torch.zeros(*actions.shape[:2], 2)
        for move in (STEP * actions).unbind(2):
            share = (at - place[..., 0]) / torch.where(move[..., 0] == 0, 1e-9, move[..., 0])
            across = place[..., 1] + share * move[..., 1]
            hit = (share >= 0) & (share <= 1) & (across.abs() < half)
            before = at - 1e-3 * torch.where(place[..., 0] < at, 1.0, -1.0)
            stopped = torch.stack([before, across], dim=-1)
            place = torch.where(hit.unsqueeze(-1), stopped, place + move)
        return (place - goal).square().sum(-1)

    return cost


def plan(cost, preset, seed, **settings) -> float:
    """Return the cost of the plan in two numbers per step, unless the settings differ."""
    settings = {"action_dim": 2, "horizon": HORIZON} | settings
    return make_planner(preset, seed=seed, **settings).plan(cost).cost.item()


def solved(problem, below, preset, samples, iterations, **settings) -> int:
    """Count the seeds whose plan for the problem of that seed costs less than a limit."""
    settings |= {"num_samples": samples, "iterations": iterations, "bounds": (-2.0, 2.0)}
    if preset == "dino_wm":
        settings["num_elites"] = samples // 10
    return sum(plan(problem(seed), preset, seed, **settings) < below for seed in SEEDS)


@pytest.mark.parametrize(
    ("problem", "least", "most"), [(reward, 0.003, 0.012), (contact, 0.003, 0.03)]
)
def test_few_first_draws_show_anything(problem, least, most):
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(1, 20_000, HORIZON, ACTIONS, generator=generator)
    costs = torch.cat([problem(seed)(draws) for seed in SEEDS])
    flat = problem(SEEDS[0])(torch.zeros(1, 1, HORIZON, ACTIONS))
    assert least < ((costs - flat).abs() > 1e-6).float().mean() < most


@pytest.mark.parametrize(("samples", "iterations"), [(64, 10), (300, 5)])
def test_a_rare_reward_is_found(samples, iterations):
    assert solved(reward, 0.5, "full", samples, iterations, action_dim=ACTIONS) >= 9


@pytest.mark.parametrize(("samples", "iterations"), [(64, 10), (300, 5)])
def test_a_contact_that_few_draws_make_is_found(samples, iterations):
    assert solved(contact, 0.03, "full", samples, iterations, action_dim=ACTIONS) >= 5


@pytest.mark.parametrize(("problem", "below"), [(reward, 0.5), (contact, 0.03)])
def test_plain_cem_narrows_before_it_finds_them(problem, below):
    assert solved(problem, below, "dino_wm", 300, 5, action_dim=ACTIONS) <= 2


def test_candidates_that_look_elsewhere_find_a_deeper_valley():
    def found(preset, **settings):
        return sum(plan(valleys, preset, seed, **settings) < -1.5 for seed in SEEDS)

    assert found("full", broad=0.2) >= 11
    assert found("full", broad=0.0) <= 3
    assert found("dino_wm") <= 1


def test_a_way_around_a_wide_wall_is_found():
    assert solved(wall, 0.05**2, "full", 300, 30, horizon=8, broad=0.2) >= 3
    assert solved(wall, 0.05**2, "dino_wm", 300, 30, horizon=8) <= 1
