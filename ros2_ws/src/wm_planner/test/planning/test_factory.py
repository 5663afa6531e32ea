import pytest

from wm_planner.config import PRESETS, PlanningConfig
from wm_planner.planning import (
    PlanError,
    PresetError,
    Problem,
    SettingsError,
    build_planner,
    make_planner,
)
from wm_planner.planning.factory import _FACTORIES

PROBLEM = Problem(action_dim=2, horizon=3)


def test_unknown_preset_names_those_that_exist():
    with pytest.raises(PresetError, match=r"dino_wm.*online"):
        make_planner("best", action_dim=2, horizon=3)


def test_every_settings_error_is_a_plan_error_and_a_value_error():
    assert issubclass(PresetError, PlanError)
    assert issubclass(PresetError, ValueError)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_unknown_setting_is_refused_by_name(preset):
    with pytest.raises(SettingsError, match="num_sample is no setting of the preset"):
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


def test_every_planner_of_the_presets_has_a_factory_and_a_section():
    assert {preset.planner for preset in PRESETS.values()} == set(_FACTORIES)
    for preset in PRESETS:
        assert PlanningConfig().settings_of(preset)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_is_built_from_the_settings(preset):
    built = build_planner(PlanningConfig(preset=preset), PROBLEM)
    assert type(built) is type(make_planner(preset, action_dim=2, horizon=3))


def test_sizes_and_settings_reach_the_planner():
    settings = PlanningConfig(preset="dino_wm", num_samples=40, iterations=3, num_elites=5)
    settings.cem.returns = "best"
    planner = build_planner(settings, PROBLEM)
    assert (planner.samples, planner.iterations, planner._elites) == (40, 3, 5)
    assert planner.settings.returns == "best"


def test_another_preset_has_its_own_size():
    settings = PlanningConfig(preset="full", num_samples=40, iterations=3)
    assert build_planner(settings, PROBLEM, "mppi").samples == 300
    assert build_planner(settings, PROBLEM, "online").iterations == 5


def test_search_and_descent_of_cem_gd_have_the_settings_of_their_sections():
    settings = PlanningConfig(preset="cem_gd", memory_limit=7)
    settings.adaptive_cem.widening, settings.gradient.final_rate = 2.5, 0.3
    settings.cem_gd.search_samples = 20
    planner = build_planner(settings, PROBLEM)
    assert (planner._search.samples, planner._search.settings.widening) == (20, 2.5)
    assert (planner._descent.settings.final_rate, planner._descent.settings.sigma) == (0.3, 0.05)
    assert planner._descent._evaluate._memory_limit == 7


def test_wrong_settings_are_an_error_of_planning():
    with pytest.raises(SettingsError, match=r"planning\.num_elites is 400, more than"):
        build_planner(PlanningConfig(num_elites=400), PROBLEM)
    with pytest.raises(PresetError, match="'best'"):
        build_planner(PlanningConfig(), PROBLEM, "best")
