"""A cost function cannot change the planner's candidates."""

import pytest
import torch

from wm_planner.planning import CostWritesError, make_planner
from wm_planner.planning.guarded import GuardedCost

PRESETS = ["online", "full", "mppi", "dino_wm", "gradient", "cem_gd"]
SEARCHES = PRESETS[:4]
BOX = (-0.5, 0.8)


def cost(actions):
    return (2 * actions - 0.4).square().sum((-1, -2))


def counted(actions):
    return actions.mul_(2).sub_(0.4).square().sum((-1, -2))


def uncounted(actions):
    actions.data.mul_(2).sub_(0.4)
    return actions.square().sum((-1, -2))


def numpy(actions):
    numbers = actions.detach().numpy()
    numbers *= 2
    numbers -= 0.4
    return actions.square().sum((-1, -2))


def plan(preset, cost, batch=1, device="cpu", **settings):
    planner = make_planner(
        preset, action_dim=2, horizon=3, bounds=BOX, device=device, seed=2, **settings
    )
    return planner.plan(cost, batch=batch)


def same(one, other):
    torch.testing.assert_close(one.actions, other.actions)
    torch.testing.assert_close(one.cost, other.cost)
    torch.testing.assert_close(one.mean, other.mean)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("chunk", [None, 7])
def test_a_cost_may_change_its_input_in_place(preset, chunk, device):
    def inside(actions):  # a gradient needs its leaf unchanged
        return counted(actions.clone() if actions.requires_grad else actions)

    same(plan(preset, inside, 2, device, chunk=chunk), plan(preset, cost, 2, device))


@pytest.mark.parametrize("writes", [uncounted, numpy])
@pytest.mark.parametrize("preset", SEARCHES)
def test_writes_that_pytorch_does_not_count_change_nothing_on_the_cpu(preset, writes):
    same(plan(preset, writes), plan(preset, cost))


@pytest.mark.parametrize("writes", [counted, uncounted, numpy])
@pytest.mark.parametrize("preset", SEARCHES)
def test_a_cost_may_change_its_input_in_inference_mode(preset, writes):
    with torch.inference_mode():
        changed = plan(preset, writes)
        same(changed, plan(preset, cost))


@pytest.mark.usefixtures("as_on_a_gpu")
def test_counted_writes_change_nothing_without_reading_the_device(device):
    same(plan("full", counted, device=device), plan("full", cost, device=device))


@pytest.mark.parametrize("preset", SEARCHES)
@pytest.mark.parametrize("when", [2, 6], ids=["second iteration", "mean"])
def test_a_cost_that_begins_to_write_later_is_an_error(preset, when, device):
    calls = []

    def late(actions):
        calls.append(None)
        return counted(actions) if len(calls) == when else cost(actions)

    with pytest.raises(CostWritesError, match=r"actions\.clone\(\)"):
        plan(preset, late, device=device, iterations=5, patience=0)
    assert len(calls) == when


def test_a_cost_that_only_reads_gets_one_copy(device):
    seen = []

    def reads(actions):
        seen.append(actions.data_ptr())
        return cost(actions)

    actions = torch.rand(1, 4, 3, 2, device=device)
    guarded = GuardedCost(reads, compares=device == "cpu")
    for _ in range(3):
        guarded(actions)
    assert [pointer == actions.data_ptr() for pointer in seen] == [False, True, True]
