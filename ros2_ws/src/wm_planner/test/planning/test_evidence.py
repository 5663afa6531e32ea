import pytest
import torch

from wm_planner.planning.draws import Draws, rotated
from wm_planner.planning.noise import Evidence, twins_of
from wm_planner.planning.weights import RankWeights

CPU = torch.device("cpu")
DIMS = 12


class Calls:
    """Calls with the planner's draws and weights; costs fall along the first number, with noise."""

    def __init__(self, slope, seed=0, samples=100, dims=DIMS):
        self.slope, self.samples, self.dims = slope, samples, dims
        self.generator = torch.Generator().manual_seed(seed)
        sizes = {"iterations": 40, "samples": samples, "dims": dims, "means": ()}
        draws = Draws("mirrored_orthogonal", **sizes, generator=self.generator)
        self.draws = iter(rotated(*draws.next()))
        shares = {"elites": samples // 5, "shapers": samples // 2, "step": 1.2, "repulsion": 0.3}
        weights = RankWeights(samples, **shares, device=CPU).untied[0]
        self.weights = (weights - weights.mean()).view(1, -1)
        self.evidence = Evidence(torch.zeros(1, dims + 1, dims))

    def weigh(self, sure=False, twins=False):
        z = next(self.draws).clone()
        if twins:
            rows, others = twins_of(self.samples, CPU)
            z[rows] = z[others]
        costs = self.slope * z[:, 0] + torch.randn(self.samples, generator=self.generator)
        own = torch.zeros(1, self.dims + 1, self.dims)
        own[0, -1] = self.weights @ z[costs.argsort()]
        change = own.clone()
        directions = 3 * self.samples // 8
        told = self.evidence.weigh(change, self.weights, directions, torch.tensor([[[sure]]]))
        return bool(told), change, own


@pytest.mark.parametrize("twins", [True, False])
@pytest.mark.parametrize(("samples", "dims"), [(100, 12), (16, 100), (61, 30)])
def test_noise_is_hardly_ever_taken_for_a_direction(samples, dims, twins):
    fooled = 0
    for seed in range(60):
        calls = Calls(0.0, seed, samples, dims)
        fooled += calls.weigh(twins=twins)[0] + calls.weigh()[0]
    assert fooled <= 1


def test_few_draws_in_many_numbers_are_hardly_ever_taken_for_a_direction():
    calls = Calls(0.0, samples=61, dims=200)
    draws, generator = next(calls.draws), torch.Generator().manual_seed(0)
    rows, others = twins_of(61, CPU)
    draws[rows] = draws[others]
    orders = torch.stack([torch.randperm(61, generator=generator) for _ in range(200)])
    change = torch.zeros(200, 201, 200)
    change[:, -1] = (calls.weights @ draws[orders]).squeeze(1)
    sure = torch.zeros(200, 1, 1, dtype=torch.bool)
    weights = calls.weights.expand(200, -1)
    told = Evidence(change).weigh(change, weights, 3 * 61 // 8, sure)
    assert told.sum() <= 1


def test_noise_of_many_calls_is_hardly_ever_taken_for_a_direction():
    calls = [Calls(0.0, seed) for seed in range(30)]
    assert sum(each.weigh()[0] for each in calls for _ in range(40)) <= 1


def test_a_weak_slope_is_found_by_several_calls_together():
    numbers = []
    for seed in range(10):
        calls, number, told = Calls(-0.3, seed), 0, False
        total = torch.zeros(1, DIMS + 1, DIMS)
        while not told:
            told, change, own = calls.weigh()
            total, number = total + own, number + 1
            assert told or not change.any()
        torch.testing.assert_close(change, total / number)
        assert change[0, -1].argmax() == 0
        numbers.append(number)
    assert 2 < sum(numbers) / 10 < 15


def test_after_a_change_the_sum_begins_anew():
    calls = Calls(-3.0)
    assert calls.weigh()[0]
    calls.slope = 0.0
    assert not calls.weigh()[0]


def test_a_call_that_is_sure_counts_alone():
    calls = Calls(0.0)
    calls.weigh()
    told, change, own = calls.weigh(sure=True)
    assert told
    torch.testing.assert_close(change, own)


def test_what_was_seen_before_the_mean_moved_does_not_count():
    calls, told = Calls(-0.3), []
    for _ in range(20):
        calls.evidence.forget(torch.ones(1, 1, 1, dtype=torch.bool))
        told.append(calls.weigh()[0])
    assert sum(told) < 4
