import pytest
import torch

from wm_planner.planning import SettingsError, make_planner


def test_mean_is_the_softmax_average_of_the_candidates(bowl, recorder):
    cost = recorder(bowl(torch.ones(1, 3, 2)))
    planner = make_planner("mppi", action_dim=2, horizon=3, iterations=1, temperature=0.3, rank=0.1)
    result = planner.plan(cost)
    actions, costs = cost.actions[0], cost.costs[0]
    scale = 0.3 * (costs.sort().values[0, 29] - costs.min())
    weights = torch.softmax(-costs / scale, dim=1)
    torch.testing.assert_close(result.mean, (weights[..., None, None] * actions).sum(1))


def test_final_sigma_one_keeps_the_width(bowl, recorder):
    cost = recorder(bowl(torch.ones(1, 3, 2)))
    make_planner("mppi", action_dim=2, horizon=3, iterations=4, final_sigma=1.0).plan(cost)
    widths = [actions.std(1).mean().item() for actions in cost.iterations()]
    assert widths[-1] == pytest.approx(widths[0], rel=0.05)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("temperature", 0.0), ("sigma", -1.0), ("rank", 0.0), ("draws", "x"), ("warm_sigma", 0.0)],
)
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(SettingsError, match=setting):
        make_planner("mppi", action_dim=2, horizon=3, **{setting: value})
