"""The end of a search: the last mean, and what is checked before a plan is returned."""

import math

import pytest
import torch

from wm_planner.config.planners import RandomSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning import (
    NoFiniteCostError,
    NonFinitePlanError,
    Problem,
    StopReason,
    make_planner,
    refined,
    solver,
    stopping,
)
from wm_planner.planning.baseline import RandomPlanner
from wm_planner.planning.stopping import LastEvaluation

TARGET = torch.linspace(-1, 1, 12).view(2, 3, 2)
WITH_MEAN = ["online", "full", "mppi"]


class Favoring:
    """A bowl with more cost for the last mean, or for the candidates of the iterations."""

    def __init__(self, bowl, *, mean=0.0, others=0.0):
        self.bowl, self.mean, self.others, self.sizes = bowl, mean, others, []

    def __call__(self, actions):
        self.sizes.append(actions.shape[1])
        return self.bowl(actions) + (self.mean if actions.shape[1] == 1 else self.others)


def planner(preset, **settings):
    return make_planner(preset, action_dim=2, horizon=3, **settings)


@pytest.mark.parametrize("preset", WITH_MEAN)
@pytest.mark.parametrize("late", [False, True], ids=["at once", "read late"])
def test_the_mean_is_the_plan_if_it_costs_less_than_the_best_candidate(
    preset, late, bowl, device, request
):
    if late:
        request.getfixturevalue("as_on_a_gpu")
    cost = Favoring(bowl(TARGET.to(device)), others=10.0)
    result = planner(preset, device=device).plan(cost, batch=2)
    assert torch.equal(result.actions, result.mean)
    torch.testing.assert_close(result.cost, cost.bowl(result.mean.unsqueeze(1))[:, 0])
    assert result.evaluations == result.iterations * 300 + 1 == sum(cost.sizes)
    assert result.actions.data_ptr() != result.mean.data_ptr()


@pytest.mark.parametrize("preset", WITH_MEAN)
@pytest.mark.parametrize("mean", [10.0, math.nan, math.inf])
def test_the_best_candidate_is_the_plan_if_the_mean_costs_more_or_is_impossible(
    preset, mean, bowl, recorder
):
    cost = recorder(Favoring(bowl(TARGET), mean=mean))
    result = planner(preset).plan(cost, batch=2)
    best = torch.cat(cost.costs[:-1], dim=1).amin(dim=1)
    assert torch.equal(result.cost, best)
    assert cost.actions[-1].shape == (2, 1, 3, 2)


def test_each_problem_of_a_batch_takes_its_mean_or_not(bowl):
    extra = torch.tensor([[10.0], [-10.0]])
    cost = Favoring(bowl(TARGET), mean=extra)
    result = planner("full").plan(cost, batch=2)
    assert torch.equal(result.actions[1], result.mean[1])
    assert not torch.equal(result.actions[0], result.mean[0])
    for b in range(2):
        alone = Favoring(bowl(TARGET[b : b + 1]), mean=extra[b])
        torch.testing.assert_close(planner("full").plan(alone).actions[0], result.actions[b])


def test_the_mean_that_is_evaluated_is_inside_the_bounds(bowl, recorder):
    cost = recorder(Favoring(bowl(5 * TARGET), others=100.0))
    result = planner("full", bounds=(-0.4, 0.3)).plan(cost, batch=2)
    assert cost.actions[-1].min() >= -0.4
    assert cost.actions[-1].max() <= 0.3
    assert torch.equal(result.actions, cost.actions[-1][:, 0])


@pytest.mark.parametrize("preset", ["gradient", "random"])
def test_a_descent_and_random_actions_evaluate_no_mean(preset, bowl):
    cost = Favoring(bowl(TARGET[:1]), mean=0.0)
    result = planner(preset).plan(cost)
    assert len(cost.sizes) == result.iterations


class Timed:
    """A cost that takes time on a fake clock: per 300 candidates, the mean, or a descent's step."""

    def __init__(self, clock, cost, seconds=1.0, mean=1.0, descent=1.0):
        self.clock, self.cost, self.sizes = clock, cost, []
        self.seconds, self.mean, self.descent = seconds, mean, descent

    def __call__(self, actions):
        self.sizes.append(actions.shape[1])
        count = actions.shape[1]
        usual = self.mean if count == 1 else self.seconds * count / 300
        self.clock.now += self.descent if actions.requires_grad else usual
        return self.cost(actions)


@pytest.fixture
def timed(bowl, clock_of):
    clock = clock_of(solver, stopping, refined)
    return lambda **seconds: Timed(clock, bowl(TARGET[:1]), **seconds)


def test_the_mean_is_evaluated_only_if_that_ends_before_the_deadline(timed):
    cost, search = timed(mean=0.25), planner("full", iterations=5, patience=0)

    def evaluated(left):
        cost.sizes.clear()
        deadline = cost.clock.now + 5.0 + left
        result = search.plan(cost, deadline=deadline)
        assert cost.clock.now <= deadline
        assert result.iterations == 5
        assert result.evaluations == sum(cost.sizes)
        return cost.sizes[-1] == 1

    assert not evaluated(0.9)  # as long as an iteration, for all that is known
    assert evaluated(1.0)
    assert evaluated(0.25)  # which is now known to be enough
    assert not evaluated(0.2)
    search.reset()
    assert not evaluated(0.9)


@pytest.mark.parametrize(("left", "reason"), [(5.0, "iterations"), (4.9, "deadline")])
def test_a_deadline_after_the_last_iteration_is_no_reason_to_stop(left, reason, timed):
    cost = timed()
    result = planner("full", iterations=5, patience=0).plan(cost, deadline=cost.clock.now + left)
    assert result.stop_reason == reason


def test_a_first_mean_that_took_long_does_not_prevent_the_next_ones(timed):
    cost, search = timed(mean=60.0), planner("full", iterations=5, patience=0)
    search.plan(cost)
    cost.mean = 0.25
    search.plan(cost, deadline=cost.clock.now + 6.0)
    assert cost.sizes[-1] == 1


def test_the_longest_evaluation_counts_but_no_more_than_an_iteration():
    last = LastEvaluation()
    assert last.expected(3.0) == 3.0
    for seconds, expected in ((1.0, 1.0), (2.0, 2.0), (0.5, 2.0), (9.0, 3.0)):
        last.measured(seconds)
        assert last.expected(3.0) == expected


def test_dino_wm_ends_its_iterations_early_enough_to_evaluate_its_mean(timed):
    cost, deadline = timed(), 10.0
    result = planner("dino_wm").plan(cost, deadline=cost.clock.now + deadline)
    assert (result.stop_reason, result.iterations) == (StopReason.DEADLINE, 9)
    assert cost.sizes[-1] == 1
    assert torch.equal(result.actions, result.mean)
    assert cost.clock.now == 1000.0 + deadline


def test_dino_wm_returns_the_best_candidate_if_its_mean_cannot_be_evaluated_in_time(
    timed, recorder
):
    slow = timed()
    cost = recorder(slow)
    result = planner("dino_wm").plan(cost, deadline=slow.clock.now + 1.5)
    assert slow.sizes == [300]
    assert torch.equal(result.cost, cost.costs[0].amin(dim=1))
    assert result.evaluations == 300


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize(("preset", "iterations"), [("full", 9), ("dino_wm", 8)])
def test_an_iteration_that_is_still_queued_counts_for_the_deadline(preset, iterations, timed):
    cost = timed()
    result = planner(preset, patience=0).plan(cost, deadline=cost.clock.now + 10.0)
    assert (result.stop_reason, result.iterations) == (StopReason.DEADLINE, iterations)


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize(("left", "evaluated"), [(1.9, False), (2.0, True)])
def test_the_mean_waits_for_the_iteration_that_is_still_queued(left, evaluated, timed):
    cost = timed()
    deadline = cost.clock.now + 5.0 + left
    planner("full", iterations=5, patience=0).plan(cost, deadline=deadline)
    assert (cost.sizes[-1] == 1) == evaluated


@pytest.mark.parametrize("preset", [*WITH_MEAN, "dino_wm"])
def test_nothing_is_evaluated_after_a_cancel(preset, bowl, recorder):
    cost, asked = recorder(bowl(TARGET[:1])), []

    def cancel():
        asked.append(None)
        return len(asked) == 3

    result = planner(preset).plan(cost, cancel=cancel)
    assert result.iterations == 2
    assert cost.everything()[0].shape[1] == 2 * 300
    torch.testing.assert_close(result.cost, cost.everything()[1].amin(1))


def test_a_descent_begins_only_if_an_iteration_of_it_ends_before_the_deadline(timed):
    cost, search = timed(mean=0.25, descent=0.5), planner("cem_gd", search_samples=300)

    def descents(left):  # after 5 iterations of the search and its mean
        deadline = cost.clock.now + 5.25 + left
        result = search.plan(cost, deadline=deadline)
        assert cost.clock.now <= deadline
        assert result.stop_reason is StopReason.DEADLINE
        return result.iterations - 5

    assert descents(0.9) == 0  # as long as an iteration of the search, for all that is known
    assert descents(1.0) == 2
    assert descents(0.5) == 1
    assert descents(0.4) == 0


class Broken(RandomPlanner):
    """Draws NaN in the second problem."""

    def _generate(self, block, call):
        super()._generate(block, call)
        block.main[call][1, :, 0] = self.broken


class BrokenMean(Broken):
    broken = 0.5

    def _state(self):
        mean = torch.zeros(2, 1, 6)
        mean[1, 0, 3] = math.inf
        return (mean,)


def broken(kind, value):
    size = SearchSize(num_samples=1, iterations=1, num_elites=0)
    search = kind(Problem(2, 3), size, RandomSettings())
    search.broken = value
    return search


@pytest.mark.parametrize(
    ("kind", "value"), [(Broken, math.nan), (Broken, math.inf), (BrokenMean, 0.5)]
)
def test_a_plan_that_is_not_finite_is_an_error_that_names_the_problem(kind, value):
    with pytest.raises(NonFinitePlanError, match="actions of problem 1 contain NaN") as caught:
        broken(kind, value).plan(lambda actions: torch.ones(actions.shape[:2]), batch=2)
    assert caught.value.problems == [1]


def test_a_plan_without_a_possible_candidate_is_called_so_first():
    with pytest.raises(NoFiniteCostError, match="problem 0"):
        broken(Broken, 0.0).plan(lambda actions: torch.full(actions.shape[:2], math.nan), batch=2)


@pytest.mark.parametrize("preset", WITH_MEAN)
def test_a_plan_is_inside_the_bounds_whatever_the_cost_wrote(preset):
    calls = []

    def cost(actions):  # from the second call on, where PyTorch counts no writes
        calls.append(None)
        if len(calls) > 1:
            actions.numpy()[:] = 9.0
        return actions.sum((-1, -2)) - 1000.0 * len(calls)

    result = planner(preset, bounds=(-0.5, 0.5)).plan(cost)
    assert result.actions.abs().max() <= 0.5
