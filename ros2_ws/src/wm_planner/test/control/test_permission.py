"""The arm moves only while the operator enables it, and not against something."""

from __future__ import annotations

import math

import pytest

from wm_planner.config import Config, ConfigError, SafetyConfig
from wm_planner.control import ErrorCode, Refused
from wm_planner.control.permission import ContactStop, Enabling, Permission

NAN = math.nan


def _permission(shadow: bool = False, **settings: float) -> Permission:
    config = Config(safety=SafetyConfig(**settings))  # type: ignore[arg-type]
    config.commands.shadow = shadow
    return Permission(config, [])


def test_only_a_fresh_true_enables_the_arm_and_the_sentence_says_why_not() -> None:
    enabling = Enabling(0.2)
    assert "nothing has arrived on enable yet" in enabling.why_not(5.0)
    enabling.take(True, 5.0)
    assert enabling.why_not(5.19) == ""
    assert "has been silent for 0.25 s, safety.enable_timeout allows 0.20 s" in enabling.why_not(
        5.25
    )
    enabling.take(False, 5.3)
    assert "was false, 0.10 s ago" in enabling.why_not(5.4)
    enabling.take(True, 5.5)
    assert enabling.why_not(5.5) == ""


def test_without_a_timeout_the_arm_needs_no_enabling() -> None:
    assert _permission().hold(1.0) is None


@pytest.mark.parametrize(
    ("settings", "force", "torque", "words"),
    [
        ({"max_force": 10.0}, (6.0, 8.1, 0.0), (0.0, 0.0, 0.0), "the force on wrench is 10.1 N"),
        ({"max_torque": 2.0}, (99.0, 0.0, 0.0), (0.0, 0.0, -2.5), "the torque on wrench is 2.5"),
        ({"max_force": 10.0}, (NAN, 0.0, 0.0), (0.0, 0.0, 0.0), "the force on wrench is not fin"),
        ({"max_torque": 2.0}, (0.0, 0.0, 0.0), (0.0, math.inf, 0.0), "the torque on wrench is not"),
    ],
)
def test_a_wrench_above_a_threshold_ends_the_goal(
    settings: dict[str, float],
    force: tuple[float, ...],
    torque: tuple[float, ...],
    words: str,
) -> None:
    permission = _permission(**settings)
    why = permission.contact.take_wrench(force, torque, 1.0)
    assert why.startswith(words)
    ended = permission.end(1.1)
    assert ended
    assert (ended.code, ended.message) == (ErrorCode.CONTACT, why)
    with pytest.raises(Refused, match="on wrench"):
        permission.check(1.1)
    assert permission.contact.take_wrench((0.0, 9.9, 0.0), (0.0, 0.0, 1.9), 1.2) == ""
    permission.check(1.3)


def test_what_is_not_watched_ends_nothing() -> None:
    contact = ContactStop(SafetyConfig(max_force=10.0), ["a"])
    assert contact.take_wrench((0.0, 0.0, 9.0), (NAN, 99.0, 0.0), 1.0) == ""
    assert not contact.watches_efforts
    assert ContactStop(SafetyConfig(), []).problem(1.0) == ""


@pytest.mark.parametrize("settings", [{"max_force": 1.0}, {"max_torque": 1.0}])
def test_a_silent_wrench_is_no_contact_stop(settings: dict[str, float]) -> None:
    contact = ContactStop(SafetyConfig(**settings), [])  # type: ignore[arg-type]
    assert "no usable wrench on wrench yet" in contact.problem(1.0)
    contact.take_wrench((0.0,) * 3, (0.0,) * 3, 1.0)
    assert contact.problem(1.5) == ""
    assert "no usable wrench on wrench for 0.60 s" in contact.problem(1.6)


def test_the_effort_of_every_watched_joint_is_compared() -> None:
    contact = ContactStop(SafetyConfig(max_effort=5.0), ["a", "b"])
    assert contact.take_efforts(["a", "b", "gripper"], [1.0, -5.0, 70.0], 1.0) == ""
    assert contact.problem(1.0) == ""
    assert "the effort of b on joint_states is 5.1" in contact.take_efforts(["b"], [-5.1], 1.1)
    assert contact.take_efforts(["a"], [0.0], 1.1) == ""
    assert "the effort of b" in contact.problem(1.1), "the other joint does not clear it"
    assert "not finite" in contact.take_efforts(["a", "b"], [1.0, NAN], 1.2)


@pytest.mark.parametrize("efforts", [[9.0, 0.0], [0.0, -9.0], [NAN, 0.0], [0.0, NAN]])
def test_of_a_joint_that_is_named_twice_the_larger_effort_counts(efforts: list[float]) -> None:
    contact = ContactStop(SafetyConfig(max_effort=5.0), ["a"])
    assert "the effort of a" in contact.take_efforts(["a", "a"], efforts, 1.0)
    assert "the effort of a" in contact.problem(1.0)


def test_joints_whose_effort_is_missing_are_named() -> None:
    contact = ContactStop(SafetyConfig(max_effort=5.0), ["a", "b", "c"])
    contact.take_efforts(["a", "b", "c"], [1.0, 1.0, 1.0], 1.0)
    contact.take_efforts(["a", "b", "c"], [1.0], 1.6)
    contact.take_efforts(["gripper"], [1.0], 1.6)
    assert "no usable effort of b, c on joint_states for 0.60 s" in contact.problem(1.6)


def test_cartesian_commands_need_the_names_of_the_joints_not_patterns() -> None:
    with pytest.raises(ConfigError, match=r"set safety\.effort_joints"):
        ContactStop(SafetyConfig(max_effort=5.0), [])
    with pytest.raises(ConfigError, match=r"'arm_\*'.* is a pattern"):
        ContactStop(SafetyConfig(max_effort=5.0, effort_joints=["arm_*"]), [])
    contact = ContactStop(SafetyConfig(max_effort=5.0, effort_joints=["arm_1", "arm_2"]), [])
    assert contact.watched(["finger", "arm_2"]) == ["arm_2"]
    assert contact.take_efforts(["finger", "arm_1"], [60.0, 1.0], 1.0) == ""
    assert "no usable effort of arm_2" in contact.problem(1.0)


def test_in_shadow_mode_button_and_contact_are_only_said() -> None:
    permission = _permission(shadow=True, enable_timeout=0.2, max_force=1.0)
    assert permission.hold(1.0) is None
    permission.check(1.0)
    not_enabled, silent = permission.problems(1.0)
    assert "not enabled" in not_enabled
    assert "no usable wrench" in silent
