import pytest
import torch

from wm_planner.planning import CostMemoryError, make_planner
from wm_planner.planning.chunks import ChunkedCost

ACTIONS = torch.arange(20.0).view(1, 10, 2, 1)


class Limited:
    """A cost that runs out of memory above a number of candidates."""

    def __init__(self, most, error=torch.OutOfMemoryError):
        self.most, self.error, self.sizes = most, error, []

    def __call__(self, actions):
        self.sizes.append(actions.shape[1])
        if actions.shape[1] > self.most:
            raise self.error("CUDA out of memory")
        return actions.sum((-1, -2))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_chunk_is_halved_until_it_fits_and_kept(error):
    cost, evaluate = Limited(3, error), ChunkedCost()
    costs = evaluate(cost, ACTIONS)
    assert torch.equal(costs, ACTIONS.sum((-1, -2)))
    assert cost.sizes == [10, 5, 3, 3, 3, 1]
    assert evaluate.chunk == 3
    evaluate(cost, ACTIONS)
    assert cost.sizes[6:] == [3, 3, 3, 1]


def test_memory_too_small_for_one_candidate_is_an_error():
    with pytest.raises(CostMemoryError, match="1 problems"):
        ChunkedCost()(Limited(0), ACTIONS)


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2"), RuntimeError("7 is out of memory"), IndexError("CUDA")]
)
def test_other_errors_of_the_cost_are_raised(error):
    cost = Limited(0, lambda text: error)
    with pytest.raises(type(error), match=str(error)):
        ChunkedCost()(cost, ACTIONS)
    assert cost.sizes == [10]


def test_given_chunk_is_used():
    cost = Limited(4)
    ChunkedCost(4)(cost, ACTIONS)
    assert cost.sizes == [4, 4, 2]


def test_limit_in_bytes_changes_nothing_on_the_cpu():
    cost = Limited(10)
    ChunkedCost(memory_limit=1)(cost, ACTIONS)
    assert cost.sizes == [10]


def test_limit_in_bytes_sets_the_chunk_from_the_memory_of_a_few_candidates(device, monkeypatch):
    mebibyte, sizes = 2**20, []

    def cost(actions):
        sizes.append(actions.shape[1])
        held = torch.ones(actions.shape[1], mebibyte, dtype=torch.uint8, device=device)
        return actions.sum((-1, -2)) * held[:, 0]

    if device == "cpu":  # which does not measure its memory
        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 9 * mebibyte)
        monkeypatch.setattr(
            torch.cuda, "max_memory_allocated", lambda device: (9 + sizes[-1]) * mebibyte
        )
    assert ChunkedCost._measure(cost, ACTIONS.to(device), 4 * mebibyte + mebibyte // 2) == 4
    assert sizes == [ChunkedCost.PROBE]


def test_cache_is_never_emptied(monkeypatch):
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: pytest.fail("emptied"))
    ChunkedCost()(Limited(1), ACTIONS)


@pytest.mark.parametrize("preset", ["online", "dino_wm", "gradient"])
def test_plan_is_the_same_after_the_memory_ran_out(preset, bowl):
    good = bowl(torch.ones(1, 3, 2))

    def tight(actions):
        if actions.shape[1] > 5:
            raise torch.OutOfMemoryError
        return good(actions)

    plans = [
        make_planner(preset, action_dim=2, horizon=3, iterations=3).plan(cost)
        for cost in (good, tight)
    ]
    torch.testing.assert_close(plans[0].actions, plans[1].actions)
