"""What a cost function may return."""

from types import SimpleNamespace

import pytest
import torch

from wm_planner.planning import CostShapeError, make_planner
from wm_planner.planning.costs import kept_as

SEARCHES = ["online", "full", "mppi", "dino_wm"]
TARGET = torch.linspace(-1, 1, 8).view(1, 4, 2)


def steps(actions):
    """Costs that are multiples of 2**-10, exact in float32."""
    distance = (actions - TARGET.to(actions.device)).square().sum((-1, -2))
    return (distance * 1024).round() / 1024


def plan(preset, cost, device="cpu", **settings):
    settings = {"iterations": 6, "patience": 2, "min_improvement": 0.0} | settings
    return make_planner(preset, action_dim=2, horizon=4, device=device, **settings).plan(cost)


def same(one, other):
    assert torch.equal(one.actions, other.actions)
    assert torch.equal(one.mean, other.mean)
    assert one.stopped_at == other.stopped_at


@pytest.mark.parametrize("preset", SEARCHES)
@pytest.mark.parametrize("late", [False, True], ids=["at once", "read late"])
def test_small_differences_of_large_costs_in_float64_count(preset, late, device, request):
    if late:
        request.getfixturevalue("as_on_a_gpu")
    offset = 2.0**30
    near = plan(preset, lambda actions: steps(actions).double(), device)
    far = plan(preset, lambda actions: offset + steps(actions).double(), device)
    same(far, near)
    assert far.cost.dtype == torch.float64
    assert torch.equal(far.cost - offset, near.cost)
    assert torch.equal(far.cost_history - offset, near.cost_history)
    assert far.iterations > 2  # patience saw the cost fall


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_large_integers_keep_their_differences(dtype, device):
    whole = plan("full", lambda actions: (1024 * steps(actions)).to(dtype) + 2**30, device)
    same(whole, plan("full", lambda actions: 1024 * steps(actions), device))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("preset", SEARCHES)
def test_costs_of_half_precision_are_kept_in_float32(preset, dtype, device):
    result = plan(preset, lambda actions: steps(actions).to(dtype), device)
    assert result.cost.dtype == torch.float32
    torch.testing.assert_close(result.cost, steps(result.actions).to(dtype).float())
    assert result.cost < 0.5


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8])
@pytest.mark.parametrize("preset", SEARCHES)
def test_costs_of_few_bits_are_kept_in_float32(preset, dtype, device):
    narrow = plan(preset, lambda actions: steps(actions).to(dtype), device)
    same(narrow, plan(preset, lambda actions: steps(actions).to(dtype).float(), device))
    assert narrow.cost.dtype == torch.float32


def test_costs_that_become_wider_during_a_plan_are_kept(device):
    calls = []

    def cost(actions):
        calls.append(actions.shape)
        return steps(actions).to(torch.float64 if len(calls) % 3 == 0 else torch.float32)

    mixed = plan("full", cost, device, chunk=128)
    same(mixed, plan("full", steps, device))
    assert torch.equal(mixed.cost_history, plan("full", steps, device).cost_history.double())


def reused():
    memory = torch.full((1, 300), 7.0)

    def cost(actions):
        costs = memory[:, : actions.shape[1]].to(actions.device)
        return costs.copy_(steps(actions))

    return cost


@pytest.mark.parametrize("chunk", [None, 7])
@pytest.mark.parametrize("preset", SEARCHES)
def test_a_cost_may_return_the_same_memory_at_every_call(preset, chunk):
    same(plan(preset, reused(), chunk=chunk), plan(preset, steps))


@pytest.mark.parametrize("chunk", [None, 7])
@pytest.mark.parametrize("preset", SEARCHES)
def test_a_cost_may_return_a_view_of_the_actions(preset, chunk, device):
    view = plan(preset, lambda actions: actions[..., 1, 0], device, chunk=chunk)
    same(view, plan(preset, lambda actions: actions[..., 1, 0] + 0, device))
    assert torch.equal(view.cost, view.actions[:, 1, 0])


@pytest.mark.parametrize("preset", SEARCHES)
def test_a_cost_may_return_an_expanded_tensor(preset, device):
    flat = plan(preset, lambda actions: actions.new_ones(1, 1).expand(actions.shape[:2]), device)
    same(flat, plan(preset, lambda actions: actions.new_ones(actions.shape[:2]), device))


@pytest.mark.parametrize("preset", SEARCHES)
def test_a_cost_with_a_gradient_leaves_none_in_the_result(preset, device):
    weight = torch.ones((), requires_grad=True, device=device)

    def cost(actions):
        with torch.enable_grad():
            return steps(actions) * weight

    result = plan(preset, cost, device)
    assert not result.cost.requires_grad
    assert not result.cost_history.requires_grad
    same(result, plan(preset, steps, device))


@pytest.mark.parametrize("preset", [*SEARCHES, "gradient"])
@pytest.mark.parametrize("wrong", [lambda c: c * 1j, lambda c: c[0], lambda c: None])
def test_what_is_not_one_real_number_per_candidate_is_refused(preset, wrong):
    with pytest.raises(CostShapeError, match=r"expected a tensor \(1, \d+\).*one real number"):
        plan(preset, lambda actions: wrong(actions.sum((-1, -2))))


def test_a_device_without_float64_keeps_float32():
    memory = SimpleNamespace(device=torch.device("mps"), dtype=torch.float32)
    assert kept_as(torch.int64, memory) == torch.float32
    assert kept_as(torch.int64, torch.empty(1)) == torch.float64
