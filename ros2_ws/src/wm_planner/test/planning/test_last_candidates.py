"""A plan comes with the candidates and costs of the last iteration that counts."""

import pytest
import torch

from wm_planner.config import PRESETS
from wm_planner.planning import StopReason, make_planner
from wm_planner.planning.history import History, Stage
from wm_planner.planning.planner import Problem

CALLS = {"online": 2, "full": 2, "cem_gd": 1, "dino_wm": 1, "mppi": 1, "gradient": 1, "random": 1}
"""Calls of the cost in the last iteration of each preset, for plans of few numbers."""


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("preset", PRESETS)
def test_they_are_those_of_the_last_iteration(preset, batch, bowl, recorder):
    cost = bowl(torch.linspace(-1, 1, batch * 6).view(batch, 3, 2))
    seen = recorder(cost)
    planner = make_planner(preset, action_dim=2, horizon=3, bounds=(-2.0, 2.0))
    result = planner.plan(seen, batch=batch)
    calls = [actions for actions in seen.actions if preset == "random" or actions.shape[1] > 1]
    (counted,) = set(result.stopped_at)
    # As on a GPU, a later iteration has begun when an early stop is noticed.
    end = len(calls) - CALLS[preset] * (result.iterations - counted)
    last = torch.cat(calls[end - CALLS[preset] : end], dim=1)
    torch.testing.assert_close(result.candidates, last, rtol=0, atol=0)
    torch.testing.assert_close(result.candidate_costs, cost(last), rtol=0, atol=0)


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize("preset", ["full", "dino_wm", "mppi", "gradient"])
def test_each_problem_of_a_batch_has_those_of_its_own_end(preset, bowl, recorder):
    """The second problem hardly falls, so it stops earlier than the first."""
    falling = bowl(torch.linspace(-1, 1, 12).view(2, 3, 2))

    def cost(actions):
        flat = 1.0 + 1e-5 * actions[1].sum((-1, -2)).sin()
        return torch.stack([falling(actions)[0], flat])

    seen = recorder(cost)
    planner = make_planner(preset, action_dim=2, horizon=3, patience=5)
    result = planner.plan(seen, batch=2)
    first, second = result.stopped_at
    assert second < first
    count = result.candidates.shape[1]
    torch.testing.assert_close(result.candidate_costs, cost(result.candidates), rtol=0, atol=0)
    assert result.candidates.shape == (2, count, 3, 2)
    calls = seen.iterations()
    early = next(i for i, c in enumerate(calls) if (c[1, 0] == result.candidates[1, 0]).all())
    # Calls before the one that the second problem ended with have as many candidates.
    per_iteration = count // calls[early].shape[1]
    assert early == (second - 1) * per_iteration


@pytest.mark.usefixtures("host_or_device")
def test_an_early_stop_leaves_those_of_the_iteration_at_which_it_stopped(recorder):
    seen = recorder(lambda a: 1.0 + 1e-5 * a.sum((-1, -2)).sin())
    result = make_planner("full", action_dim=2, horizon=3).plan(seen)
    assert result.stop_reason is StopReason.CONVERGED
    assert result.stopped_at == (6,)
    torch.testing.assert_close(result.candidates, seen.iterations()[5], rtol=0, atol=0)


def test_impossible_candidates_cost_inf(bowl):
    cost = bowl(torch.zeros(1, 3, 2))

    def half(actions):
        return torch.where(actions[..., 0, 0] > 0, cost(actions), torch.nan)

    result = make_planner("online", action_dim=2, horizon=3).plan(half)
    impossible = result.candidates[..., 0, 0] <= 0
    assert impossible.any()
    assert torch.equal(result.candidate_costs == torch.inf, impossible)


def test_costs_keep_their_precision():
    def cost(actions):
        return 1e9 + actions.double().square().sum((-1, -2))

    result = make_planner("online", action_dim=2, horizon=3).plan(cost)
    torch.testing.assert_close(result.candidate_costs, cost(result.candidates), rtol=0, atol=0)


def test_problems_that_end_in_stages_of_other_sizes_are_filled_up():
    problem = Problem(2, 3)
    history = History([Stage(1, 1, 4, 4), Stage(1, 2, 3, 3)], 2, problem, at_once=True)
    for block in history.blocks:
        block.candidates.normal_()
        block.costs.normal_()
    actions, costs = history.last([1, 2])
    first, second = history.blocks
    assert actions.shape == (2, 6, 3, 2)
    assert torch.equal(actions[0, :4], first.actions[0][0])
    assert torch.equal(costs[0], torch.cat([first.costs[0, 0], torch.full((2,), torch.inf)]))
    assert torch.equal(actions[1], torch.cat([second.actions[0][1], second.actions[1][1]]))
    assert torch.equal(costs[1], torch.cat([second.costs[0, 1], second.costs[1, 1]]))


@pytest.mark.parametrize("calls", [1, 2])
def test_they_share_the_memory_of_the_search(calls):
    history = History([Stage(3, calls, 4, 4)], 1, Problem(2, 3), at_once=True)
    actions, costs = history.last([3])
    (block,) = history.blocks
    assert actions.untyped_storage().data_ptr() == block.candidates.untyped_storage().data_ptr()
    assert costs.untyped_storage().data_ptr() == block.costs.untyped_storage().data_ptr()
