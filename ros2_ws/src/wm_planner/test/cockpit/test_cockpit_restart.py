"""Settings of the planner that are changed from the page: at once, or by configuring it anew."""

from __future__ import annotations

from typing import Any

import pytest
from cockpit_bench import Bench
from lifecycle_msgs.msg import Transition
from planner_double import ACTIVE, INACTIVE, UNCONFIGURED
from rcl_interfaces.msg import ParameterDescriptor

from wm_planner.cockpit import calls as module
from wm_planner.cockpit.calls import Answer, Setting
from wm_planner.config import Config, leaves
from wm_planner.ros.parameters import ALWAYS, LIVE

pytestmark = pytest.mark.dds
DEACTIVATE, CLEANUP = Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP
CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE
ORDER = {"images.generic_color_order": "bgr"}
"""A setting that takes effect when the planner is configured."""


def order(bench: Bench) -> Any:
    return bench.planner.parameters.config().images.generic_color_order


def restart(bench: Bench, values: dict[str, Any]) -> Answer:
    """Restart; check that the page tells so meanwhile, and no longer afterward."""
    told = []
    bench.planner.on_transition = lambda: told.append(bench.known.busy)
    answer: Answer = bench.run(bench.calls.restart_with(values))
    assert set(told) <= {"/planner is being configured"}
    assert bench.known.busy == ""
    bench.all_done()
    return answer


@pytest.mark.parametrize("config", ["limits: {locked: true}", "limits: {}"])
def test_a_planner_whose_limits_are_locked_is_not_restarted(bench: Bench, config: str) -> None:
    """A user who sees a page must not be able to take the arm's planner down for nothing."""
    bench.known.take_config(config)
    answer = restart(bench, ORDER)
    assert not answer.done
    assert "images.generic_color_order cannot change" in answer.text
    assert "limits.locked" in answer.text
    assert (bench.planner.transitions, bench.planner.state) == ([], ACTIVE)
    assert order(bench) == "refuse"


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        (ACTIVE, [DEACTIVATE, CLEANUP, CONFIGURE, ACTIVATE]),
        (INACTIVE, [CLEANUP, CONFIGURE]),
        (UNCONFIGURED, []),
    ],
    ids=["active", "inactive", "unconfigured"],
)
def test_a_restart_ends_in_the_state_in_which_it_began(
    bench: Bench, state: int, steps: list[int]
) -> None:
    bench.planner.begin_in(state)
    answer = restart(bench, ORDER)
    assert answer == Answer(True, "changed images.generic_color_order to bgr")
    assert (bench.planner.transitions, bench.planner.state) == (steps, state)
    assert order(bench) == "bgr"


@pytest.mark.parametrize("state", [ACTIVE, INACTIVE, UNCONFIGURED])
def test_a_planner_that_refuses_the_settings_goes_on_with_those_before(
    bench: Bench, state: int
) -> None:
    bench.planner.begin_in(state)
    answer = restart(bench, {**ORDER, "images.float_range": "[0,7]"})
    assert not answer.done
    assert "images.float_range" in answer.text
    assert bench.planner.state == state
    assert order(bench) == "refuse", "all or none"


@pytest.mark.parametrize(
    ("step", "missing"), [(CONFIGURE, "configure, then activate"), (ACTIVATE, "activate")]
)
def test_a_planner_that_cannot_be_started_again_says_what_is_missing(
    bench: Bench, step: int, missing: str
) -> None:
    bench.planner.refused = {step}
    answer = restart(bench, ORDER)
    assert not answer.done
    assert "could not be started again" in answer.text
    assert answer.text.endswith(f"ros2 lifecycle set /planner {missing}")


@pytest.mark.parametrize(
    ("step", "state"), [(DEACTIVATE, ACTIVE), (CLEANUP, INACTIVE)], ids=["deactivate", "clean up"]
)
def test_a_planner_that_cannot_be_taken_down_keeps_its_settings(
    bench: Bench, step: int, state: int
) -> None:
    bench.planner.refused = {step}
    answer = restart(bench, ORDER)
    assert not answer.done
    assert "no setting was changed" in answer.text
    assert ("inactive" in answer.text) == (state == INACTIVE)
    assert (bench.planner.transitions[-1], bench.planner.state) == (step, state)
    assert order(bench) == "refuse"


def test_a_transition_without_an_answer_leaves_the_state_unknown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RELOAD", 0.3)
    bench.planner.held = {"change"}
    answer = restart(bench, ORDER)
    assert not answer.done
    assert "did not answer" in answer.text
    assert "Its state is not known" in answer.text
    assert len(bench.planner.transitions) <= 1, "a transition is not asked for twice"


def settings(bench: Bench) -> dict[str, Setting]:
    return {setting.name: setting for setting in bench.run(bench.calls.settings())}


@pytest.mark.parametrize("most", [7, 200])
def test_all_settings_that_may_change_now_are_found_and_no_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(module, "MAX_PARAMETERS", most)
    fixed = ParameterDescriptor(read_only=True)
    bench.planner.declare_parameter("session.fixed", 1, fixed)
    bench.planner.declare_parameter("planning_but_another_section.horizon", 1)
    found = settings(bench)
    assert list(found) == sorted(found)
    names = [leaf.name for leaf in leaves(Config()) if leaf.name.startswith((*LIVE, *ALWAYS))]
    assert sorted(found) == sorted(names)
    bench.all_done()


def test_a_setting_has_its_value_range_and_choices(bench: Bench) -> None:
    bench.planner.begin_in(UNCONFIGURED)
    assert bench.run(bench.calls.change({"planning.horizon": 9})).done
    set_before = {"planning.horizon": 9, "limits.locked": False}
    found = settings(bench)
    for leaf in leaves(Config()):
        if leaf.name not in found:
            continue
        setting, checks = found[leaf.name], leaf.checks
        expected = set_before.get(leaf.name, leaf.value)
        value = setting.value
        assert (list(value) if isinstance(expected, list) else value) == expected
        assert setting.descriptor.description == checks["help"]
        assert setting.choices == [str(choice) for choice in checks.get("choices", [])]
        if "high" in checks and not isinstance(leaf.value, list):
            low = checks.get("low", checks.get("above"))
            assert setting.range == (low, checks["high"])
        else:
            assert setting.range is None
    assert any(setting.choices for setting in found.values())


def test_settings_are_changed_together(bench: Bench) -> None:
    values = {"planning.horizon": 7, "commands.speed_override": 50.0}
    answer = bench.run(bench.calls.change(values))
    assert answer == Answer(True, "changed planning.horizon to 7, commands.speed_override to 50.0")
    config = bench.planner.config
    assert (config.planning.horizon, config.commands.speed_override) == (7, 50.0)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"planning.horizon": -1}, "planning.horizon"),
        ({"planning.horizon": 7, **ORDER}, "cannot change while the node is configured"),
        ({"no.such": 1}, "undeclared parameter"),
    ],
    ids=["range", "not now", "unknown"],
)
def test_the_reason_of_a_refusal_is_told(bench: Bench, values: dict[str, Any], reason: str) -> None:
    before = bench.planner.config.planning.horizon
    answer = bench.run(bench.calls.change(values))
    assert not answer.done
    assert reason in answer.text
    assert answer.text.isprintable()
    assert bench.planner.parameters.config().planning.horizon == before
