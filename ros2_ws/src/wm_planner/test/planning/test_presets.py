import pytest

from wm_planner.planning import PRESETS, PlanError, PresetError, SettingsError, make_planner


def test_unknown_preset_names_those_that_exist():
    with pytest.raises(PresetError, match=r"dino_wm.*online"):
        make_planner("best", action_dim=2, horizon=3)


def test_every_settings_error_is_a_plan_error_and_a_value_error():
    assert issubclass(PresetError, PlanError)
    assert issubclass(PresetError, ValueError)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_unknown_setting_is_refused_by_name(preset):
    with pytest.raises(SettingsError, match="num_sample:"):
        make_planner(preset, action_dim=2, horizon=3, num_sample=3)


def test_iterations_of_the_presets():
    assert make_planner("online", action_dim=2, horizon=3).iterations == 5
    assert make_planner("full", action_dim=2, horizon=3).iterations == 30
    assert make_planner("dino_wm", action_dim=2, horizon=3).iterations == 30


def test_override_leaves_the_preset_as_it_is():
    make_planner("full", action_dim=2, horizon=3, num_samples=10, patience=2)
    assert make_planner("full", action_dim=2, horizon=3).samples == 300
    assert make_planner("full", action_dim=2, horizon=3).stopping.patience == 5


def test_patience_reaches_the_stopping():
    planner = make_planner("online", action_dim=2, horizon=3, patience=2, min_improvement=0.1)
    assert (planner.stopping.patience, planner.stopping.min_improvement) == (2, 0.1)
