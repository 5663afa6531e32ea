"""The gripper does what the plan says at its time, within its limits, and else stays as it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from commander_rig import DOWN, START, TICK
from gripper_rig import CLOSED, OPEN, GripperRig, gripping
from loop_rig import OBSERVATIONS, LoopRig

from wm_planner.config import Config, GripperConfig, LimitsConfig
from wm_planner.control import Commander, ErrorCode, LimitViolation, Refused
from wm_planner.models import ModelSpec
from wm_planner.types import Pose

KINDS: list[tuple[dict[str, Any], list[float], list[float]]] = [
    ({"kind": "width"}, [0.03, 0.05], [0.03, 0.05]),
    ({"kind": "width", "mode": "relative"}, [-0.02, -0.03], [0.06, 0.03]),
    ({"kind": "width", "mode": "velocity"}, [-0.1, -0.15], [0.06, 0.03]),
    ({"kind": "closedness"}, [0.25, 0.5], [0.06, 0.04]),
    ({"kind": "closedness", "mode": "relative"}, [0.25, 0.5], [0.06, 0.02]),
    ({"kind": "openness"}, [0.25, 0.5], [0.02, 0.04]),
    ({"kind": "openness", "mode": "relative"}, [-0.25, -0.5], [0.06, 0.02]),
    ({"kind": "open_close"}, [0.9, 0.1], [CLOSED, OPEN]),
    ({"kind": "open_close", "above": "open", "threshold": 0.0}, [1.0, -1.0], [OPEN, CLOSED]),
    ({"kind": "open_close", "hysteresis": 0.3}, [0.7, 0.9, 0.3], [OPEN, CLOSED, CLOSED]),
    # Beyond the range of the training the number counts as its end.
    ({"kind": "width"}, [9.0, -9.0], [OPEN, CLOSED]),
    ({"kind": "closedness", "mode": "relative"}, [0.9, 0.9, -0.5], [0.008, CLOSED, 0.04]),
]


@pytest.mark.parametrize(("changes", "numbers", "widths"), KINDS)
def test_numbers_become_widths(
    spec: ModelSpec, changes: dict[str, Any], numbers: list[float], widths: list[float]
) -> None:
    gripper = gripping(spec, **changes).action.command.gripper
    found = gripper.widths(np.array(numbers), start=OPEN, dt=0.2)
    np.testing.assert_allclose(found, widths, atol=1e-12)


def test_during_each_step_the_gripper_goes_to_the_width_of_this_step(spec: ModelSpec) -> None:
    rig = GripperRig(spec)
    rig.run(TICK)
    rig.grip(0.02, 0.05, 0.03)
    rig.run(0.8)
    changes = [a for a, b in zip(rig.targets, [math.nan, *rig.targets], strict=False) if a != b]
    assert changes == [0.02, 0.05, 0.03]
    assert 10 <= rig.targets.count(0.02) <= 14, "0.2 s and half the blend at 50 Hz"


def test_the_gripper_waits_for_an_arm_that_follows_late(spec: ModelSpec) -> None:
    rigs = GripperRig(spec), GripperRig(spec, lag=0.2)
    for rig in rigs:
        rig.run(TICK)
        rig.grip(0.02, 0.05, 0.03)
        rig.run(0.8)
    prompt, late = (rig.targets.count(0.02) for rig in rigs)
    assert late == prompt + round(0.2 / TICK)


def test_the_width_changes_no_faster_than_the_limit_and_stays_in_the_range(spec: ModelSpec) -> None:
    rig = GripperRig(spec, width=0.05)
    for target in (0.0, 0.08, 0.02):
        rig.grip(*[target] * 5)
        rig.run(0.5)
    assert np.abs(np.diff(rig.widths, prepend=0.05)).max() <= 0.1 * TICK + 1e-12
    assert rig.widths.min() >= 0.01
    assert rig.widths.max() <= 0.07
    assert set(rig.targets) == {0.01, 0.07, 0.02}
    assert rig.commander.gate.counters.limits["gripper"] > 0


def test_a_width_outside_of_the_range_is_refused_under_that_policy(spec: ModelSpec) -> None:
    rig = GripperRig(spec, policy="refuse")
    rig.run(TICK)
    rig.grip(0.08)
    before = len(rig.sent)
    with pytest.raises(LimitViolation, match=r"0\.0800 m, lies outside of limits\.gripper_min"):
        rig.run(0.1)
    assert len(rig.sent) == before


@pytest.mark.parametrize("end", ["stop", "hold"])
def test_a_stop_leaves_the_gripper_as_it_is(spec: ModelSpec, end: str) -> None:
    rig = GripperRig(spec)
    rig.run(TICK)
    rig.grip(0.03, 0.06, 0.06)
    rig.run(0.1)
    count = len(rig.sent)
    rig.now += TICK
    getattr(rig.commander, end)(rig.now)
    rig.settle() if end == "stop" else rig.run(1.0)
    assert len(rig.sent) > count
    assert [command.grip for command in rig.sent[count:]] == [None] * len(rig.sent[count:])


def test_a_new_goal_changes_the_commanded_width_not_the_measured_one(spec: ModelSpec) -> None:
    """A held object keeps the fingers apart; the next goal must not let it go."""
    rig = GripperRig(spec, mode="relative")
    rig.run(TICK)
    rig.grip(-0.06)
    rig.run(0.3)
    rig.measure(0.05)
    rig.run(0.1)
    rig.commander.stop(rig.now)
    rig.settle()
    rig.commander.start(rig.pose(), rig.now)
    rig.run(TICK)
    rig.grip(0.0)
    rig.run(0.1)
    assert rig.targets[-1] == pytest.approx(0.02)


def test_a_width_that_somebody_changed_between_goals_counts(spec: ModelSpec) -> None:
    rig = GripperRig(spec)
    rig.run(TICK)
    rig.grip(*[0.02] * 5)
    rig.run(1.2)
    rig.measure(0.05)  # it holds something
    rig.run(0.1)
    rig.commander.stop(rig.now)
    rig.settle()
    rig.measure(0.07)  # opened by hand
    count = len(rig.widths)
    rig.commander.start(rig.pose(), rig.now)
    rig.run(TICK)
    rig.grip(*[0.06] * 5)
    rig.run(0.3)
    assert rig.widths[count:].min() >= 0.06 - 1e-9, "it does not close first"


def test_a_width_that_was_not_measured_before_lets_nothing_go(spec: ModelSpec) -> None:
    """The fingers hold something when joint_states comes at last."""
    rig = GripperRig(spec, width=math.nan)
    rig.run(TICK)
    rig.grip(*[0.02] * 5)
    rig.run(0.1)
    rig.commander.stop(rig.now)
    rig.settle()
    rig.measure(0.05)
    rig.commander.start(rig.pose(), rig.now)
    rig.run(TICK)
    rig.grip(*[0.02] * 5)
    rig.run(0.1)
    assert set(rig.widths) == {0.02}


def test_two_plans_of_one_image_change_the_width_once(spec: ModelSpec) -> None:
    rig = GripperRig(spec, mode="relative", width=0.06)
    rig.run(TICK)
    image = rig.now
    for _ in range(2):
        rig.commander.splice([[0.0, 0.0, 0.0, -0.02]] * 5, image, rig.now)
        rig.run(0.1)
    assert rig.targets[-1] == pytest.approx(0.04)


def test_the_gripper_does_not_run_ahead_of_an_arm_that_has_come_to_its_end(spec: ModelSpec) -> None:
    """The arm plays a model step and ``commands.extra_time``; later steps are for later places."""
    rig = GripperRig(spec)
    rig.run(TICK)
    rig.grip(*[0.02] * 5, 0.06, 0.06)
    rig.run(3.0)
    assert set(rig.targets) == {0.02}


def test_the_gripper_follows_with_the_delay_of_the_blend(spec: ModelSpec) -> None:
    rig = GripperRig(spec, blend=1.0)
    rig.run(TICK)
    actions = [[0.02, 0.0, 0.0, width] for width in (0.06, 0.02, 0.02)]
    rig.commander.splice(actions, rig.now, rig.now)
    rig.run(1.2)
    closing = next(c for c in rig.sent if c.grip and c.grip.target == 0.02)
    assert closing.position[0] - START[0] == pytest.approx(0.02, abs=0.006), "after the first step"


def test_the_stop_after_a_violation_leaves_the_gripper_as_it_is(spec: ModelSpec) -> None:
    rig = GripperRig(spec)
    rig.run(TICK)
    rig.grip(*[0.03] * 5)
    rig.run(0.1)
    count = len(rig.sent)
    rig.now += TICK
    with pytest.raises(LimitViolation, match="its controller does not follow"):
        rig.commander.send(Pose(START + 1.0, DOWN, 0.0), rig.now)
    rig.commander.stop(rig.now)
    rig.settle()
    assert rig.sent[count:]
    assert not any(command.grip for command in rig.sent[count:])


def test_changed_limits_move_the_gripper_no_faster(spec: ModelSpec) -> None:
    rig = GripperRig(spec, width=0.02)
    rig.run(TICK)
    rig.grip(*[0.02] * 5)
    rig.run(0.1)
    rig.config.limits.gripper_min = 0.05
    rig.commander.apply(rig.config.limits)
    rig.run(0.4)
    assert np.abs(np.diff(rig.widths)).max() <= 0.1 * TICK + 1e-12
    assert rig.widths[-1] == pytest.approx(0.05)


def test_an_old_measurement_does_not_tell_the_width(spec: ModelSpec) -> None:
    gripper = GripperRig(spec, width=math.nan, mode="relative").commander.gripper
    assert gripper
    gripper.measure(0.05, steady=10.0)
    assert gripper.unknown(10.5, max_age=1.0) == ""
    assert "is not known" in gripper.unknown(600.0, max_age=1.0)


def test_a_plan_changes_the_width_that_was_commanded_at_its_image(spec: ModelSpec) -> None:
    rig = GripperRig(spec, mode="relative")
    rig.run(TICK)
    rig.grip(*[-0.01] * 5)
    rig.run(0.1)  # the first step is under way: 0.07
    image = rig.now
    rig.run(0.2)  # the second: 0.06
    rig.commander.splice([[0.0, 0.0, 0.0, -0.02]] * 5, image, rig.now)
    rig.run(0.1)
    # The arm rests, so nothing of the plan counts as done: its first step is played from 0.07.
    assert rig.targets[-1] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"mode": "relative"}, True),
        ({"mode": "velocity"}, True),
        ({"kind": "open_close", "hysteresis": 0.1}, True),
        ({"kind": "open_close"}, False),
        ({"kind": "width"}, False),
    ],
)
def test_only_changes_need_the_measured_width(
    spec: ModelSpec, changes: dict[str, Any], unknown: bool
) -> None:
    gripper = GripperRig(spec, width=math.nan, **changes).commander.gripper
    assert gripper
    assert ("is not known" in gripper.unknown(0.0, 1.0)) == unknown
    gripper.measure(0.03, steady=0.0)
    assert gripper.unknown(0.0, 1.0) == ""


def test_without_a_measured_width_the_first_command_goes_to_the_target(spec: ModelSpec) -> None:
    rig = GripperRig(spec, width=math.nan)
    rig.run(TICK)
    rig.grip(0.03)
    rig.run(TICK)
    assert rig.widths.tolist() == [0.03]


def test_a_gripper_that_is_left_alone_is_not_commanded(spec: ModelSpec) -> None:
    config = Config(gripper=GripperConfig(type="none"))
    config.limits = LimitsConfig(workspace_min=[0.0] * 3, workspace_max=[1.0] * 3)
    sent: list[Any] = []
    commander = Commander(config, gripping(spec), sent.append)
    assert commander.gripper is None
    rig = GripperRig(spec)
    commander.start(rig.pose(), 0.0)
    commander.splice([[*START, 0.03]], 0.0, 0.0)
    commander.send(rig.pose(), TICK)
    assert sent[-1].grip is None


def test_a_goal_is_refused_until_the_width_that_it_changes_is_known(spec: ModelSpec) -> None:
    config = Config(gripper=GripperConfig(type="joint_state", joints=["finger"]))
    config.limits.gripper_max = OPEN
    rig = LoopRig(gripping(spec, mode="relative"), config)
    with pytest.raises(Refused, match="the width of the gripper is not known"):
        rig.begin(OBSERVATIONS[0])
    assert rig.loop.commander.gripper
    rig.loop.commander.gripper.measure(0.05, rig.steady)
    assert rig.begin(OBSERVATIONS[0])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": "closedness"},
        {"kind": "open_close"},
        {"mode": "relative"},
        {"kind": "openness", "mode": "velocity"},
    ],
)
def test_what_the_gripper_was_told_is_known_as_numbers(
    spec: ModelSpec, changes: dict[str, Any]
) -> None:
    rig = GripperRig(spec, blend=0.0, width=0.05, **changes)
    gripper = rig.commander.gripper
    assert gripper
    assert np.isnan(gripper.executed(np.array([0.0, 0.2]))).all()
    numbers = [0.1, 0.9]
    if changes.get("mode"):  # of the width of 5 cm, which may shrink to 1 cm
        numbers = [-0.01, 0.015] if changes.get("kind", "width") == "width" else [-1.0, 0.8]
    elif changes.get("kind", "width") == "width":
        numbers = [0.02, 0.06]
    begin = rig.now
    rig.grip(*numbers)
    rig.run(0.7)
    for late in (0.01, 0.03, 0.05, 0.09):  # images are not taken when a step begins
        told = gripper.executed(begin + late + np.array([0.0, 0.2, 0.4]))
        np.testing.assert_allclose(told, numbers, atol=1e-9)


def test_before_the_first_plan_nobody_knows_what_the_gripper_was_told(spec: ModelSpec) -> None:
    rig = GripperRig(spec, blend=0.0)
    gripper = rig.commander.gripper
    assert gripper
    rig.run(0.4)
    begin = rig.now
    rig.grip(0.02, 0.06, latency=-0.3)  # the image is stamped ahead of ROS time
    rig.run(0.4)
    told = gripper.executed(begin + np.array([-0.4, -0.2, 0.1, 0.3]))
    assert np.isnan(told[:2]).all()
    assert np.isfinite(told[2:]).all()


@pytest.mark.parametrize(("number", "believed"), [(0.9, True), (0.1, False)])
def test_only_a_gripper_that_moves_explains_images_of_an_arm_that_rests(
    spec: ModelSpec, number: float, believed: bool
) -> None:
    config = Config(gripper=GripperConfig(type="joint_state", joints=["finger"]))
    config.limits.gripper_max = OPEN
    rig = LoopRig(gripping(spec, kind="open_close"), config)
    assert rig.loop.commander.gripper
    rig.loop.commander.gripper.measure(OPEN, rig.steady)
    rig.begin(OBSERVATIONS[0])
    rig.wait(4.0)
    for distance in (0.9, 0.9, 0.1):
        rig.step(distance, [0.0, 0.0, 0.0, number])
    assert (("hold", ErrorCode.IMPLAUSIBLE) in rig.events) != believed
