"""A stop slows the arm evenly, whatever ROS time does meanwhile."""

from __future__ import annotations

import numpy as np
import pytest
from commander_rig import MOVE, TICK, CommanderRig

from wm_planner.models import ModelSpec
from wm_planner.types import Command

BLEND = 0.1  # [s] commands.blend
EVENLY = np.array([1, 0.8, 0.6, 0.4, 0.2, 0])


def moving(spec: ModelSpec, **commands: object) -> tuple[CommanderRig, Command]:
    """Return a rig whose arm moves evenly, with an empty record, and its last command."""
    rig = CommanderRig(spec, **commands)
    rig.plan(MOVE)
    rig.run(0.4)
    before = rig.sent[-1]
    rig.sent.clear()
    return rig, before


@pytest.mark.parametrize("fresh", [True, False], ids=["at a step", "between steps"])
def test_a_stop_goes_by_ros_time_that_comes_in_steps(spec: ModelSpec, fresh: bool) -> None:
    rig, before = moving(spec)
    began = rig.now
    rig.now += 2 * TICK * fresh
    times = [began, rig.now]
    rig.commander.stop(rig.now)
    for tick in range(1, 20):  # a /clock at half the rate of the commands
        rig.now = times[1] + 2 * TICK * ((tick + 1) // 2)
        rig.commander.settle(rig.now)
        times.append(rig.now)
    assert rig.sent[-1].stop
    path = np.vstack([before.position, rig.positions()])
    stamps = np.array(times[: len(path)])
    newest = np.append(np.diff(stamps) > 0, True)  # of each stamp, the last command
    speeds = np.linalg.norm(np.diff(path[newest], axis=0), axis=1) / np.diff(stamps[newest])
    speed = np.linalg.norm(before.velocity)
    assert (np.diff([speed, *speeds]) <= 1e-9).all(), "slower and slower"
    assert -np.diff(speeds).min() <= speed / BLEND * 2 * TICK * 1.001


@pytest.mark.parametrize("creep", [0.0, 0.001, 0.01])
@pytest.mark.parametrize("kind", ["pose_stamped", "twist_stamped"])
def test_a_stop_ends_though_ros_time_hardly_passes(
    spec: ModelSpec, kind: str, creep: float
) -> None:
    rig, _ = moving(spec, type=kind)
    rig.commander.stop(rig.now)
    for _ in range(round(10 * BLEND / TICK) + 10):
        rig.now += creep
        rig.commander.settle(rig.now)
    assert rig.sent[-1].stop
    assert not rig.commander.started
    if kind == "twist_stamped":  # an arm that takes velocities goes on between them
        speeds = [np.linalg.norm(command.velocity) for command in rig.sent[:6]]
        np.testing.assert_allclose(speeds, 0.2 * EVENLY, atol=1e-9)
    elif creep == 0.01:  # a slow simulation: as evenly as ever
        way = rig.positions()[:, 0]
        speeds = np.diff(way) / creep
        assert (np.diff(speeds) <= 1e-9).all()
        assert -np.diff(speeds).min() <= 0.2 / BLEND * creep * 1.001


def test_a_stop_goes_on_evenly_when_ros_time_goes_back(spec: ModelSpec) -> None:
    rig, before = moving(spec)
    rig.commander.stop(rig.now)
    for _ in range(6):
        rig.now -= 5.0
        rig.commander.settle(rig.now)
    speeds = [np.linalg.norm(command.velocity) for command in rig.sent[:6]]
    np.testing.assert_allclose(speeds, np.linalg.norm(before.velocity) * EVENLY, atol=1e-9)


def test_velocities_fall_evenly_when_commands_are_late(spec: ModelSpec) -> None:
    rig, _ = moving(spec, type="twist_stamped")
    rig.config.limits.max_acceleration = 2.0
    rig.commander.apply(rig.config.limits)
    rig.commander.stop(rig.now)
    while not (rig.sent and rig.sent[-1].stop):
        rig.now += 2 * TICK
        rig.commander.settle(rig.now)
    speeds = [np.linalg.norm(command.velocity) for command in rig.sent]
    assert np.abs(np.diff(speeds)).max() <= 2.0 * TICK * 1.001


def test_an_arm_behind_its_path_rests_once_something_is_late_for_too_long(
    spec: ModelSpec,
) -> None:
    rig = CommanderRig(spec)
    rig.config.limits.policy, rig.config.limits.max_speed = "clamp", 0.1
    rig.commander.apply(rig.config.limits)
    rig.plan(MOVE)  # twice as fast as allowed
    rig.run(0.4)
    rig.sent.clear()
    for _ in range(10):
        rig.now += TICK
        rig.commander.send(rig.pose(), rig.now, pace=0.0)
    speeds = [np.linalg.norm(command.velocity) for command in rig.sent]
    assert (np.diff(speeds) <= 1e-9).all()
    assert speeds[-1] == 0.0
    assert rig.commander.started


def test_finish_sends_the_rest_of_a_stop(spec: ModelSpec) -> None:
    rig, before = moving(spec)
    pauses: list[float] = []
    rig.commander.stop(rig.now)
    rig.commander.finish(rig.now, pauses.append)
    assert rig.sent[-1].stop
    assert sum(pauses) < 2 * BLEND
    speeds = [np.linalg.norm(command.velocity) for command in rig.sent[:6]]
    np.testing.assert_allclose(speeds, np.linalg.norm(before.velocity) * EVENLY, atol=1e-9)
