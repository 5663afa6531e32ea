"""The whole loop over DDS, with simulator and planner as separate processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.qos import ReliabilityPolicy
from reached import check_reached
from sensor_msgs.msg import CompressedImage, Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus
from wm_planner_msgs.srv import Plan

from wm_planner_sim.client.calls import ClientError
from wm_planner_sim.client.processes import ManagedProcess
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.tasks import TASKS

pytestmark = pytest.mark.dds
TASK = TASKS["reach"]
SEEDS = seeds.EVALUATION[1000:]
MAX_SPEED = 0.25  # [m/s] limits.max_speed of the planner's config/franka.yaml
LONG = 600.0  # [s] a timeout that no test waits for
EPISODE = 60.0  # [s] simulated, many times what a goal takes


CLIENT_OF_A_GOAL = """
import sys

import rclpy
from rclpy.executors import SingleThreadedExecutor
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal
from wm_planner_sim.client.client import Client

rclpy.init()
client = Client()
executor = SingleThreadedExecutor()
executor.add_node(client)
image, _ = client.sample_goal(int(sys.argv[1]))
goal = ReachGoal.Goal(goal=Goal(images=[image], tolerance=1e-9))
client.result(client.send(goal, 6.0, lambda _: print("step", flush=True)))
"""


def test_a_goal_image_is_reached_and_every_command_keeps_to_the_limits(client: Any) -> None:
    client.reset(SEEDS[0])
    goal, position = client.sample_goal(SEEDS[0])
    episode = client.reach(SEEDS[0], goal, position, EPISODE)
    check_reached(episode)
    assert episode.steps == len(episode.plan_times) > 2
    assert client.status.state == PlanStatus.REACHED
    commands = np.array(client.commands)
    assert len(commands) > 20
    assert (commands >= TASK.workspace_min).all()
    assert (commands <= TASK.workspace_max).all()
    traveled = np.linalg.norm(np.diff(commands, axis=0), axis=1).sum()
    assert traveled <= 1.01 * MAX_SPEED * (episode.elapsed + 0.1)  # both in simulated time


def test_the_planner_matches_the_reliability_of_the_camera(client: Any) -> None:
    subscriptions = client.get_subscriptions_info_by_topic("/rgb")
    reliabilities = {s.node_name: s.qos_profile.reliability for s in subscriptions}
    assert reliabilities["wm_planner"] == ReliabilityPolicy.RELIABLE


def test_after_the_end_of_a_goal_no_command_is_sent(client: Any) -> None:
    client.cancel(client.begin(SEEDS[1]))
    client.wait_held()
    client.commands.clear()
    client.spin_for(0.5)
    assert client.commands == []


def test_a_canceled_goal_holds_the_arm_and_ends_as_canceled(client: Any) -> None:
    handle = client.begin(SEEDS[2])
    client.cancel(handle)
    answer = client.result(handle)
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert answer.result.error_code == ReachGoal.Result.CANCELED
    client.wait_held()
    at = client.position.copy()
    client.spin_for(0.5)
    assert np.linalg.norm(client.position - at) < 1e-3


def test_a_newer_goal_preempts_and_the_older_ends_as_aborted(client: Any) -> None:
    old = client.begin(SEEDS[3])
    goal, position = client.sample_goal(SEEDS[4])
    episode = client.reach(SEEDS[4], goal, position, EPISODE)
    answer = client.result(old)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == ReachGoal.Result.PREEMPTED
    check_reached(episode)


def _spoil(image: Image, **fields: Any) -> Image:
    for name, value in fields.items():
        setattr(image, name, value)
    return image


BAD_GOALS: dict[str, tuple[Callable[[Image], Image], list[str]]] = {
    "length": (lambda g: _spoil(g, data=g.data[:-100]), ["goal", "rgb8", "160", "120"]),
    "encoding": (lambda g: _spoil(g, encoding="rgb9"), ["goal", "rgb9"]),
    "size": (
        lambda g: _spoil(g, height=8, width=8, step=24, data=g.data[: 8 * 24]),
        ["goal", "8x8", "short side"],
    ),
    "aspect": (
        lambda g: _spoil(g, height=80, data=g.data[: 80 * g.step]),
        ["goal", "160x80", "aspect"],
    ),
    "depth": (lambda g: _spoil(g, encoding="32FC1", width=120), ["goal", "32FC1"]),
}


@pytest.mark.parametrize("kind", BAD_GOALS)
def test_a_bad_goal_image_is_rejected_with_a_sentence(client: Any, kind: str) -> None:
    spoil, words = BAD_GOALS[kind]
    goal, _ = client.sample_goal(SEEDS[5])
    handle = client.send(ReachGoal.Goal(goal=Goal(images=[spoil(goal)])), LONG)
    assert not handle.accepted
    assert client.rejection.error_code == ReachGoal.Result.IMAGE_FORMAT
    for word in words:
        assert word.lower() in client.rejection.message.lower()
    assert client.commands == []


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (ReachGoal.Goal(), "none of them"),
        (ReachGoal.Goal(goal=Goal(name="nowhere")), "no stored goal 'nowhere'"),
        (
            ReachGoal.Goal(
                goal=Goal(name="home", compressed_images=[CompressedImage(data=b"123")])
            ),
            "compressed_images and name",
        ),
    ],
    ids=["none", "unknown", "two"],
)
def test_a_goal_that_names_no_single_image_is_rejected(client: Any, goal: Any, words: str) -> None:
    assert not client.send(goal, LONG).accepted
    assert client.rejection.error_code == ReachGoal.Result.INVALID_GOAL
    assert words in client.rejection.message


def test_a_rejected_goal_does_not_affect_the_current_one(client: Any) -> None:
    handle = client.begin(SEEDS[6])
    assert not client.send(ReachGoal.Goal(), LONG).accepted
    client.cancel(handle)
    assert client.result(handle).result.error_code == ReachGoal.Result.CANCELED


def test_a_goal_ends_at_its_timeout_in_simulated_time(client: Any) -> None:
    client.reset(SEEDS[7])
    goal, position = client.sample_goal(SEEDS[7])
    episode = client.reach(SEEDS[7], goal, position, 0.3)
    assert episode.error_code == ReachGoal.Result.TIMED_OUT
    assert episode.elapsed >= 0.3


def test_plan_once_moves_nothing(client: Any) -> None:
    client.reset(SEEDS[8])
    goal, _ = client.sample_goal(SEEDS[8])
    answer = client.plan_once(goal, "full")
    assert (answer.horizon, answer.frameskip, answer.action_dim) == (5, 1, 3)
    assert list(answer.action_names) == ["dx", "dy", "dz"]
    assert len(answer.actions) == 15
    assert np.isfinite(answer.actions).all()
    assert answer.iterations == len(answer.cost_history) > 0
    assert answer.cost_last <= answer.cost_first
    assert client.commands == []
    goal.encoding = "rgb9"
    with pytest.raises(ClientError, match="rgb9"):
        client.plan_once(goal, "full")


def test_an_invalid_transition_does_not_affect_the_goal(client: Any) -> None:
    handle = client.begin(SEEDS[16])
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_ACTIVATE))
    assert client.ask(ChangeState, "change_state", request).success is False
    client.cancel(handle)
    assert client.result(handle).result.error_code == ReachGoal.Result.CANCELED


def test_plan_once_requests_in_flight_are_answered_at_a_cleanup(client: Any) -> None:
    goal, _ = client.sample_goal(SEEDS[17])
    request = Plan.Request(start=Goal(images=[client.image]), goal=Goal(images=[goal]), seed=-1)
    client.ask(Plan, "plan_once", request)  # from then on, DDS has matched both ends
    caller = client.caller(Plan, "plan_once")
    request.preset = "full"
    answers = [caller.call_async(request) for _ in range(3)]
    client.transition(Transition.TRANSITION_DEACTIVATE)
    client.transition(Transition.TRANSITION_CLEANUP)
    client.spin_until(lambda: all(answer.done() for answer in answers))
    client.transition(Transition.TRANSITION_CONFIGURE)
    client.transition(Transition.TRANSITION_ACTIVATE)


def test_deactivation_holds_the_arm_and_then_sends_nothing(client: Any) -> None:
    handle = client.begin(SEEDS[11])
    client.transition(Transition.TRANSITION_DEACTIVATE)
    assert client.result(handle).result.error_code == ReachGoal.Result.NOT_ACTIVE
    client.wait_held()
    client.commands.clear()
    goal, _ = client.sample_goal(SEEDS[11])
    assert not client.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG).accepted
    assert client.rejection.error_code == ReachGoal.Result.NOT_ACTIVE
    assert client.commands == []
    client.transition(Transition.TRANSITION_ACTIVATE)


def test_a_cleanup_right_after_deactivation_still_delivers_the_result(client: Any) -> None:
    handle = client.begin(SEEDS[18])
    waiting = handle.get_result_async()
    client.transition(Transition.TRANSITION_DEACTIVATE)
    client.transition(Transition.TRANSITION_CLEANUP)
    client.spin_until(waiting.done)
    assert waiting.result().result.error_code == ReachGoal.Result.NOT_ACTIVE
    assert client.result(handle).result.error_code == ReachGoal.Result.NOT_ACTIVE, "asked late"
    goal, _ = client.sample_goal(SEEDS[18])
    assert not client.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG).accepted
    assert client.rejection.error_code == ReachGoal.Result.NOT_ACTIVE
    client.transition(Transition.TRANSITION_CONFIGURE)
    client.transition(Transition.TRANSITION_ACTIVATE)


def test_a_killed_simulator_ends_the_goal_and_the_planner_survives(
    client: Any, simulator: ManagedProcess, planner: ManagedProcess
) -> None:
    with client.settings(session__image_timeout=1.0):
        handle = client.begin(SEEDS[12])
        simulator.process.send_signal(signal.SIGKILL)
        try:
            answer = client.result(handle)
            assert answer.status == GoalStatus.STATUS_ABORTED
            assert answer.result.error_code == ReachGoal.Result.NO_IMAGE
            client.spin_until(client.told_to_stay)
        finally:
            simulator.restart()  # the other tests need it
    client.image = None
    client.wait_active()
    client.reset(SEEDS[13])
    goal, position = client.sample_goal(SEEDS[13])
    episode = client.reach(SEEDS[13], goal, position, EPISODE)
    check_reached(episode)
    assert planner.process.poll() is None


def test_a_goal_goes_on_after_its_client_dies(client: Any) -> None:
    client.reset(SEEDS[19])
    command = [sys.executable, "-c", CLIENT_OF_A_GOAL, str(SEEDS[19])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout
            assert other.stdout.readline() == b"step\n"
        finally:
            other.kill()
    client.spin_for(0.5)  # what was sent before
    client.commands.clear()
    client.spin_until(lambda: client.commands)  # the goal goes on without its client
    timed_out = ReachGoal.Result.TIMED_OUT
    client.spin_until(lambda: client.status.error_code == timed_out)
    client.wait_held()
    client.cancel(client.begin(SEEDS[20]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_planner_ended_by_a_signal_holds_the_arm_and_informs_its_client(
    client: Any, planner: ManagedProcess, number: signal.Signals
) -> None:
    handle = client.begin(SEEDS[14])
    planner.process.send_signal(number)
    try:
        answer = client.result(handle)
        assert answer.result.error_code == ReachGoal.Result.NOT_ACTIVE
        client.wait_held()
        assert planner.process.wait(60) == 0
    finally:
        planner.restart()  # the other tests need it
