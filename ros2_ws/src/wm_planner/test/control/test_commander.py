"""The commands that are sent, from the first one to the stop, also when clocks fail."""

from __future__ import annotations

import numpy as np
import pytest
from commander_rig import DOWN, MOVE, START, TICK, CommanderRig

from wm_planner.config import Config
from wm_planner.control import Commander
from wm_planner.models import ModelSpec
from wm_planner.models.spec import CommandMapping
from wm_planner.types import Command, Pose


def test_the_first_command_is_the_measured_pose(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.run(TICK)
    np.testing.assert_allclose(rig.sent[0].position, START)
    np.testing.assert_array_equal(rig.sent[0].orientation, DOWN)


@pytest.mark.parametrize("latency", [0.06, 0.1, 0.3, 0.44])
@pytest.mark.parametrize("control_rate", [5.0, 2.0, 1.0])
def test_replanning_brings_the_arm_to_its_goal_within_the_limits(
    spec: ModelSpec, latency: float, control_rate: float
) -> None:
    """Each plan leads straight to the goal from the position of the arm in its image."""
    spec.control_rate = control_rate
    rig, goal = CommanderRig(spec), START + np.array([0.2, -0.1, 0.1])
    seen, when = START, 0.0
    for _ in range(round(10 / control_rate / latency) + 8):
        rig.run(latency)
        left, actions = goal - seen, []
        for _ in range(5):
            actions.append(np.clip(left, -0.05, 0.05))
            left = left - actions[-1]
        rig.commander.splice(actions, when, rig.now)
        seen, when = rig.sent[-1].position, rig.now
    rig.run(2.0)
    np.testing.assert_allclose(rig.sent[-1].position, goal, atol=1e-3)
    assert rig.commander.gate.counters.clamped == 0


def test_relative_actions_start_at_the_position_commanded_at_the_image(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.4)
    at, image = rig.sent[-1].position, rig.now
    rig.run(0.1)
    rig.commander.splice([MOVE], image, rig.now)
    rig.run(1.0)
    np.testing.assert_allclose(rig.sent[-1].position, at + MOVE, atol=1e-9)


def test_a_velocity_action_is_played_for_one_environment_step(spec: ModelSpec) -> None:
    spec.action.units = ["m/s"] * 3
    spec.action.command = CommandMapping("velocity", ["dx", "dy", "dz"])
    rig = CommanderRig(spec)
    rig.commander.splice([[0.1, 0.0, 0.0]], 0.0, 0.0)
    rig.run(0.6)
    np.testing.assert_allclose(rig.sent[-1].position, START + np.array([0.02, 0, 0]), atol=1e-9)


def test_a_stop_is_sent_at_once_and_keeps_to_the_acceleration(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.4)
    count = len(rig.sent)
    rig.now += TICK
    rig.commander.stop(rig.now)
    assert len(rig.sent) == count + 1
    rig.settle()
    assert len(rig.sent) <= count + 7, "the stop ends"
    velocities = np.diff(rig.positions(), axis=0) / TICK
    limit = rig.config.limits.max_acceleration
    assert np.linalg.norm(np.diff(velocities, axis=0), axis=1).max() <= limit * TICK * 1.001
    assert [command.stop for command in rig.sent[count - 1 :]].index(True) == len(rig.sent) - count
    assert not rig.sent[-1].velocity.any()
    np.testing.assert_array_equal(rig.sent[-1].position, rig.sent[-2].position)
    assert not rig.commander.started


def test_a_stop_slows_down_from_the_last_sent_velocity_even_after_late_commands(
    spec: ModelSpec,
) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.3)
    rig.run(0.12, tick=0.06)  # a busy machine
    speed = rig.sent[-1].velocity[0]
    rig.commander.stop(rig.now)
    rig.settle()
    speeds = [command.velocity[0] for command in rig.sent[-6:]]
    np.testing.assert_allclose(speeds, [speed * part for part in (1, 0.8, 0.6, 0.4, 0.2, 0)])


@pytest.mark.parametrize("command", ["hold", "stop"])
@pytest.mark.parametrize("passed", [0.0, 0.001, 0.019])
def test_the_first_command_of_a_hold_or_stop_moves_only_for_the_time_since_the_last(
    command: str, passed: float, spec: ModelSpec
) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.3)
    rig.now += passed
    getattr(rig.commander, command)(rig.now)
    moved = rig.sent[-1].position[0] - rig.sent[-2].position[0]
    assert 0.8 * 0.2 * passed <= moved <= 0.2 * passed + 1e-9


@pytest.mark.parametrize("kind", ["pose_stamped", "twist_stamped"])
def test_while_ros_time_stands_still_the_arm_is_stopped(kind: str, spec: ModelSpec) -> None:
    rig = CommanderRig(spec, type=kind)
    rig.plan(MOVE)
    rig.run(0.3)
    assert rig.sent[-1].velocity.any()
    for _ in range(12):
        rig.commander.send(rig.pose(), rig.now)
    resting = rig.sent[-1].position
    assert not rig.sent[-1].velocity.any()
    rig.now += 5.0  # ROS time goes on, and a plan arrives
    rig.commander.send(rig.pose(), rig.now)
    np.testing.assert_allclose(rig.sent[-1].position, resting, atol=1e-12)
    rig.plan(MOVE)
    rig.run(0.3)
    assert np.diff(rig.positions()[-15:], axis=0).max() <= 1.01 * TICK * 0.2


def test_after_a_short_clock_stall_one_step_covers_at_most_the_tolerated_stall(
    spec: ModelSpec,
) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.3)
    for _ in range(5):
        rig.commander.send(rig.pose(), rig.now)
    rig.now += 3.0
    rig.commander.send(rig.pose(), rig.now)
    moved = rig.sent[-1].position - rig.sent[-2].position
    assert 0 < moved[0] <= 0.2 * 0.1 + 1e-9


def test_after_the_clock_went_back_older_commanded_positions_are_forgotten(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.3)
    rig.commander.stop(rig.now)
    rig.now -= 100.0
    rig.settle()
    rig.commander.start(rig.pose(), rig.now)
    rig.plan(MOVE)
    assert rig.commander.plan_start is not None
    np.testing.assert_array_equal(rig.commander.plan_start[:3], rig.pose().position)


def test_an_arm_that_was_sent_nothing_is_not_sent_a_stop(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.commander.hold(0.0)
    rig.commander.stop(0.0)
    rig.settle()
    assert rig.sent == []
    assert not rig.commander.started


def test_finishing_sends_the_rest_of_the_stop_while_ros_time_stands_still(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.4)
    slept: list[float] = []
    rig.commander.stop(rig.now)
    rig.commander.finish(rig.now, slept.append)
    assert rig.sent[-1].stop
    assert 0 < len(slept) <= 6
    assert set(slept) == {TICK}


def test_a_goal_after_a_hold_continues_without_a_jump(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.4)
    rig.now += TICK
    rig.commander.hold(rig.now)
    rig.run(0.04)
    rig.plan(MOVE)
    rig.run(1.5)
    velocities = np.diff(rig.positions(), axis=0) / TICK
    assert np.abs(np.diff(velocities, axis=0)).max() <= 0.2 / 0.1 * TICK * 1.01


def test_a_goal_after_a_stop_starts_where_the_stop_ends(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.4)
    rig.commander.stop(rig.now)
    assert rig.commander.started, "it has not come to rest yet"
    rig.run(0.04)
    rig.plan(MOVE)  # too early: the stop goes on
    rig.run(0.2)
    resting = rig.sent[-1].position
    np.testing.assert_array_equal(rig.sent[-3].position, resting)
    rig.plan(MOVE)
    rig.run(1.5)
    assert rig.sent[-1].position[0] > resting[0] + 0.05
    velocities = np.diff(rig.positions(), axis=0) / TICK
    limit = rig.config.limits.max_acceleration
    assert np.linalg.norm(np.diff(velocities, axis=0), axis=1).max() <= limit * TICK * 1.001


def test_after_a_delay_of_the_node_the_arm_continues_from_where_it_was(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    rig.run(0.3)
    rig.now += 0.5
    rig.run(0.3)
    assert np.diff(rig.positions(), axis=0).max() <= 2.01 * TICK * 0.2


def test_clock_steps_longer_than_the_command_period_cost_no_speed(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.plan(MOVE)
    for k in range(100):  # /clock at 10 Hz, commands at 50 Hz
        rig.now = 0.1 * (k // 5)
        rig.commander.send(rig.pose(), rig.now)
    steps = np.diff(rig.positions()[::5, 0])[2:7]
    np.testing.assert_allclose(steps, 0.02, atol=1e-9)


def test_joints_start_at_their_measured_positions_and_keep_to_their_own_limits(
    spec: ModelSpec,
) -> None:
    spec.action.units = ["rad"] * 3
    spec.action.command = CommandMapping("relative", ["dx", "dy", "dz"], ["a", "b", "c"])
    config = Config()
    config.commands.type = "joint_state"
    config.limits.joint_names = ["c", "a", "b"]
    config.limits.joint_min, config.limits.joint_max = [-1.0] * 3, [0.05, 1.0, 1.0]
    sent: list[Command] = []
    commander = Commander(config, spec, sent.append)
    commander.start(Pose(np.zeros(3), DOWN, 0.0), 0.0)
    commander.splice([[0.05, 0.0, 0.05]] * 5, 0.0, 0.0)
    for k in range(1, 100):
        measured = sent[-1].position if sent else np.zeros(3)
        commander.send(Pose(measured, DOWN, 0.0), k * TICK)
    np.testing.assert_allclose(sent[-1].position, [0.175, 0.0, 0.05], atol=1e-6)
    assert commander.gate.counters.limits["box"] > 0


def test_a_stop_command_that_could_not_be_published_is_sent_again(spec: ModelSpec) -> None:
    rig = CommanderRig(spec, type="twist_stamped")
    rig.plan(MOVE)
    rig.run(0.3)
    rig.commander.stop(rig.now)
    publish, failed = rig.commander._publish, []

    def fail_once(command: Command) -> None:
        if command.stop and not failed:
            failed.append(command)
            raise RuntimeError("the context is invalid")
        publish(command)

    rig.commander._publish = fail_once
    with pytest.raises(RuntimeError):
        rig.settle()
    assert rig.commander.slowing
    rig.commander.finish(rig.now, sleep=lambda seconds: None)
    assert rig.sent[-1].stop
    assert not rig.sent[-1].velocity.any()
    assert not rig.commander.started
