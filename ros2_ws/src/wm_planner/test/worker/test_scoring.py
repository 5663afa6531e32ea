from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from wm_planner.models import load
from wm_planner.models.protocol import Latent
from wm_planner.planning import Objective
from wm_planner.planning.captured import Captured
from wm_planner.planning.chunks import CostFn
from wm_planner.worker import scoring as scoring_module
from wm_planner.worker.scoring import Scoring

pytestmark = pytest.mark.usefixtures("captures")
MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"


@pytest.mark.parametrize("captured", [False, True])
def test_costs_are_those_of_the_latents_given_last(captured: bool) -> None:
    model, objective = load(MODEL, "cpu"), Objective()
    scoring = Scoring(model, objective, captured=captured)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        latent, goal = (Latent(torch.randn(1, 1, 1, 3, generator=generator)) for _ in range(2))
        actions = torch.randn(1, 4, 5, 3, generator=generator)
        expected = model.distance(model.rollout(latent, actions), goal, objective)
        torch.testing.assert_close(scoring.cost(latent, goal)(actions), expected)


def test_what_a_scoring_captured_is_freed_with_it() -> None:
    scoring = Scoring(load(MODEL, "cpu"), Objective(), captured=True)
    cost = scoring.cost(Latent(torch.zeros(1, 1, 1, 3)), Latent(torch.ones(1, 1, 1, 3)))
    cost(torch.zeros(1, 2, 3, 3))
    replay = weakref.ref(next(iter(scoring._replays.values()))[1])
    gc.disable()  # nothing may wait for it
    try:
        del scoring, cost
        assert replay() is None
    finally:
        gc.enable()


def test_captured_costs_can_still_be_differentiated() -> None:
    scoring = Scoring(load(MODEL, "cpu"), Objective(), captured=True)
    latent, goal = Latent(torch.zeros(1, 1, 1, 3)), Latent(torch.ones(1, 1, 1, 3))
    actions = torch.zeros(1, 2, 3, 3, requires_grad=True)
    scoring.cost(latent, goal)(actions).sum().backward()
    assert actions.grad is not None
    assert actions.grad.abs().max() > 0


def test_captured_costs_follow_a_batch_of_another_size() -> None:
    scoring = Scoring(load(MODEL, "cpu"), Objective(), captured=True)
    for batch in (1, 2):
        latent, goal = (Latent(torch.randn(batch, 1, 1, 3)) for _ in range(2))
        assert scoring.cost(latent, goal)(torch.zeros(batch, 4, 2, 3)).shape == (batch, 4)


def test_each_number_of_observed_frames_is_captured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Counted(Captured):
        def __init__(self, cost: CostFn) -> None:
            made.append(cost)
            super().__init__(cost)

    monkeypatch.setattr(scoring_module, "Captured", Counted)
    model = load(MODEL, "cpu")
    scoring = Scoring(model, Objective(), captured=True)
    actions, goal = torch.randn(1, 4, 2, 3), Latent(torch.randn(1, 1, 1, 3))
    for frames in (1, 2, 3, 1, 2, 3):
        latent = Latent(torch.randn(1, frames, 1, 3))
        expected = model.distance(model.rollout(latent, actions), goal)
        torch.testing.assert_close(scoring.cost(latent, goal)(actions), expected)
    assert len(made) == 3


@pytest.mark.parametrize("mode", ["last", "all", "mean"])
def test_costs_mean_the_same_however_many_frames_were_observed(mode: str) -> None:
    """A model whose rollouts begin with all that it observed, and copy the newest frame."""

    class Still:
        def rollout(self, latent: Latent, actions: torch.Tensor) -> Latent:
            count, horizon = actions.shape[1:3]
            seen, state = (
                part[:, None].expand(-1, count, *part.shape[1:])
                for part in (latent.visual, latent.proprio)
            )
            return Latent(
                torch.cat([seen, *[seen[:, :, -1:]] * horizon], dim=2),
                torch.cat([state, *[state[:, :, -1:]] * horizon], dim=2),
            )

        def distance(self, latent: Latent, goal: Latent, objective: Objective) -> torch.Tensor:
            far = (latent.visual - goal.visual[:, None]).square().mean(dim=(-2, -1))
            return objective(far, (latent.proprio - goal.proprio[:, None]).square().mean(dim=-1))

    model: Any = Still()
    scoring = Scoring(model, Objective(mode=mode))
    seen, states = torch.randn(1, 3, 2, 4), torch.randn(1, 3, 5)
    goal = Latent(torch.randn(1, 1, 2, 4), torch.randn(1, 1, 5))
    actions = torch.zeros(1, 2, 4, 3)
    alone = scoring.cost(Latent(seen[:, -1:], states[:, -1:]), goal)(actions)
    torch.testing.assert_close(scoring.cost(Latent(seen, states), goal)(actions), alone)
