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


@pytest.mark.usefixtures("host_or_device")
def test_a_problem_whose_candidates_tie_stays_while_another_narrows(bowl, recorder):
    target = 0.5 * torch.ones(1, 3, 2)

    def cost(actions):
        return torch.cat([torch.ones(1, actions.shape[1]), bowl(target)(actions[1:])])

    seen = recorder(cost)
    result = make_planner("mppi", action_dim=2, horizon=3, patience=0).plan(seen, batch=2)
    first, last = (
        actions.std(1).mean((1, 2)) for actions in (seen.actions[0], seen.iterations()[-1])
    )
    assert last[0] > 0.85 * first[0]
    assert last[1] < 0.15 * first[1]
    assert torch.equal(result.mean[0], torch.zeros(3, 2))
    torch.testing.assert_close(result.mean[1:], target, atol=0.05, rtol=0.0)


@pytest.mark.usefixtures("host_or_device")
def test_of_few_possible_candidates_the_mean_is_their_average(recorder):
    def cost(actions):
        return torch.where(actions[..., 0, 0] > 1.9, actions[..., 0, 0], torch.nan)

    seen = recorder(cost)
    result = make_planner("mppi", action_dim=2, horizon=3, iterations=1).plan(seen)
    possible = seen.actions[0][0][seen.costs[0][0].isfinite()]
    assert 1 < len(possible) < 30  # fewer than the rank that sets the temperature
    torch.testing.assert_close(result.mean[0], possible.mean(0))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("temperature", 0.0), ("sigma", -1.0), ("rank", 0.0), ("draws", "x"), ("warm_sigma", 0.0)],
)
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(SettingsError, match=setting):
        make_planner("mppi", action_dim=2, horizon=3, **{setting: value})
