"""The ends of a goal that the other tests over DDS leave out: error code and sentence."""

from __future__ import annotations

import array
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Pose, PoseStamped
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from wm_planner_msgs.msg import PlanStatus

from wm_planner.control import ErrorCode
from wm_planner_sim.client.processes import ManagedProcess, demo_parameters, embedded_model
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[3000:]


def _stop(client: Any) -> None:
    assert client.ask(Trigger, "stop", Trigger.Request()).success


def _no_poses(client: Any) -> None:
    client.pass_poses = False


def _no_arm(client: Any) -> None:
    client.pass_commands = False


def _clock_back(client: Any) -> None:
    publisher = client.create_publisher(Clock, "/clock", 10)
    past = Clock()
    past.clock.sec = 1

    def noticed() -> bool:
        publisher.publish(past)  # between messages with the true time
        return bool(client.status.error_code == ErrorCode.CLOCK_JUMPED)

    try:
        client.spin_until(noticed)
    finally:
        client.destroy_publisher(publisher)


def _second_commander(client: Any) -> None:
    publisher = client.create_publisher(PoseStamped, "command_to_pass", 1)
    try:
        client.spin_until(lambda: client.status.error_code == ErrorCode.COMMAND_TOPIC)
    finally:
        client.destroy_publisher(publisher)


def _white_corner(image: Image) -> Image:
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3).copy()
    pixels[:16, :16] = 255
    image.data = array.array("B", pixels.tobytes())
    return image


def _failing_model(client: Any) -> None:
    client.spoil = _white_corner


@dataclass(frozen=True)
class Ending:
    """How to end a goal, words of its sentence, and parameters during the goal."""

    provoke: Callable[[Any], None]
    words: str
    settings: dict[str, float] = field(default_factory=dict)


ENDINGS = {
    ErrorCode.STOPPED: Ending(_stop, "~/stop was called"),
    ErrorCode.NO_POSE: Ending(
        _no_poses, "no new measured pose for", {"session__pose_timeout": 1.0}
    ),
    ErrorCode.CLOCK_JUMPED: Ending(_clock_back, "ROS time went back by"),
    ErrorCode.COMMAND_TOPIC: Ending(_second_commander, "also publishes on /command_to_pass"),
    ErrorCode.PLANNER_FAILED: Ending(_failing_model, "cannot take a white corner"),
    ErrorCode.STALLED: Ending(_no_arm, "did not fall below", {"session__progress_time": 2.0}),
}


@pytest.mark.parametrize("code", ENDINGS, ids=lambda code: code.name)
def test_an_ending_has_its_code_and_sentence_and_the_arm_is_held(
    between: Any, code: ErrorCode
) -> None:
    ending = ENDINGS[code]
    with between.settings(**ending.settings):
        handle = between.begin(SEEDS[int(code)])
        ending.provoke(between)
        answer = between.result(handle)
        assert answer.result.error_code == code, answer.result.error_msg
        assert ending.words in answer.result.error_msg
        assert answer.status == GoalStatus.STATUS_ABORTED
        assert between.wait_status(ending.words).error_code == code
        between.wait_held()
        between.commands.clear()
        between.spin_for(0.3)
        assert between.commands == []
        assert (between.status.state == PlanStatus.HOLDING) == (code is ErrorCode.STOPPED)


def test_a_driver_that_repeats_an_old_pose_ends_the_goal(between: Any) -> None:
    with between.settings(session__pose_timeout=1.0):
        handle = between.begin(SEEDS[50])
        between.frozen = between.measured
        answer = between.result(handle)
        assert answer.result.error_code == ErrorCode.NO_POSE, answer.result.error_msg
        assert "does the arm follow its commands" in answer.result.error_msg
        between.wait_held()


def test_an_outlier_of_the_measured_pose_ends_the_goal_and_moves_nothing(between: Any) -> None:
    handle = between.begin(SEEDS[51])
    between.commands.clear()
    between.frozen = Pose(orientation=between.measured.orientation)  # at the arm's base
    answer = between.result(handle)
    assert answer.result.error_code == ErrorCode.LIMIT_VIOLATION, answer.result.error_msg
    assert "current_pose is wrong" in answer.result.error_msg
    steps = np.linalg.norm(np.diff(np.array(between.commands), axis=0), axis=1)
    assert steps.max(initial=0.0) < 0.045, (
        "two ticks at the largest speed, doubled for lost messages"
    )


@pytest.mark.parametrize(("lag", "words"), [(2, "s old when it arrives"), (-3, "in the future")])
def test_poses_with_wrong_stamps_are_ignored_and_reported(
    between: Any, lag: int, words: str
) -> None:
    with between.settings(session__pose_timeout=1.0):
        handle = between.begin(SEEDS[40 + lag])
        between.pose_lag = lag
        answer = between.result(handle)
        assert answer.result.error_code == ErrorCode.NO_POSE, answer.result.error_msg
        between.wait_held()
        (warning,) = [text for text in between.status.warnings if "current_pose" in text]
        assert words in warning


WATCH_RAISES = """
from wm_planner.ros.runtime import PlannerRuntime

watch = PlannerRuntime._on_watch_time


def fail(self):
    watch(self)
    if self.loop.session and self.loop.session.steps > 1:
        raise RuntimeError("injected by a test")


PlannerRuntime._on_watch_time = fail
"""
WATCH_HANGS = WATCH_RAISES.replace(
    'raise RuntimeError("injected by a test")', "import time; time.sleep(1000)"
)
ACTIVATION_RAISES = """
from wm_planner.ros.runtime import PlannerRuntime


def fail(self):
    self.active = True
    raise RuntimeError("injected by a test")


PlannerRuntime.activate = fail
"""
MAIN = """
from wm_planner.node import main

main()
"""


@pytest.fixture
def faulty_planner(
    simulator: ManagedProcess,
    watch: Any,
    patient: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., tuple[Any, ManagedProcess]]]:
    """A function that starts a planner with a bug in its node, and a client of it."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    words = [
        *("--params-file", str(demo_parameters())),
        *("-p", f"model.directory:={embedded_model()}"),
        *("-r", "image:=rgb", "-r", "__node:=faulty_planner"),
        *("-p", "commands.other_publisher:=warn"),
        *(word for parameter in patient for word in ("-p", parameter)),
    ]
    with ExitStack() as stack:

        def start(bug: str, command: str = "target_pose") -> tuple[Any, ManagedProcess]:
            (tmp_path / "faulty_node.py").write_text(bug + MAIN)
            managed = ManagedProcess(
                "faulty_node", ["--ros-args", *words, "-r", f"command:={command}"]
            )
            stack.callback(managed.end)
            return stack.enter_context(watch("faulty_planner")), managed

        yield start


def test_a_bug_in_the_node_holds_the_arm_informs_the_client_and_ends_the_process(
    faulty_planner: Callable[..., tuple[Any, ManagedProcess]],
) -> None:
    client, managed = faulty_planner(WATCH_RAISES)
    client.wait_active()
    handle = client.begin(SEEDS[0])
    answer = client.result(handle)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == ErrorCode.UNKNOWN
    assert "injected by a test" in answer.result.error_msg
    client.wait_held()
    assert managed.process.wait(60) == 1


def test_a_node_that_hangs_exits_and_prints_where(
    faulty_planner: Callable[..., tuple[Any, ManagedProcess]], capfd: pytest.CaptureFixture[str]
) -> None:
    # DDS keeps its publisher for 20 s after its end, so it must not use the topic of other tests.
    client, managed = faulty_planner(WATCH_HANGS, "command_of_a_hanging_node")
    client.wait_active()
    client.begin(SEEDS[0])
    assert managed.process.wait(60) == 1
    printed = capfd.readouterr().err
    assert "Timeout (0:00:05)!" in printed
    assert "in fail" in printed


def test_a_bug_in_a_transition_is_reported_and_leaves_the_node_unconfigured(
    faulty_planner: Callable[..., tuple[Any, ManagedProcess]],
) -> None:
    client, managed = faulty_planner(ACTIVATION_RAISES)
    status = client.wait_status("a bug in a transition")
    assert (status.state, status.error_code) == (PlanStatus.INACTIVE, ErrorCode.UNKNOWN)
    state = client.ask(GetState, "get_state", GetState.Request()).current_state.id
    assert state == State.PRIMARY_STATE_UNCONFIGURED
    assert managed.process.poll() is None
