"""Rollouts of a model with ``static_rollout`` are counted without computing all of them."""

from __future__ import annotations

from typing import Any

import pytest
import recordings
import torch

from wm_planner.diagnosis.plan_cost import PROBE, PlanCost, plan_cost
from wm_planner.models import load


def _cost(model: Any) -> PlanCost:
    return plan_cost(model, torch.float32, samples=4 * PROBE, iterations=2, horizon=3)


def test_a_static_rollout_costs_the_same_without_computing_all_candidates() -> None:
    model: Any = load(recordings.EMBEDDED, "cpu")
    computed = _cost(model)
    model.static_rollout = True
    counted = _cost(model)
    assert (computed.timed_candidates, counted.timed_candidates) == (4 * PROBE, 4 * PROBE)
    assert counted.rollout_flop == computed.rollout_flop > 0
    assert counted.peak_bytes == pytest.approx(computed.peak_bytes, rel=0.1)
