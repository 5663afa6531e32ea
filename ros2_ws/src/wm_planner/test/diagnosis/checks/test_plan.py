"""Whether the planner or the model is at fault, from the losses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wm_planner.diagnosis.checks.plan import interpret
from wm_planner.diagnosis.planning_losses import Losses, tie

GOOD = Losses(
    itself=0.0, start=1.0, zero=1.0, mean=1.1, plan=0.1, plan_visual=0.05, plan_end=0.1,
    recorded=0.2, recorded_end=0.2,
)  # fmt: skip
ALONE = replace(GOOD, recorded=None, recorded_end=None)


def test_a_plan_as_good_as_the_recorded_actions_is_sound() -> None:
    for losses in (GOOD, ALONE):
        result = interpret(losses)
        assert (result.verdict, result.sentence) == ("ok", "")
        assert result.score == pytest.approx(0.1)


def test_recorded_actions_that_lead_nowhere_accuse_the_model_and_its_causes() -> None:
    result = interpret(replace(GOOD, recorded_end=0.95), causes=["epoch", "action_stats"])
    assert result.verdict == "stop"
    assert result.sentence.startswith("THE MODEL, or its input")
    assert "'epoch', 'action_stats'" in result.sentence
    assert result.score == 0.95, "the plan's own loss is no reason"


def test_a_plan_worse_than_the_recorded_actions_accuses_the_planner() -> None:
    result = interpret(replace(GOOD, plan=0.5))
    assert result.verdict == "warn"
    assert result.sentence.startswith("THE PLANNER")
    assert interpret(replace(GOOD, plan=0.95)).verdict == "stop"


def test_a_search_cut_for_time_is_mentioned() -> None:
    assert (
        "ran out of time after 2 iterations"
        in interpret(replace(GOOD, plan=0.5, iterations=2)).sentence
    )


def test_a_goal_unlike_itself_accuses_the_model() -> None:
    assert "against itself" in interpret(replace(GOOD, itself=0.01)).sentence


def test_without_recorded_actions_a_useless_plan_only_warns() -> None:
    result = interpret(replace(ALONE, plan=0.95, plan_visual=0.9))
    assert result.verdict == "warn"
    assert "give --bag or --dataset" in result.sentence


def test_a_loss_that_is_all_state_points_to_the_goal_s_proprio() -> None:
    result = interpret(replace(ALONE, plan=0.97, plan_visual=0.02))
    assert "98% of its loss comes from the state" in result.sentence
    assert "'goal_proprio'" in result.sentence


def test_a_plan_that_ends_farther_than_the_start_warns() -> None:
    assert "farther from the goal" in interpret(replace(ALONE, plan_end=1.2)).sentence


def test_absolute_actions_are_compared_with_the_mean_action() -> None:
    losses = replace(ALONE, zero=0.05, plan=0.2)
    assert interpret(losses).verdict == "warn"
    assert interpret(losses, absolute=True).verdict == "ok"


def test_candidates_that_nothing_distinguishes_accuse_the_model_before_anything_else() -> None:
    for losses in (GOOD, ALONE, replace(GOOD, plan=0.95, recorded_end=0.95)):
        result = interpret(replace(losses, flat=1), causes=["action_use"])
        assert result.verdict == "stop"
        assert "nothing distinguishes the candidates. To the model" in result.sentence
        assert "Fix 'action_use' first" in result.sentence
    result = interpret(replace(ALONE, start=0.0, flat=1))
    assert "Start and goal are the same to it, too" in result.sentence


def test_some_tasks_in_which_nothing_distinguishes_the_candidates_only_warn() -> None:
    result = interpret(replace(GOOD, tasks=3, flat=1))
    assert result.verdict == "warn"
    assert "the candidates in 1 of 3 plans" in result.sentence


def test_candidates_that_only_the_state_distinguishes_warn() -> None:
    result = interpret(replace(GOOD, flat_visual=1))
    assert result.verdict == "warn"
    assert "by their images: the plan lowers the state's part" in result.sentence


def test_losses_tie_within_rounding() -> None:
    assert tie(np.full(4, 0.3))
    assert tie(np.zeros(4))
    assert tie(1.0 + 1e-6 * np.arange(4.0))
    assert not tie(1.0 + 1e-4 * np.arange(4.0))
    assert tie(np.array([0.3, np.inf, 0.3])), "an impossible candidate distinguishes no other"
    assert not tie(np.array([np.inf, np.nan, 0.3])), "nothing to compare"


def test_equal_start_and_goal_ask_for_another_goal() -> None:
    assert "a goal that differs" in interpret(replace(GOOD, start=0.0, recorded_end=0.0)).sentence
