import pytest
import torch

from wm_planner.planning import GradientError, SettingsError, make_planner

TARGET = torch.linspace(-1, 1, 6).view(1, 3, 2)


def test_descent_finds_the_bottom_of_a_bowl(bowl):
    result = make_planner("gradient", action_dim=2, horizon=3, patience=0).plan(bowl(TARGET))
    assert result.cost.item() < 1e-3


def test_descent_from_the_search_is_never_worse_than_the_search(bowl, recorder):
    cost = recorder(bowl(TARGET))
    result = make_planner("cem_gd", action_dim=2, horizon=3).plan(cost)
    searched = torch.cat(cost.costs[:5], dim=1).min().item()
    assert result.cost.item() <= searched
    assert result.iterations == result.cost_history.shape[0] > 5


def test_cost_without_a_gradient_is_an_error_of_its_own():
    def cost(actions):
        return actions.detach().sum((-1, -2))

    with pytest.raises(GradientError, match="not differentiable"):
        make_planner("gradient", action_dim=2, horizon=3).plan(cost)


def test_memory_that_runs_out_in_the_gradient_halves_the_candidates(bowl):
    class Tight(torch.autograd.Function):
        @staticmethod
        def forward(ctx, costs):
            return costs.clone()

        @staticmethod
        def backward(ctx, slopes):
            if slopes.shape[1] > 3:
                raise torch.OutOfMemoryError
            return slopes

    plans = [
        make_planner("gradient", action_dim=2, horizon=3, iterations=5).plan(cost)
        for cost in (bowl(TARGET), lambda actions: Tight.apply(bowl(TARGET)(actions)))
    ]
    torch.testing.assert_close(plans[1].actions, plans[0].actions)


def test_gradient_is_taken_within_inference_mode(bowl):
    with torch.inference_mode():
        planner = make_planner("gradient", action_dim=2, horizon=3)
        result = planner.plan(lambda a: (a - 0.5).square().sum((-1, -2)))
    assert result.cost.item() < 1e-2


def test_nan_in_the_gradient_does_not_spread():
    def cost(actions):  # the slope of the root is infinite at zero, where the first plan starts
        return actions.abs().sqrt().sum((-1, -2))

    result = make_planner("gradient", action_dim=2, horizon=3).plan(cost)
    assert result.actions.isfinite().all()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("sigma", -1.0), ("learning_rate", 0.0), ("final_rate", float("nan")), ("num_samples", 0)],
)
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(SettingsError, match=setting):
        make_planner("gradient", action_dim=2, horizon=3, **{setting: value})
