"""A cost as a CUDA graph, as far as possible on the CPU, and a plan that waits for no GPU.

``test_planners_on_cuda.py`` shows the latter without a GPU, on fake tensors.
"""

import pytest
import torch

from wm_planner.planning import Captured, captured, make_planner, solver
from wm_planner.planning.chunks import ChunkedCost


def test_on_the_cpu_the_cost_is_called_directly(bowl):
    cost = bowl(torch.ones(1, 3, 2))
    plans = [
        make_planner("online", action_dim=2, horizon=3).plan(c) for c in (cost, Captured(cost))
    ]
    assert torch.equal(plans[0].actions, plans[1].actions)


@pytest.mark.usefixtures("captures")
@pytest.mark.parametrize("preset", ["online", "full", "mppi", "dino_wm"])
def test_captured_cost_gives_the_same_plans_after_its_tensors_changed(preset, device, bowl):
    goal = torch.ones(1, 3, 2, device=device)
    cost = bowl(goal)
    graph = Captured(cost)
    eager, graphed = (
        make_planner(preset, action_dim=2, horizon=3, device=device) for _ in range(2)
    )
    for value in (1.0, -0.5):
        goal.fill_(value)
        torch.testing.assert_close(graphed.plan(graph).actions, eager.plan(cost).actions)


@pytest.mark.usefixtures("captures")
@pytest.mark.parametrize("chunk", [2, 3])
def test_captured_costs_in_chunks_are_each_candidates_own(device, chunk):
    actions = torch.arange(8.0, device=device).view(1, 8, 1, 1)
    cost = Captured(lambda a: a.sum((-1, -2)))
    for offset in (0.0, 10.0):
        costs = ChunkedCost(chunk)(cost, actions + offset)
        assert costs.tolist() == [[offset + i for i in range(8)]]


@pytest.mark.usefixtures("captures")
def test_graphs_of_one_function_are_not_without_number(device, monkeypatch):
    """Sizes of camera images come from outside."""
    monkeypatch.setattr(captured, "MOST_SHAPES", 2)
    double = Captured(lambda given: 2 * given)
    for _ in range(2):
        for size in range(1, 5):
            assert double(torch.ones(size, device=device)).tolist() == size * [2.0]
    assert len(double._graphs) == 2


@pytest.mark.usefixtures("captures")
def test_without_memory_for_a_graph_the_cost_is_called_directly(device, bowl, monkeypatch):
    asked = []
    monkeypatch.setattr(captured, "capture", lambda cost, inputs: asked.append(inputs.shape))
    cost = bowl(torch.ones(1, 3, 2, device=device))
    direct_cost = Captured(cost)
    eager, direct = (
        make_planner("online", action_dim=2, horizon=3, device=device).plan(c).actions
        for c in (cost, direct_cost)
    )
    torch.testing.assert_close(direct, eager)
    assert direct_cost.lacks_memory
    assert len(asked) == 2  # of an iteration and of the mean, and not again for the same shape


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize(("free", "fits"), [(0, False), (1 << 40, True)])
def test_a_graph_is_captured_if_its_memory_is_free(free, fits, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))
    replay = captured.capture(lambda a: (2 * a).sum((-1, -2)), torch.ones(1, 4, 3, 2).cuda())
    assert (replay is not None) == fits
    if replay is not None:
        assert replay().tolist() == [[12.0] * 4]


class Searched(Exception):
    """Raised when all evaluations are queued; only reading the plan has to wait."""


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("preset", ["online", "full", "mppi", "dino_wm", "gradient"])
def test_a_gpu_is_not_waited_for_before_the_plan_is_read(preset, bowl, monkeypatch):
    def read(*_):
        raise Searched

    monkeypatch.setattr(solver, "check_end", read)
    planner = make_planner(preset, action_dim=2, horizon=3, device="cuda", patience=0)
    goal = bowl(torch.ones(1, 3, 2, device="cuda"))
    calls = []

    def cost(actions):
        torch.cuda.set_sync_debug_mode("error")
        calls.append(actions.shape)
        return goal(actions)

    try:
        with pytest.raises(Searched):
            planner.plan(cost)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    evaluated = planner.iterations * planner.samples + (planner.mean_counts != "never")
    assert sum(shape[1] for shape in calls) == evaluated
