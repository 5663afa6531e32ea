import pytest
import torch

from wm_planner.planning import SettingsError, WarmStartError, make_planner, shift
from wm_planner.planning.warm_start import with_zero_end

PLAN = torch.arange(1.0, 9.0).view(1, 4, 2)


def test_shift_drops_the_first_steps_and_repeats_the_last_action():
    assert shift(PLAN, 1)[0].tolist() == [[3, 4], [5, 6], [7, 8], [7, 8]]
    assert shift(PLAN, 3)[0].tolist() == [[7, 8]] * 4


def test_shift_by_the_horizon_or_more_leaves_the_padding():
    assert shift(PLAN, 9)[0].tolist() == [[7, 8]] * 4
    assert shift(PLAN, 9, pad="zero")[0].tolist() == [[0, 0]] * 4


def test_shift_pads_with_zeros_if_requested():
    assert shift(PLAN, 1, pad="zero")[0].tolist() == [[3, 4], [5, 6], [7, 8], [0, 0]]


def test_shift_by_nothing_is_a_copy():
    shifted = shift(PLAN, 0)
    assert torch.equal(shifted, PLAN)
    assert shifted.data_ptr() != PLAN.data_ptr()


@pytest.mark.parametrize(("steps", "pad"), [(-1, "repeat"), (1, "mirror")])
def test_shift_refuses_negative_steps_and_unknown_padding(steps, pad):
    with pytest.raises(SettingsError):
        shift(PLAN, steps, pad=pad)


@pytest.mark.parametrize("preset", ["online", "full", "mppi", "gradient", "cem_gd", "dino_wm"])
@pytest.mark.parametrize(
    "warm",
    [
        torch.zeros(4, 2),
        torch.zeros(2, 4, 2),
        torch.zeros(1, 5, 2),
        torch.zeros(1, 4, 3),
        torch.full((1, 4, 2), torch.nan),
    ],
)
def test_warm_start_that_does_not_fit_is_refused(preset, warm, bowl):
    planner = make_planner(preset, action_dim=2, horizon=4)
    with pytest.raises(WarmStartError):
        planner.plan(bowl(PLAN), warm_start=warm)


def test_warm_start_without_steps_is_a_cold_start(bowl):
    plans = [
        make_planner("online", action_dim=2, horizon=4).plan(bowl(PLAN / 8), warm_start=warm)
        for warm in (None, torch.zeros(1, 0, 2))
    ]
    assert torch.equal(plans[0].actions, plans[1].actions)


def test_warm_start_repeats_its_last_action(bowl, recorder):
    cost = recorder(bowl(PLAN))
    make_planner("online", action_dim=2, horizon=4).plan(cost, warm_start=torch.ones(1, 2, 2) / 2)
    assert cost.actions[0][0, 0].tolist() == [[0.5, 0.5]] * 4


def test_a_plan_that_may_rest_has_zeros_where_its_end_repeats():
    plan = torch.tensor([[[1.0], [1.0], [2.0], [3.0], [3.0], [3.0]]])
    rests = with_zero_end(plan)
    assert rests.flatten().tolist() == [1.0, 1.0, 2.0, 3.0, 0.0, 0.0]
    assert torch.equal(with_zero_end(plan[:, :4]), plan[:, :4])
    assert with_zero_end(torch.ones(1, 1, 2)).flatten().tolist() == [1.0, 1.0]
