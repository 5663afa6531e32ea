import math

import pytest
import torch

from wm_planner.planning.ties import Ties


def look(costs, searching=40, ties=None):
    ranked = costs[:, :searching].sort(dim=1).values.tolist()
    return (ties or Ties()).look(costs.numpy(), ranked)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_host_sees_what_the_device_sees(dtype):
    costs = torch.ones(6, 40, dtype=dtype)
    costs[1] += 1e-7 * torch.rand(40).round()  # rounding
    costs[2, 5] = 0.5
    costs[3, :20] = torch.inf
    costs[4] = torch.inf
    costs[5] = torch.linspace(1, 2, 40)
    ties = Ties()
    seen = look(costs)
    assert seen.told == ties.told_apart(costs).tolist() == [False, False, True, False, False, True]
    assert seen.lowest == costs.amin(dim=1).tolist()
    assert seen.typical == costs.median(dim=1).values.tolist()
    assert ties.threshold(costs).dtype == dtype


@pytest.mark.parametrize(
    ("place", "cost", "expected"),
    [
        (3, 1.1, False),
        (3, 1.0, True),  # as another one
        (38, 2.5 - 2e-7, True),  # as the worst one, but for rounding
        (3, math.inf, True),
        (3, 5.0, False),
    ],
)
def test_the_host_sees_ties(place, cost, expected):
    costs = torch.linspace(1, 2.5, 40).view(1, -1)
    costs[0, place] = cost
    assert look(costs).ties is expected


def test_candidates_that_look_elsewhere_count_for_the_lowest_cost_only():
    costs = torch.cat([torch.linspace(2, 3, 40), torch.tensor([1.0, 1.0, torch.inf])])
    seen = look(costs.view(1, -1))
    assert (seen.lowest, seen.told, seen.ties) == ([1.0], [True], False)
    assert seen.typical[0] == pytest.approx(2.5, abs=0.02)


def test_costs_within_their_own_rounding_tie():
    costs = (3.0 + 1e-3 * torch.linspace(-1, 1, 40)).half().float().view(1, -1)
    ties = Ties()
    assert bool(ties.told_apart(costs))
    ties.eps = torch.finfo(torch.float16).eps
    assert not ties.told_apart(costs)


def test_searches_that_compare_nothing_are_told_by_any_costs():
    assert bool(Ties(compares=False).told_apart(torch.ones(1, 40)))
    assert look(torch.ones(1, 40), ties=Ties(compares=False)).told == [True]
