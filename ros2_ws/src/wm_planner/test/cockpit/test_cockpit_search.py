"""Which searches the page shows: finite, of one piece, and not too large."""

from __future__ import annotations

import math
from typing import Any

import pytest
from cockpit_messages import at, search

from wm_planner.cockpit.inputs import LARGEST, MAX_NUMBERS, believable
from wm_planner.message_limits import MAX_LIST

NO_CANDIDATES: dict[str, Any] = {"candidates": [], "candidate_costs": []}
NUMBERS = ("actions", "deviations", "cost_history")
IMPOSSIBLE = (math.nan, math.inf, -math.inf, LARGEST, -LARGEST)
NOWHERE = (at(math.nan), at(0.0, math.inf), at(0.0, 0.0, -1e7))


@pytest.mark.parametrize(
    "fields",
    [
        {}, NO_CANDIDATES, {"path": [], **NO_CANDIDATES}, {"path": [], "candidates": []},
        {"cost_history": []}, {"actions": [0.0] * (MAX_NUMBERS - 1000)},
        {"actions": [LARGEST * 0.99, -LARGEST * 0.99]}, {"action_names": ["x"] * MAX_LIST},
    ],
)  # fmt: skip
def test_a_search_of_a_planner_is_believed(fields: dict[str, Any]) -> None:
    assert believable(search(**fields))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", IMPOSSIBLE)
def test_a_search_with_an_impossible_number_is_not_believed(name: str, value: float) -> None:
    assert not believable(search(**{name: [0.1, value]}))


@pytest.mark.parametrize("value", IMPOSSIBLE)
def test_a_candidate_of_an_impossible_cost_is_not_believed(value: float) -> None:
    assert not believable(search(candidate_costs=[1.0, 2.0, value]))


@pytest.mark.parametrize("place", NOWHERE, ids=["NaN", "infinite", "far"])
def test_a_search_with_an_impossible_place_is_not_believed(place: Any) -> None:
    assert not believable(search(path=[at(0.0), place]))
    assert not believable(search(candidates=[at(0.0)] * 5 + [place]))


@pytest.mark.parametrize(
    "fields",
    [
        {"candidates": [at(0.0)] * 5}, {"candidates": [at(0.0)] * 7}, {"candidates": []},
        {"path": [at(0.0)]}, {"path": [], "candidates": [at(0.0)]}, {"path": []},
        {"candidate_costs": [1.0, 2.0]}, {"candidate_costs": []},
    ],
)  # fmt: skip
def test_candidates_without_a_path_or_a_cost_each_are_not_believed(fields: dict[str, Any]) -> None:
    """Their points would be joined to other lines than were searched."""
    assert not believable(search(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"actions": [0.0] * MAX_NUMBERS}, {"action_names": ["x"] * (MAX_LIST + 1)},
        {"path": [at(0.0)] * (MAX_NUMBERS // 3), **NO_CANDIDATES},
    ],
    ids=["numbers", "names", "places"],
)  # fmt: skip
def test_a_search_that_is_too_large_is_not_believed(fields: dict[str, Any]) -> None:
    assert not believable(search(**fields))
