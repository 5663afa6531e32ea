"""The search itself takes few operations, each of which is a launch on a GPU."""

from __future__ import annotations

import pytest
import torch

from wm_planner.diagnosis.cost import cost_of
from wm_planner.planning import make_planner
from wm_planner.planning.reading import Reading


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize(
    ("known", "most"),
    [(True, 325), (False, 856)],
    ids=["no noise, as the host soon knows", "maybe noise"],
)
def test_an_online_plan_takes_few_operations(
    monkeypatch: pytest.MonkeyPatch, known: bool, most: int
) -> None:
    """Of 64 candidates in 5 iterations, beside those of the cost; on a GPU no call is looked at."""
    monkeypatch.setattr(Reading, "arrived", lambda self: known)
    planner = make_planner("online", action_dim=10, horizon=5, num_samples=64)

    def cost(actions: torch.Tensor) -> torch.Tensor:
        return actions[:, :, 0, 0]  # tells all candidates apart, and computes nothing

    planner.plan(cost)  # makes what all plans share
    counted = cost_of(lambda: planner.plan(cost), pretend=False).operations
    assert counted <= most
