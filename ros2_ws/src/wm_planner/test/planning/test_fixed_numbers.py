"""Numbers that are not searched keep their value, and others begin with their own deviation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wm_planner.config import PRESETS, PlanningConfig
from wm_planner.planning import BoundsError, Planner, Problem, build_planner

DIMS, HORIZON = 3, 4
FIXED = 0.7
DEVIATION = [1.0, 0.01, 1.0]


def planner(preset: str, device: str, **changes: object) -> Planner:
    bounds = ([-9.0, -9.0, FIXED], [9.0, 9.0, FIXED])
    problem = Problem(DIMS, HORIZON, bounds, device=device, **changes)
    return build_planner(PlanningConfig(), problem, preset)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_number_with_equal_bounds_is_never_searched(preset: str, device: str) -> None:
    seen: list[Tensor] = []

    def cost(actions: Tensor) -> Tensor:
        seen.append(actions.detach().clone())
        return (actions - 0.3).square().sum(dim=(2, 3))

    result = planner(preset, device).plan(cost)
    found = torch.cat([actions.reshape(-1, HORIZON, DIMS) for actions in [*seen, result.actions]])
    torch.testing.assert_close(found[..., 2], torch.full_like(found[..., 2], FIXED))
    assert found[..., :2].std() > 0


@pytest.mark.parametrize("preset", PRESETS)
def test_the_first_draws_of_a_number_have_its_own_deviation(preset: str, device: str) -> None:
    seen: list[Tensor] = []

    def cost(actions: Tensor) -> Tensor:
        seen.append(actions.detach().clone())
        return actions.square().sum(dim=(2, 3))

    planner(preset, device, deviation=DEVIATION).plan(cost)
    spread = seen[0].reshape(-1, DIMS).std(dim=0)
    assert 30 < spread[0] / spread[1] < 300


@pytest.mark.parametrize("deviation", [0.0, [1.0, -1.0, 1.0], float("nan"), [1.0]])
def test_an_impossible_deviation_is_refused(deviation: object) -> None:
    with pytest.raises(BoundsError, match="deviation"):
        planner("online", "cpu", deviation=deviation)
