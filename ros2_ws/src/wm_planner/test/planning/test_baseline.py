import torch

from wm_planner.planning import make_planner


def _cost(actions: torch.Tensor) -> torch.Tensor:
    return actions.square().mean(dim=(2, 3))


def test_random_actions_differ_from_plan_to_plan_and_keep_to_the_bounds() -> None:
    planner = make_planner("random", action_dim=2, horizon=50, bounds=(-0.5, 1.0))
    first, second = planner.plan(_cost).actions, planner.plan(_cost).actions
    assert not torch.equal(first, second)
    for actions in (first, second):
        assert actions.min() == -0.5
        assert actions.max() == 1.0


def test_random_actions_ignore_the_warm_start_and_repeat_after_a_reset() -> None:
    planner = make_planner("random", action_dim=2, horizon=5, seed=3)
    first = planner.plan(_cost).actions
    planner.reset()
    assert torch.equal(planner.plan(_cost, warm_start=torch.ones(1, 5, 2)).actions, first)
