"""A stop slows the arm evenly, whatever ROS time does meanwhile."""

from __future__ import annotations

import numpy as np
from commander_rig import MOVE, TICK, CommanderRig

from wm_planner.control.stream_clock import MAX_CLOCK_STALL
from wm_planner.models import ModelSpec
from wm_planner.types import Command

BLEND = 0.1  # [s] commands.blend


def moving(spec: ModelSpec) -> tuple[CommanderRig, Command]:
    """Return a rig whose arm moves evenly, with an empty record, and its last command."""
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.4)
    before = rig.sent[-1]
    rig.sent.clear()
    return rig, before


def test_a_stop_goes_by_ros_time_that_comes_in_steps(spec: ModelSpec) -> None:
    rig, before = moving(spec)
    began, times = rig.now, [rig.now]
    rig.commander.stop(rig.now)
    for tick in range(1, 20):
        rig.now = began + 2 * TICK * ((tick + 1) // 2)  # a /clock at half the rate of the commands
        rig.commander.settle(rig.now)
        times.append(rig.now)
    assert rig.sent[-1].stop
    times, path = np.array(times[: len(rig.sent)]), rig.positions()
    last = np.append(np.diff(times) > 0, True)
    times, path = times[last], np.vstack([before.position, path])[1:][last]
    speeds = np.linalg.norm(np.diff(path, axis=0), axis=1) / np.diff(times)
    assert (np.diff(speeds) <= 1e-9).all(), "slower and slower"
    speed = np.linalg.norm(before.velocity)
    assert -np.diff(speeds).min() <= speed / BLEND * 2 * TICK * 1.001


def test_a_stop_ends_though_ros_time_stands_still(spec: ModelSpec) -> None:
    rig, _ = moving(spec)
    rig.commander.stop(rig.now)
    for _ in range(round((MAX_CLOCK_STALL + BLEND) / TICK) + 2):
        rig.commander.settle(rig.now)
    assert rig.sent[-1].stop
    assert not rig.commander.started


def test_a_stop_goes_on_evenly_when_ros_time_goes_back(spec: ModelSpec) -> None:
    rig, before = moving(spec)
    speed = np.linalg.norm(before.velocity)
    rig.commander.stop(rig.now)
    for _ in range(6):
        rig.now -= 5.0
        rig.commander.settle(rig.now)
    speeds = [np.linalg.norm(command.velocity) for command in rig.sent]
    np.testing.assert_allclose(speeds, [speed * part for part in (1, 0.8, 0.6, 0.4, 0.2, 0)])


def test_finish_sends_the_rest_of_a_stop(spec: ModelSpec) -> None:
    rig, _ = moving(spec)
    pauses: list[float] = []
    rig.commander.stop(rig.now)
    rig.commander.finish(rig.now, pauses.append)
    assert rig.sent[-1].stop
    assert sum(pauses) < 2 * BLEND
