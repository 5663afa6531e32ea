from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import torch

from wm_planner.models import load
from wm_planner.models.protocol import Latent
from wm_planner.planning import Objective
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
    replay = weakref.ref(scoring._replay)
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
