import pytest
import torch

from wm_planner.planning import CapturedCost, make_planner


def test_on_the_cpu_calls_go_straight_through(bowl):
    cost = bowl(torch.ones(1, 3, 2))
    plans = [
        make_planner("online", action_dim=2, horizon=3).plan(c) for c in (cost, CapturedCost(cost))
    ]
    assert torch.equal(plans[0].actions, plans[1].actions)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="a CUDA graph needs a CUDA device")
@pytest.mark.parametrize("preset", ["online", "full", "mppi", "dino_wm"])
def test_captured_cost_gives_the_same_plans_after_its_tensors_changed(preset):
    goal = torch.ones(1, 3, 2, device="cuda")

    def cost(actions):
        return ((actions - goal.unsqueeze(1)) ** 2).sum((-1, -2))

    captured = CapturedCost(cost)
    eager, graphed = (
        make_planner(preset, action_dim=2, horizon=3, device="cuda") for _ in range(2)
    )
    for value in (1.0, -0.5):
        goal.fill_(value)
        torch.testing.assert_close(graphed.plan(captured).actions, eager.plan(cost).actions)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("preset", ["online", "full", "mppi"])
def test_nothing_waits_for_the_device_within_a_plan(preset):
    goal = torch.ones(1, 3, 2, device="cuda")
    planner = make_planner(preset, action_dim=2, horizon=3, device="cuda", patience=None)
    calls = []

    def cost(actions):
        torch.cuda.set_sync_debug_mode("error")  # from the first iteration on
        calls.append(1)
        return ((actions - goal.unsqueeze(1)) ** 2).sum((-1, -2))

    try:
        planner._begin(1, torch.zeros(1, 1, 6, device="cuda"), None)
        for i in range(planner.iterations):
            out = torch.empty(1, planner.samples, 6, device="cuda")
            planner._generate(i, out)
            planner._update(i, out, cost(out.view(1, -1, 3, 2)))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(calls) == planner.iterations
