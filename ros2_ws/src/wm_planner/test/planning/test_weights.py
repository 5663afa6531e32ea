import torch

from wm_planner.planning.weights import log_rank


def test_weights_fall_with_the_rank_and_sum_to_one():
    weights = log_rank(20, 5)
    assert bool((weights[:5].diff() < 0).all())
    assert bool((weights[5:] == 0).all())
    torch.testing.assert_close(weights.sum(), torch.ones(()))


def test_repulsion_mirrors_the_weights_onto_the_worst():
    weights = log_rank(20, 5, repulsion=0.5)
    torch.testing.assert_close(weights[15:], -0.5 * weights[:5].flip(0))
