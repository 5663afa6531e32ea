"""The arm slows along its path: for what is late, by the operator's override, and for a hold."""

from __future__ import annotations

import numpy as np
import pytest
from commander_rig import MOVE, START, TICK, CommanderRig

from wm_planner.models import ModelSpec

SPEED = 0.2  # [m/s] of MOVE


def _send(rig: CommanderRig, seconds: float, pace: float = 1.0) -> None:
    for _ in range(round(seconds / TICK)):
        rig.now += TICK
        rig.commander.send(rig.pose(), rig.now, pace)


def _speeds(rig: CommanderRig) -> np.ndarray:
    return np.diff(rig.positions()[:, 0]) / TICK


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("by", ["override", "pace"])
def test_the_arm_moves_at_a_share_of_the_planned_speed_along_the_same_path(
    spec: ModelSpec, by: str, share: float
) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    _send(rig, 0.3)
    if by == "override":
        rig.commander.time_scale.override = share
    _send(rig, 0.3, pace=share if by == "pace" else 1.0)
    assert _speeds(rig)[-3:] == pytest.approx(share * SPEED, abs=1e-9)
    assert rig.commander.moving == (share > 0)
    assert rig.sent[-1].velocity[0] == pytest.approx(share * SPEED, abs=1e-9)
    rig.commander.time_scale.override = 1.0
    _send(rig, 2.0)
    np.testing.assert_allclose(rig.sent[-1].position, START + 3.5 * np.array(MOVE), atol=1e-9)


def test_an_override_of_0_from_the_start_sends_the_start_position(spec: ModelSpec) -> None:
    rig = CommanderRig(spec, speed_override=0.0)
    rig.plan(MOVE)
    _send(rig, 0.5)
    assert len(rig.sent) == 25
    np.testing.assert_array_equal(rig.positions(), np.tile(START, (25, 1)))
    rig.commander.time_scale.override = 1.0
    _send(rig, 0.3)
    assert rig.commander.moving


@pytest.mark.parametrize(("blend", "acceleration"), [(0.1, 10.0), (0.0, 10.0), (0.1, 1.0)])
def test_a_changing_pace_keeps_to_blend_and_acceleration(
    spec: ModelSpec, blend: float, acceleration: float
) -> None:
    """Under the policy refuse, a command beyond the limits would raise."""
    rig = CommanderRig(spec, blend=blend, extra_time=3.0)
    rig.config.limits.policy = "clamp"  # for the beginning of the path
    rig.commander.apply(rig.config.limits)
    rig.plan(MOVE)
    _send(rig, 0.5)
    rig.config.limits.max_acceleration, rig.config.limits.policy = acceleration, "refuse"
    rig.commander.apply(rig.config.limits)
    before = len(rig.sent) - 1
    for pace in (0.0, 1.0, 0.3, 0.9, 0.0):
        _send(rig, 0.06, pace)
    changes = np.abs(np.diff(_speeds(rig)[before - 1 :])) / TICK
    assert changes.max() <= min(acceleration, SPEED / max(blend, 1e-9)) * 1.001
    assert changes.max() > 0


def test_a_hold_comes_to_rest_within_the_blend_and_stays_at_rest(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    _send(rig, 0.3)
    count = len(rig.sent)
    rig.now += TICK
    rig.commander.hold(rig.now)
    _send(rig, 1.0)
    speeds = _speeds(rig)[count - 1 :]
    np.testing.assert_allclose(speeds[:6], SPEED * np.array([0.8, 0.6, 0.4, 0.2, 0, 0]), atol=1e-9)
    assert not speeds[4:].any()


@pytest.mark.parametrize(("percent", "skipped"), [(20.0, False), (100.0, True)])
def test_a_slowed_arm_skips_no_more_of_a_plan_than_it_can_have_traveled(
    spec: ModelSpec, percent: float, skipped: bool
) -> None:
    """The plan takes a detour to where the arm is, for which a fast arm had the time."""
    rig = CommanderRig(spec, speed_override=percent)
    rig.plan([0.03, 0.0, 0.0])
    _send(rig, 0.3)
    image, basis = rig.now, rig.sent[-1].position
    _send(rig, 0.36)
    place = rig.sent[-1].position
    detour = np.array([0.0, 0.04, 0.0])
    rig.commander.splice([detour, place - basis - detour, *[np.zeros(3)] * 3], image, rig.now)
    _send(rig, 3.0)
    assert (rig.positions()[:, 1].max() < 0.015) == skipped


def test_velocity_commands_are_slowed_with_their_correction(spec: ModelSpec) -> None:
    rig = CommanderRig(spec, follows=False, type="twist_stamped")
    rig.plan([0.02, 0.0, 0.0])
    _send(rig, 0.3)
    assert rig.sent[-1].velocity[0] > 0.1
    rig.commander.time_scale.override = 0.5
    _send(rig, 0.2)
    error = rig.sent[-1].position[0] - START[0]
    assert rig.sent[-1].velocity[0] == pytest.approx(0.5 * (0.1 + error), abs=0.003)
    rig.commander.time_scale.override = 0.0
    _send(rig, 0.2)
    assert not rig.sent[-1].velocity.any()


@pytest.mark.parametrize(("move", "most"), [(0.05, 5), (0.02, 2), (0.002, 1)])
def test_a_slow_arm_brakes_in_less_time_when_something_is_late(
    spec: ModelSpec, move: float, most: int
) -> None:
    rig = CommanderRig(spec)
    rig.plan([move, 0.0, 0.0])
    _send(rig, 0.3)
    before = len(rig.sent)
    rig.commander.hold(rig.now)  # ROS time stands still
    rig.settle()
    assert not rig.commander.moving
    assert 1 <= len(rig.sent) - before <= most + 1


def test_a_stop_of_a_slowed_arm_ends_at_rest(spec: ModelSpec) -> None:
    rig = CommanderRig(spec, speed_override=10.0)
    rig.plan(MOVE)
    _send(rig, 0.5)
    before = len(rig.sent)
    rig.commander.stop(rig.now)
    rig.settle()
    assert rig.sent[-1].stop
    assert len(rig.sent) - before <= 2, "a tenth of the speed needs a tenth of commands.blend"
    rig.commander.start(rig.pose(), rig.now)
    assert rig.commander.time_scale.value == 0.1


def test_while_ros_time_stands_still_an_arm_that_is_to_slow_brakes_at_once(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    _send(rig, 0.3)
    for _ in range(7):  # one command repeats, and then commands.blend passes
        rig.commander.send(rig.pose(), rig.now, 0.9)
    assert not rig.commander.moving
    rig.plan(MOVE)
    _send(rig, 0.2, pace=0.0)
    assert _speeds(rig)[-10:] == pytest.approx(0, abs=1e-9), "something is late still"
