import pytest
import torch

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.planning.adaptive_stage import AdaptiveStage
from wm_planner.planning.draws import Draws
from wm_planner.planning.history import Stage
from wm_planner.planning.ties import Ties

DIMS = 6


def with_noise(deviation=0.1):
    ties = Ties()
    ties.noise.begin(torch.tensor([[1.0, 1.0 + deviation]]), 1, ties.eps, None)
    ties.noise.measure(
        *deviation * torch.randn(2, 1, 60, generator=torch.Generator().manual_seed(0)), ties.eps
    )
    return ties


def stage(samples=40, batch=1, warm=False, widths=(1.0, 0.5, 0.25), **changes):
    settings = AdaptiveCEMSettings(**changes)
    generator = torch.Generator().manual_seed(0)
    draws = Draws(settings.draws, iterations=3, samples=samples, dims=DIMS, generator=generator)
    made = AdaptiveStage(
        Stage(3, 1, samples, samples),
        list(widths),
        num_elites=None,
        settings=settings,
        dims=DIMS,
        device=torch.device("cpu"),
    )
    made.begin(draws, batch, warm=warm, rotate=False)
    return made


def updated(learner, costs, call=1):
    batch = len(costs)
    state = torch.cat([torch.eye(DIMS), torch.zeros(1, DIMS)]).repeat(batch, 1, 1)
    out = torch.empty_like(state)
    learner.rank(costs)
    learner.update(call, (state, state[:, :DIMS], out))
    return out[:, :DIMS], out[:, DIMS]


def with_ties(learner, costs, ties=None, call=1):
    state = torch.cat([torch.eye(DIMS), torch.zeros(1, DIMS)]).repeat(len(costs), 1, 1)
    out = torch.empty_like(state)
    learner.rank(costs)
    told = learner.update_with_ties(call, ties or Ties(), (state, state[:, :DIMS], out))
    return out[:, :DIMS], out[:, DIMS], told


def test_the_mean_goes_down_a_slope_in_proportion_to_the_width():
    learner = stage()
    steps = []
    for call, width in ((1, 0.5), (2, 0.25)):
        costs = learner.spread[call][..., 0]
        _, mean = updated(learner, costs, call)
        assert mean[0, 0] < -0.5 * width
        assert mean[0, 1:].abs().max() < 0.6 * mean[0, 0].abs()
        steps.append(mean[0, 0] / width)
    assert steps[0] == pytest.approx(steps[1].item(), rel=0.3)


def test_the_factor_shrinks_where_the_cost_is_steep():
    learner = stage()
    costs = learner.spread[1][..., 0].square()
    factor, _ = updated(learner, costs)
    assert factor[0, 0, 0] < 0.9
    assert factor[0].diagonal()[1:].mean() > 1.0


def test_the_update_is_the_formula_of_the_planner():
    learner = stage(draws="gaussian")
    costs = torch.rand(1, 40, generator=torch.Generator().manual_seed(1))
    z = learner.spread[1][0][costs[0].argsort()]
    w, v = learner._weights.untied
    rate = learner.rate(warm=False) / 2
    factor, mean = updated(learner, costs)
    torch.testing.assert_close(mean[0], 0.5 * w @ z)
    torch.testing.assert_close(factor[0], torch.eye(DIMS) + rate * (z.T * v) @ z)


@pytest.mark.parametrize("sure", [True, False])
def test_both_updates_are_the_same_without_ties(sure, as_on_a_gpu):
    ties = Ties()
    if not sure:  # the host does not know that there is no noise
        ties.noise.begin(torch.ones(2, 40), 2, ties.eps, None)
    assert ties.noise.seen is not sure
    costs = torch.rand(2, 40, generator=torch.Generator().manual_seed(1))
    learners = [stage(batch=2, widths=(1.0, 0.3, 0.1)) for _ in range(2)]
    usual = updated(learners[0], costs)
    *general, told = with_ties(learners[1], costs, ties)
    assert told.flatten().tolist() == [True, True]
    for one, other in zip(usual, general, strict=True):
        assert torch.equal(one, other)


def test_if_all_tie_the_state_stays():
    factor, mean, told = with_ties(stage(), torch.ones(1, 40))
    assert torch.equal(factor[0], torch.eye(DIMS))
    assert bool((mean == 0).all())
    assert not told


def test_costs_may_be_float64():
    costs = 1e9 + torch.rand(1, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for one, other in zip(updated(stage(), costs), updated(stage(), costs - 1e9), strict=True):
        torch.testing.assert_close(one, other)


def test_the_diagonal_covariance_stays_diagonal():
    learner = stage(covariance="diagonal")
    costs = torch.rand(1, 40, generator=torch.Generator().manual_seed(1))
    factor, mean = updated(learner, costs)
    assert bool((factor[0] - factor[0].diagonal().diag() == 0).all())
    assert bool((mean != 0).all())


def test_the_rate_of_the_covariance_follows_the_number_of_candidates():
    few, many = stage(24), stage(300)
    assert few.rate(warm=False) < many.rate(warm=False)
    assert few.rate(warm=True) == pytest.approx(few.rate(warm=False) / 2)
    still = stage(learning_rate=0.0, warm_learning_rate=0.3)
    assert (still.rate(warm=False), still.rate(warm=True)) == (0.0, 0.3)


def test_costs_that_differ_more_than_their_noise_count_by_rank():
    costs = torch.rand(1, 40, generator=torch.Generator().manual_seed(1))
    *general, told = with_ties(stage(), costs, with_noise(0.01))
    assert told
    for one, other in zip(updated(stage(), costs), general, strict=True):
        torch.testing.assert_close(one, other)


def test_beside_noise_a_call_whose_ranks_may_be_chance_moves_nothing():
    costs = 0.1 * torch.randn(1, 40, generator=torch.Generator().manual_seed(1))
    factor, mean, told = with_ties(stage(), costs, with_noise())
    assert not told
    assert torch.equal(factor[0], torch.eye(DIMS))
    assert not mean.any()


def test_beside_noise_one_outlier_alone_moves_the_mean():
    learner = stage()
    costs = 0.1 * torch.randn(1, 40, generator=torch.Generator().manual_seed(1))
    costs[0, 7] = -9.0
    _, mean, told = with_ties(learner, costs, with_noise())
    assert told
    torch.testing.assert_close(mean[0], 0.5 * learner.spread[1][0, 7], atol=0.1, rtol=0)


def test_beside_noise_calls_move_the_mean_together_by_the_present_width():
    def follow(calls, forgetful=False):
        learner, ties, told = stage(samples=200), with_noise(), []
        for call in calls:
            noise = torch.randn(1, 200, generator=torch.Generator().manual_seed(call))
            costs = 0.1 * (0.34 * learner.spread[call][..., 0] + noise)
            _, mean, moved = with_ties(learner, costs, ties, call)
            told.append(bool(moved))
            if forgetful:
                learner.forget(torch.ones(1, 1, 1, dtype=torch.bool))
        return told, mean[0, 0]

    told, step = follow([0, 1, 2])
    assert told == [False, False, True]
    assert -0.3 < step < -0.1  # the width of the last call is 0.25
    assert follow([0, 1, 2], forgetful=True)[0] == [False] * 3


def test_draws_are_repeated_in_some_problems_only():
    learner = stage(batch=2)
    before, rows, others = learner.spread, torch.tensor([3, 4]), torch.tensor([8, 9])
    learner.repeat(1, rows, others, torch.tensor([[True], [False]]))
    assert torch.equal(learner.spread[1][0, rows], before[1][0, others])
    assert torch.equal(learner.spread[1][1], before[1][1])
    assert torch.equal(learner.spread[2], before[2])
