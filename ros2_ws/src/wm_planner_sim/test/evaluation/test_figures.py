"""Shares of reached goals with their intervals."""

from __future__ import annotations

import pytest

from wm_planner_sim.evaluation.episodes import Episode
from wm_planner_sim.evaluation.figures import Share, share, summary


def test_wilson_s_interval_is_that_of_the_formula() -> None:
    """Wilson (1927): (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)."""
    low, high = Share(75, 100).interval
    assert low == pytest.approx(0.6569, abs=1e-4)
    assert high == pytest.approx(0.8245, abs=1e-4)
    assert str(Share(75, 100)) == "75 of 100 (65.7 to 82.5 %)"


def test_an_interval_at_the_ends_is_not_empty() -> None:
    assert Share(0, 30).interval == pytest.approx((0.0, 0.1135), abs=1e-4)
    assert Share(30, 30).interval == pytest.approx((0.8865, 1.0), abs=1e-4)


@pytest.mark.parametrize(
    ("few", "many", "agree"), [(28, 97, True), (20, 97, False), (30, 85, False)]
)
def test_two_shares_agree_if_each_lies_in_the_other_s_interval(
    few: int, many: int, agree: bool
) -> None:
    assert Share(few, 30).agrees(Share(many, 100)) is agree
    assert Share(many, 100).agrees(Share(few, 30)) is agree


def test_a_summary_counts_what_ended_near_the_goal() -> None:
    near = Episode(0.02, [0.2, 0.01], actions=[[0.1]], plan_times=[0.1], ended=True)
    far = Episode(0.02, [0.2, 0.05, 0.03], actions=[[0.1]] * 2, plan_times=[0.2, 0.3])
    assert share([near, far]) == Share(1, 2)
    figures = summary([near, far])
    assert figures["success_rate"] == 0.5
    assert figures["final_distance_mean"] == pytest.approx(0.02)
    assert figures["steps_mean"] == 1.5
    assert figures["batched_plan_time_median"] == pytest.approx(0.2)
    assert figures["ended"] == 1


def test_actions_without_plans_have_no_plan_time() -> None:
    assert summary([Episode(0.02, [0.2], plan_times=[])])["batched_plan_time_median"] is None
