"""If asked, the engine returns candidates of the search's last iteration in physical units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from wm_planner.config import Config
from wm_planner.models.goals import encode_goal
from wm_planner.planning import PlanResult
from wm_planner.types import Goal, Observation
from wm_planner.worker.engine import Engine
from wm_planner.worker.explained import MOST, explained
from wm_planner.worker.messages import Candidates, PlanOnce, PlanRequest, SetGoal


def _seen(shade: int) -> Observation:
    return Observation((np.full((12, 16, 3), shade, np.uint8),))


GOAL = Goal(_seen(200))


class Bench:
    """An engine with a goal, and the results of its searches."""

    def __init__(self, config: Config) -> None:
        self.engine = Engine(config)
        self.engine.set_goal(SetGoal(1, GOAL))
        self.results: list[PlanResult] = []
        search = self.engine._plan

        def recorded(*args: Any) -> PlanResult:
            self.results.append(search(*args))
            return self.results[-1]

        self.engine._plan = recorded  # type: ignore[method-assign]

    def explain(self, shade: int = 100) -> Candidates:
        """Plan from a gray image, and return what is told of the search."""
        found = self.engine.answer(PlanRequest(1, _seen(shade), explain=True)).candidates
        assert found is not None
        return found


@pytest.fixture
def bench(toy_config: Callable[..., Config]) -> Callable[..., Bench]:
    def make(*, preset: str = "online", num_samples: int = 100, **faults: Any) -> Bench:
        config = toy_config(**faults)
        config.planning.preset = preset
        config.planning.num_samples = num_samples if preset == "online" else None
        if preset != "online":
            config.planning.iterations = config.planning.num_elites = None
        return Bench(config)

    return make


def test_some_candidates_are_returned_from_the_cheapest_to_the_dearest(
    bench: Callable[..., Bench],
) -> None:
    rig = bench()
    found, spec = rig.explain(), rig.engine.spec
    assert found.actions.shape == (MOST, 5, 3)
    costs = rig.results[0].candidate_costs[0].double().sort().values.numpy()
    assert len(costs) == 100
    ranks = np.searchsorted(costs, found.costs)
    np.testing.assert_array_equal(costs[ranks], found.costs)
    assert (ranks[0], ranks[-1]) == (0, 99)
    assert set(np.diff(ranks)) <= {3, 4}, "evenly by rank"
    # The model itself gives these costs to these actions.
    latent = rig.engine._encode(_seen(100))
    cost = rig.engine._scoring.cost(latent, encode_goal(rig.engine._model, GOAL))
    normalized = torch.tensor(spec.normalize_actions(found.actions), dtype=torch.float32)
    with torch.inference_mode():
        again = cost(normalized[None])[0]
    np.testing.assert_allclose(again.numpy(), found.costs, rtol=1e-4, atol=1e-6)


def test_the_deviations_are_those_of_the_elites_in_physical_units(
    bench: Callable[..., Bench],
) -> None:
    rig = bench()
    deviations, spec = rig.explain().deviations, rig.engine.spec
    (result,) = rig.results
    elites = result.candidates[0][result.candidate_costs[0].argsort()[:10]].double()
    wanted = elites.std(dim=0).numpy() * np.tile(spec.statistics.action.std, spec.frameskip)
    np.testing.assert_allclose(deviations, wanted, rtol=1e-6)
    assert (deviations > 0).all()


def test_nothing_is_returned_unless_it_is_asked_for(bench: Callable[..., Bench]) -> None:
    engine = bench().engine
    assert engine.answer(PlanRequest(1, _seen(100), imagine=True)).candidates is None
    assert engine.answer(PlanOnce(1, _seen(100), GOAL)).candidates is None


def test_a_plan_that_learned_nothing_has_candidates_too(bench: Callable[..., Bench]) -> None:
    rig = bench(needs_light=True)
    found = rig.explain(shade=0)
    assert rig.results[0].learned == (False,)
    assert len(found.costs) == MOST
    assert len(found.deviations) == 5


@pytest.mark.parametrize(("preset", "count"), [("random", 1), ("gradient", 8), ("cem_gd", 4)])
def test_a_planner_of_few_candidates_returns_all(
    bench: Callable[..., Bench], preset: str, count: int
) -> None:
    rig = bench(preset=preset)
    found = rig.explain()
    (result,) = rig.results
    assert result.candidates.shape[1] == len(found.costs) == count
    assert found.deviations.shape == ((5, 3) if count > 1 else (0, 3))


@pytest.mark.parametrize("possible", [0, 1, 2, 40])
def test_impossible_candidates_are_left_out(bench: Callable[..., Bench], possible: int) -> None:
    rig = bench()
    rig.explain()
    (result,) = rig.results
    costs = result.candidate_costs.clone()
    costs[:, possible:] = torch.inf
    found = explained(replace(result, candidate_costs=costs), rig.engine.spec)
    assert len(found.costs) == len(found.actions) == min(possible, MOST)
    assert np.isfinite(found.costs).all()
    assert found.deviations.shape == ((5, 3) if possible > 1 else (0, 3))
    assert np.isfinite(found.deviations).all()


def test_a_candidate_that_is_not_finite_is_left_out(bench: Callable[..., Bench]) -> None:
    rig = bench()
    rig.explain()
    (result,) = rig.results
    actions = result.candidates.clone()
    actions[0, 1:, 2] = torch.nan
    found = explained(replace(result, candidates=actions), rig.engine.spec)
    assert found.actions.shape == (1, 5, 3)
