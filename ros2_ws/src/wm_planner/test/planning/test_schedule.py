import math

import pytest

from wm_planner.config import SearchSize
from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.planning.schedule import Schedule


def test_elites_and_rates_follow_the_number_of_samples():
    few, many = (Schedule(n, SearchSize(n, 30), AdaptiveCEMSettings()) for n in (64, 300))
    assert (few.elites, many.elites) == (13, 60)
    assert few.rate(30, warm=False) < many.rate(30, warm=False)
    assert few.rate(30, warm=True) == pytest.approx(few.rate(30, warm=False) / 2)


def test_rates_that_are_set_replace_those_of_the_schedule():
    still = AdaptiveCEMSettings(learning_rate=0.0, warm_learning_rate=0.3)
    schedule = Schedule(300, SearchSize(300, 30), still)
    assert (schedule.rate(30, warm=False), schedule.rate(30, warm=True)) == (0.0, 0.3)


def test_the_width_falls_from_one_to_the_final_sigma():
    schedule = Schedule(300, SearchSize(300, 5), AdaptiveCEMSettings(final_sigma=0.2))
    assert len(schedule.narrowing) == 5
    assert math.prod(schedule.narrowing) == pytest.approx(0.2)
    assert max(schedule.narrowing) < 1.0
