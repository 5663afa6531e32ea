"""Rollouts are counted without computing all of them, and timed as plans compute them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import recordings
import small_dino_wm
import torch
from torch.utils._python_dispatch import _disable_current_modes

from wm_planner.diagnosis import plan_cost as plan_cost_module
from wm_planner.diagnosis.plan_cost import PROBE, PlanCost, plan_cost
from wm_planner.models import load
from wm_planner.planning import Objective, captured
from wm_planner.worker.trials import Way


def _cost(model: Any, compute: str = "eager") -> PlanCost:
    way = Way("float32", compute)
    return plan_cost(model, Objective(), way, samples=4 * PROBE, iterations=2, horizon=3)


def test_a_static_rollout_costs_the_same_without_computing_all_candidates() -> None:
    model: Any = load(recordings.EMBEDDED, "cpu")
    computed = _cost(model)
    model.static_rollout = True
    counted = _cost(model)
    assert (computed.timed_candidates, counted.timed_candidates) == (4 * PROBE, 4 * PROBE)
    assert counted.rollout_flop == computed.rollout_flop > 0
    assert counted.peak_bytes == pytest.approx(computed.peak_bytes, rel=0.1)


@pytest.mark.usefixtures("captures")
def test_the_encoder_is_counted_though_it_is_a_graph(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a graph does, nobody sees."""
    capture = captured.capture

    def hidden(function: Any, inputs: Any) -> Any:
        replay = capture(function, inputs)

        def unseen() -> torch.Tensor:
            with _disable_current_modes():
                return replay()

        return unseen

    monkeypatch.setattr(captured, "capture", hidden)
    model = small_dino_wm.random_model(tmp_path, device=device)
    graphs, eager = _cost(model, "graphs"), _cost(model, "eager")
    assert graphs.encode_flop == eager.encode_flop > 0
    assert graphs.rollout_flop == eager.rollout_flop


@pytest.mark.usefixtures("captures")
def test_what_is_timed_are_replays_of_graphs_that_were_captured_before(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    capture, seconds = captured.capture, plan_cost_module.seconds

    def recorded(cost: Any, inputs: Any) -> Any:
        events.append("capture")
        replay = capture(cost, inputs)
        return lambda: (events.append("replay"), replay())[1]

    def timed(*call: Any) -> float:
        events.append("timed")
        return seconds(*call)

    monkeypatch.setattr(captured, "capture", recorded)
    monkeypatch.setattr(plan_cost_module, "seconds", timed)
    model: Any = load(recordings.EMBEDDED, device)
    model.static_rollout = True
    assert _cost(model, "graphs").timed_candidates == 4 * PROBE
    sizes = events.count("capture")
    assert sizes >= 1
    assert events == ["capture", "replay", *["timed", "replay"] * 3] * sizes
