import itertools

import pytest

from wm_planner.config import SearchSize
from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.planning.history import Stage
from wm_planner.planning.schedule import looks, mean_calls, stages, widths_over_time


def test_many_candidates_are_drawn_in_halves_after_the_first_iterations():
    assert stages(SearchSize(300, 30), 0.05, 30) == [Stage(20, 1, 300, 285), Stage(10, 2, 150, 142)]
    assert stages(SearchSize(300, 5), 0.05, 30) == [Stage(5, 2, 150, 142)]


@pytest.mark.parametrize("samples", [2, 3, 64, 119, 121])
def test_few_or_odd_candidates_are_drawn_at_once(samples):
    (stage,) = stages(SearchSize(samples, 30), 0.0, 30)
    assert stage == Stage(30, 1, samples, samples)


@pytest.mark.parametrize("samples", [2, 7, 64, 128, 300, 4000])
@pytest.mark.parametrize("iterations", [1, 2, 5, 10, 11, 30])
def test_stages_have_all_candidates(samples, iterations):
    parts = stages(SearchSize(samples, iterations), 0.5, 30)
    assert sum(part.iterations for part in parts) == iterations
    assert all(part.iterations * part.calls * part.samples > 0 for part in parts)
    assert all(part.calls * part.samples == samples for part in parts)
    assert all(2 <= part.searching <= part.samples for part in parts)


def test_the_width_falls_from_one_to_the_final_sigma_over_all_stages():
    settings = AdaptiveCEMSettings(final_sigma=0.2)
    first, then = widths_over_time(stages(SearchSize(300, 30), 0.05, 30), settings)
    assert (len(first), len(then)) == (21, 21)
    assert first[-1] == then[0]
    assert (first[0], then[-1]) == (1.0, pytest.approx(0.2))
    assert all(after < before for before, after in itertools.pairwise([*first, *then[1:]]))


def test_a_short_search_stays_wider():
    ends = [
        widths_over_time(stages(SearchSize(64, n), 0.05, 30), AdaptiveCEMSettings())[-1][-1]
        for n in (5, 30)
    ]
    assert ends == [pytest.approx(0.11), pytest.approx(0.035)]


@pytest.mark.parametrize("samples", [64, 300])
@pytest.mark.parametrize("iterations", [1, 2, 3, 5, 10, 30])
def test_the_mean_is_a_candidate_at_first_and_before_each_look(samples, iterations):
    parts = stages(SearchSize(samples, iterations), 0.05, 30)
    calls, first = mean_calls(parts), 0
    assert calls[0][0] == 0
    ends = set()
    for part, each in zip(parts, calls, strict=True):
        ends |= {first + (call + 1) // part.calls for call in each if (call + 1) % part.calls == 0}
        first += part.iterations
    assert looks(iterations) <= ends
    assert all(1 < done < iterations for done in looks(iterations))
