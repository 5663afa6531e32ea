"""Whose fault a missed goal was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wm_planner_sim.evaluation.episodes import Episode
from wm_planner_sim.evaluation.failures import why_missed

STEPS = 12
STUCK = Episode(
    0.03,
    distances=[0.2] * (STEPS + 1),
    places=[[0.5, 0.0, 0.02]] * (STEPS + 1),
    model_distances=[2.0] * (STEPS + 1),
    promised=[1.9] * STEPS,
    actions=[[0.0, 0.0]] * STEPS,
    cut=[False] * STEPS,
)
"""An episode in which nothing happened, and no plan promised anything."""
MOVED = [[0.5 + 0.05 * min(i, 3), 0.0, 0.02] for i in range(STEPS + 1)]
"""Places of an object that was moved by 15 cm and then left."""


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, "planner"),
        ({"ended": True}, "model"),
        ({"cut": [False] * 8 + [True] * 4}, "limits"),
        ({"promised": [0.3] * STEPS}, "model"),
        ({"promised": [0.3] * STEPS, "places": MOVED}, "contact lost"),
        ({"places": MOVED}, "planner"),
        ({"promised": [], "model_distances": []}, "planner"),
        ({"promised": [float("nan")] * STEPS}, "planner"),
        ({"distances": [0.2, 0.01], "placed": False, "ended": True}, "planner"),
        ({"passed": [0] * 10 + [1] * 3}, "planner"),
        ({"distances": [0.2, 0.1], "placed": False, "ended": True}, "model"),
    ],
)
def test_the_record_tells_whose_fault_it_was(changes: dict[str, object], fault: str) -> None:
    episode = replace(STUCK, **changes)  # type: ignore[arg-type]
    assert why_missed(episode, carried=True)[0] == fault


def test_a_plan_that_promises_little_is_the_planner_s() -> None:
    nearly = replace(STUCK, promised=(0.8 * np.array(STUCK.model_distances[1:])).tolist())
    assert why_missed(nearly, carried=True)[0] == "planner"


def test_a_hand_loses_no_contact() -> None:
    stopped = replace(STUCK, promised=[0.3] * STEPS, places=MOVED)
    assert why_missed(stopped, carried=False)[0] == "model"


def test_a_goal_taken_for_reached_at_once_is_the_model_s_fault() -> None:
    at_once = Episode(0.03, [0.2], [[0.5, 0.0, 0.02]], [0.01], ended=True)
    assert why_missed(at_once, carried=True)[0] == "model"
