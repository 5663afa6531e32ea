import pytest
import torch

from wm_planner.planning.weights import RankWeights, log_rank

COSTS = torch.linspace(0.0, 1.0, 40).view(1, -1)


def weights(samples=40, **changes):
    settings = {"elites": 8, "shapers": 32, "repulsion": 0.3, "step": 1.2} | changes
    table = RankWeights(samples, **settings, device=torch.device("cpu"))
    table.prepare()
    return table


def tied(costs, threshold, **changes):
    both, better = weights(costs.shape[1], **changes).tied(costs, torch.tensor([[threshold]]))
    return both[0], int(better)


def test_weights_fall_with_the_rank_and_sum_to_one():
    weights = log_rank(20, torch.tensor([5]))
    assert bool((weights[:5].diff() < 0).all())
    assert bool((weights[5:] == 0).all())
    torch.testing.assert_close(weights.sum(), torch.ones((), dtype=torch.float64))


def test_without_elites_all_weights_are_zero():
    assert bool((log_rank(20, torch.tensor([0])) == 0).all())


def test_repulsion_mirrors_the_weights_onto_the_worst():
    mean = weights().untied[0]
    torch.testing.assert_close(mean[32:], -0.3 * mean[:8].flip(0))
    assert mean[:8].sum() == pytest.approx(1.2)


def test_the_covariance_does_not_change_if_all_draws_are_alike():
    shape = weights().untied[1]
    assert shape.sum() == pytest.approx(0.0, abs=1e-6)
    assert bool((shape.diff() < 1e-6).all())


def test_without_ties_the_weights_are_the_usual_ones():
    both, better = tied(COSTS, 0.999)
    assert better == 39
    assert torch.equal(both, weights().untied)


def test_if_all_tie_nothing_moves():
    both, better = tied(torch.ones(1, 40), 1.0)
    assert better == 0
    assert bool((both == 0).all())


def test_if_one_is_better_the_mean_moves_to_it():
    costs = torch.ones(1, 40)
    costs[0, 0] = 0.0
    both, better = tied(costs, 1.0)
    assert better == 1
    assert both[0, 0] == pytest.approx(1.0, abs=0.05)  # 1, and a little against all others
    torch.testing.assert_close(both[0, 1:], both[0, 1].expand(39))
    usual = weights().untied[1].abs().max()
    assert both[1].abs().max() < 0.5 * usual * 40 / 32  # one candidate shapes little


def test_those_that_tie_have_the_same_weight_wherever_they_are():
    costs = torch.cat([torch.zeros(5), torch.full((10,), 0.4), torch.linspace(0.5, 1.0, 25)])
    both, better = tied(costs.view(1, -1), 0.999)
    assert better == 39
    usual = weights().untied
    for start, end in ((0, 5), (5, 15)):
        expected = usual[:, start:end].mean(dim=1, keepdim=True).expand(-1, end - start)
        torch.testing.assert_close(both[:, start:end], expected)
    torch.testing.assert_close(both[:, 15:], usual[:, 15:])


def test_those_within_the_noise_of_the_worst_have_the_same_weight():
    both, better = tied(COSTS, 0.5)
    assert better == 20
    torch.testing.assert_close(both[:, 20:], both[:, 20:21].expand(-1, 20))
    assert bool((both[:, :8].diff() < 0).all())


def test_each_problem_of_a_batch_has_weights_of_its_own():
    costs = torch.cat([torch.ones(1, 40), COSTS])
    both, better = weights().tied(costs, torch.tensor([[1.0], [0.999]]))
    assert better.flatten().tolist() == [0, 39]
    assert torch.equal(both[1], weights().untied)


def test_many_candidates_share_rows_of_the_table():
    costs = torch.linspace(0.0, 1.0, 5000).view(1, -1)
    table = weights(5000, elites=1000, shapers=4000)
    both, better = table.tied(costs, torch.tensor([[0.9999]]))
    assert int(better) == 4999
    torch.testing.assert_close(both[0], table.untied)
    few, _ = table.tied(costs, torch.tensor([[costs[0, 7]]]))
    assert bool((few[0, 0, :7].diff() < 0).all())
    assert few[0, 0, 7:].abs().max() < few[0, 0, 0]
