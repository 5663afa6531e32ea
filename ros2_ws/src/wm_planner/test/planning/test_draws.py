import pytest
import torch

from wm_planner.planning.draws import Draws, color_factor, rotated


def make(kind, iterations=3, samples=20, dims=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Draws(kind, iterations=iterations, samples=samples, dims=dims, generator=generator)


@pytest.mark.parametrize("kind", ["gaussian", "mirrored_orthogonal"])
@pytest.mark.parametrize("samples", [2, 7, 20, 21])
def test_only_the_first_draw_of_the_first_iteration_is_zero(kind, samples):
    draws = rotated(*make(kind, samples=samples).next())
    assert draws.shape == (3, samples, 6)
    assert bool((draws[0, 0] == 0).all())
    assert int((draws == 0).all(-1).sum()) == 1


@pytest.mark.parametrize("kind", ["gaussian", "mirrored_orthogonal"])
def test_draws_have_zero_mean_and_unit_variance(kind):
    draws = rotated(*make(kind, iterations=200, samples=60).next())[1:].reshape(-1, 6)
    torch.testing.assert_close(draws.mean(0), torch.zeros(6), atol=0.05, rtol=0)
    torch.testing.assert_close(draws.T @ draws / len(draws), torch.eye(6), atol=0.06, rtol=0)


def test_mirrored_draws_come_in_orthogonal_pairs_of_one_length():
    draws = rotated(*make("mirrored_orthogonal", samples=20).next())[1]
    torch.testing.assert_close(draws[:10], -draws[10:])
    block = draws[:6]
    torch.testing.assert_close(block @ block.T, 6 * torch.eye(6), atol=1e-4, rtol=0)


def test_each_plan_has_draws_of_its_own():
    draws = make("mirrored_orthogonal")
    assert not torch.allclose(rotated(*draws.next()), rotated(*draws.next()))


def test_color_zero_is_white():
    torch.testing.assert_close(color_factor(0.0, 5), torch.eye(5), atol=1e-4, rtol=0)


@pytest.mark.parametrize("color", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("steps", [1, 2, 5, 16])
def test_color_keeps_the_variance_and_ties_neighbors_together(color, steps):
    factor = color_factor(color, steps)
    covariance = factor.T @ factor
    torch.testing.assert_close(covariance.diagonal(), torch.ones(steps), atol=1e-4, rtol=0)
    if steps > 2:
        assert covariance[0, 1] > 0.1
        assert covariance[0, 1] > covariance[0, 2]
