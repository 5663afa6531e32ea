import pytest
import torch

from wm_planner.planning.ties import Ties

EVERY = torch.ones(1, dtype=torch.bool)


def ties(batch=1):
    return Ties(batch, torch.device("cpu"))


def noise(deviation, count=16, seed=0, batch=1):
    """Costs (B, K) whose deviation is exactly that."""
    costs = torch.randn(batch, count, generator=torch.Generator().manual_seed(seed))
    return 3.0 + deviation * (costs - costs.mean(1, keepdim=True)) / costs.std(1, keepdim=True)


def test_the_fewer_measurements_the_more_slack():
    slacks = []
    for count in (2, 4, 16, 1000):
        measured = ties()
        measured.measure(noise(0.1, count), EVERY)
        slacks.append(measured.slack.item())
    assert slacks == sorted(slacks, reverse=True)
    assert slacks[0] == pytest.approx(7 * 0.8, rel=1e-3)
    assert slacks[-1] == pytest.approx(0.8, rel=1e-2)


@pytest.mark.parametrize("impossible", [torch.inf, torch.nan])
def test_an_impossible_plan_shows_nothing_about_noise(impossible):
    costs = noise(0.1, batch=2)
    costs[0, 3] = impossible
    measured, other = ties(2), ties()
    measured.measure(costs, EVERY)
    other.measure(costs[1:], EVERY)
    assert measured.slack[0] == 0.0
    torch.testing.assert_close(measured.slack[1], other.slack[0])


def test_one_evaluation_shows_nothing_about_noise():
    measured = ties()
    measured.measure(torch.ones(1, 1), EVERY)
    assert measured.slack.item() == 0.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_host_sees_what_the_device_sees(dtype):
    measured = ties(6)
    measured.measure(noise(1e-3, batch=6).to(dtype), EVERY)
    costs = torch.ones(6, 40, dtype=dtype)
    costs[1] += 1e-3 * torch.rand(40)  # noise
    costs[2, 5] = 0.5
    costs[3, :20] = torch.inf
    costs[4] = torch.inf
    costs[5] = torch.linspace(1, 2, 40)
    look = measured.look(costs.numpy(), 40)
    assert look.told == measured.told_apart(costs).tolist()
    assert look.told == [False, False, True, False, False, True]
    assert measured.threshold(costs).dtype == dtype


def test_rounding_is_no_noise():
    measured = ties()
    measured.measure(torch.tensor([[3.0, 3.0000002, 3.0]]), EVERY)
    assert measured.slack.item() == 0.0


def test_costs_within_their_own_rounding_tie():
    costs = (3.0 + 1e-3 * torch.linspace(-1, 1, 40)).half().float().view(1, -1)
    measured = ties()
    assert bool(measured.told_apart(costs))
    measured.eps = torch.finfo(torch.float16).eps
    assert not measured.told_apart(costs)


def test_a_problem_whose_noise_is_known_keeps_it():
    measured, expected = ties(2), ties(2)
    measured.measure(noise(0.1, batch=2), EVERY)
    expected.measure(noise(0.1, batch=2), EVERY)
    measured.measure(noise(5.0, batch=2), torch.tensor([False, True]))
    assert measured.slack[0] == expected.slack[0]
    assert measured.slack[1] == pytest.approx(50 * expected.slack[1].item(), rel=1e-3)
