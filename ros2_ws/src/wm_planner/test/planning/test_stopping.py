import math
import time

import pytest
import torch

from wm_planner.config.planners import StoppingSettings
from wm_planner.planning import (
    PlanCanceledError,
    StopReason,
    make_planner,
    solver,
    stopping,
)
from wm_planner.planning.stopping import Patience


def stops_at(costs, patience=3, min_improvement=0.001, told=True, typical=None):
    follower = Patience(StoppingSettings(patience, min_improvement), 1)
    for cost, median in zip(costs, typical or costs, strict=True):
        if follower.update([cost], [median], [told]):
            break
    return follower.stopped_at[0]


def test_falling_cost_never_stops():
    assert stops_at([0.9**i for i in range(50)]) is None


def test_constant_cost_stops_after_the_patience():
    assert stops_at([1.0] * 10) == 4


def test_zero_cost_stops_after_the_patience():
    assert stops_at([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]) == 5


def test_negative_cost_that_falls_never_stops():
    assert stops_at([-1.0 * 1.1**i for i in range(30)]) is None


def test_negative_cost_that_stays_stops():
    assert stops_at([-5.0] * 10) == 4


def test_rising_cost_stops():
    assert stops_at([1.0 + i for i in range(10)]) == 4


def test_improvement_below_the_threshold_counts_as_none():
    assert stops_at([1.0, 0.9999, 0.9998, 0.9997, 0.9996]) == 4


def test_improvement_of_a_negative_cost_is_measured_by_its_size():
    assert stops_at([-1.0, -1.0001, -1.0002, -1.0003, -1.0004]) == 4


def test_small_improvements_that_add_up_count():
    assert stops_at([1.0 - 0.0004 * i for i in range(30)]) is None


def test_patience_waits_for_the_first_finite_cost():
    assert stops_at([math.inf] * 20 + [1.0] * 4) == 24


def test_defaults_are_five_and_a_thousandth():
    assert StoppingSettings() == StoppingSettings(patience=5, min_improvement=0.001)


def test_a_lucky_candidate_does_not_stop_a_search_whose_median_falls():
    assert stops_at([1.0] * 30, typical=[9.0 * 0.9**i for i in range(30)]) is None
    assert stops_at([1.0] * 30, typical=[9.0 - min(i, 5) for i in range(30)]) == 9


def test_iterations_that_tell_nothing_apart_do_not_count():
    assert stops_at([1.0] * 30, told=False) is None


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize("preset", ["full", "mppi", "dino_wm"])
def test_a_flat_cost_is_searched_to_the_end(preset):
    planner = make_planner(preset, action_dim=2, horizon=3, patience=5)
    result = planner.plan(lambda a: torch.ones(a.shape[:2]))
    assert (result.stop_reason, result.iterations) == (StopReason.ITERATIONS, 30)


@pytest.mark.usefixtures("host_or_device")
def test_plan_stops_when_the_cost_does_not_fall():
    planner = make_planner("full", action_dim=2, horizon=3)
    result = planner.plan(lambda a: 1.0 + 1e-5 * a.sum((-1, -2)).sin())
    assert result.stop_reason is StopReason.CONVERGED
    assert result.stopped_at == (6,)


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize(
    ("iterations", "reason"), [(4, StopReason.CONVERGED), (2, StopReason.ITERATIONS)]
)
def test_a_search_stops_after_one_iteration_more_than_its_patience(iterations, reason):
    planner = make_planner("dino_wm", action_dim=2, horizon=3, patience=2, iterations=iterations)
    result = planner.plan(lambda a: 1.0 + 1e-5 * a.sum((-1, -2)).sin())
    assert (result.stop_reason, result.stopped_at) == (reason, (min(iterations, 3),))


def test_each_problem_of_a_batch_stops_as_it_does_alone(bowl):
    target = torch.linspace(-1, 1, 12).view(2, 3, 2)

    def both(actions):
        costs = bowl(target)(actions)
        return torch.stack([costs[0], second(actions[1])])

    def second(actions):  # hardly falls
        return 1.0 + 1e-5 * actions.sum((-1, -2)).sin()

    together = make_planner("full", action_dim=2, horizon=3).plan(both, batch=2)
    alone = make_planner("full", action_dim=2, horizon=3).plan(second)
    assert alone.stop_reason is StopReason.CONVERGED
    assert alone.iterations == together.stopped_at[1] < together.stopped_at[0]
    torch.testing.assert_close(together.actions[1:], alone.actions)
    torch.testing.assert_close(together.mean[1:], alone.mean)


def test_patience_zero_uses_all_iterations():
    planner = make_planner("full", action_dim=2, horizon=3, patience=0)
    result = planner.plan(lambda a: torch.ones(a.shape[:2]))
    assert (result.stop_reason, result.iterations) == (StopReason.ITERATIONS, 30)


@pytest.mark.parametrize("preset", ["online", "full", "mppi", "gradient", "cem_gd", "dino_wm"])
def test_deadline_that_has_passed_still_gives_the_plan_of_one_iteration(preset, bowl):
    planner = make_planner(preset, action_dim=2, horizon=3)
    result = planner.plan(bowl(torch.ones(1, 3, 2)), deadline=time.monotonic() - 1)
    assert (result.stop_reason, result.iterations) == (StopReason.DEADLINE, 1)
    assert result.actions.shape == (1, 3, 2)


@pytest.mark.parametrize(
    ("seconds", "iterations"),
    [
        ([1.0] * 30, 10),  # the last one ends at the deadline
        ([1.0, 1.0, 4.0, *[1.0] * 27], 4),  # after 7 s another one of 4 s would end after it
        ([20.0] * 30, 1),
    ],
    ids=["equal", "one long", "too long"],
)
def test_deadline_is_kept_with_the_best_plan_so_far(seconds, iterations, bowl, recorder, clock_of):
    clock = clock_of(solver, stopping)

    def slow(actions):
        done = sum(seen.shape[1] for seen in cost.actions)
        clock.now += seconds[done // 300] * actions.shape[1] / 300
        return bowl(torch.ones(1, 3, 2))(actions)

    cost = recorder(slow)
    planner = make_planner("full", action_dim=2, horizon=3)
    result = planner.plan(cost, deadline=clock.now + 10.0)
    assert (result.stop_reason, result.iterations) == (StopReason.DEADLINE, iterations)
    assert result.timings.iterations == tuple(seconds[:iterations])
    torch.testing.assert_close(result.cost, cost.everything()[1].amin(1))


@pytest.mark.parametrize("preset", ["online", "full", "mppi", "gradient", "cem_gd", "dino_wm"])
@pytest.mark.parametrize("batch", [1, 2])
def test_costs_that_are_read_one_iteration_late_change_no_plan(preset, batch, request):
    def cost(actions):  # falls for half of the plans of the second problem only
        costs = actions.square().sum((-1, -2))
        return costs if batch == 1 else torch.stack([costs[0], costs[1] * 0 + 1])

    def plan():
        settings = {} if preset == "cem_gd" else {"patience": 3, "min_improvement": 0.1}
        planner = make_planner(preset, action_dim=2, horizon=3, **settings)
        return [planner.plan(cost, batch=batch) for _ in range(2)]

    at_once = plan()
    request.getfixturevalue("as_on_a_gpu")
    for early, late in zip(at_once, plan(), strict=True):
        assert torch.equal(late.actions, early.actions)
        assert torch.equal(late.mean, early.mean)
        assert late.stop_reason == early.stop_reason
        assert late.stopped_at == early.stopped_at


@pytest.mark.parametrize("preset", ["online", "full", "mppi", "gradient", "cem_gd", "dino_wm"])
def test_cancel_is_called_between_iterations(preset, bowl):
    asked = []

    def cancel():
        asked.append(True)
        return len(asked) == 4

    planner = make_planner(preset, action_dim=2, horizon=3)
    result = planner.plan(bowl(torch.ones(1, 3, 2)), cancel=cancel)
    assert (result.stop_reason, result.iterations) == (StopReason.CANCELED, 3)


def test_cancel_before_the_first_iteration_is_an_error(bowl):
    planner = make_planner("online", action_dim=2, horizon=3)
    with pytest.raises(PlanCanceledError, match="before the first iteration"):
        planner.plan(bowl(torch.ones(1, 3, 2)), cancel=lambda: True)


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize("preset", ["full", "mppi"])
def test_a_search_with_mostly_impossible_candidates_stops_too(preset):
    def cost(actions):
        costs = 1.0 + 1e-5 * actions.sum((-1, -2)).sin()
        bad = torch.arange(actions.shape[1]) % 10 < 6
        return costs.masked_fill(bad, math.inf) if actions.shape[1] > 1 else costs

    result = make_planner(preset, action_dim=2, horizon=3, iterations=100).plan(cost)
    assert result.stop_reason is StopReason.CONVERGED


@pytest.mark.parametrize("preset", ["gradient", "mppi"])
def test_a_search_with_one_candidate_stops_too(preset):
    planner = make_planner(preset, action_dim=2, horizon=3, iterations=200, num_samples=1)
    result = planner.plan(lambda a: 1.0 + a.square().sum((-1, -2)) * 0.0)
    assert result.stop_reason is StopReason.CONVERGED
