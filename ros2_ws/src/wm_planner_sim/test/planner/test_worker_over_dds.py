"""Over DDS: lost workers, interrupted starts, namespaces, proprio, and the display of plans."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path as PathMessage
from rclpy.qos import DurabilityPolicy, QoSProfile
from reached import check_reached
from sensor_msgs.msg import Image
from std_msgs.msg import Float64MultiArray
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus, Search

from wm_planner.control import ErrorCode
from wm_planner.models import load_spec
from wm_planner.models.spec import Moments, ProprioSpec
from wm_planner.ros.image_reader import ImageSubscription
from wm_planner_sim.client.processes import (
    ManagedProcess,
    demo_parameters,
    embedded_model,
    start_planner,
)
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[4000:]
LONG = 600.0  # [s] a timeout that no test waits for
MODEL = embedded_model()


def _reachable(client: Any, seed: int) -> Any:
    """Start a goal that can be reached; return its handle after its first step."""
    return client.begin(seed, LONG, tolerance=0.0)


def _workers(planner: ManagedProcess) -> list[psutil.Process]:
    return [c for c in psutil.Process(planner.process.pid).children() if _is_worker(c)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "wm_planner.worker_process" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def test_a_goal_holds_while_its_worker_restarts_and_is_then_reached(
    client: Any, planner: ManagedProcess
) -> None:
    handle = _reachable(client, SEEDS[0])
    (worker,) = _workers(planner)
    worker.kill()
    status = client.wait_status("SIGKILL")
    assert (status.state, status.error_code) == (PlanStatus.HOLDING, ErrorCode.WORKER_LOST)
    client.spin_until(client.told_to_stay)
    answer = client.result(handle)
    assert answer.result.error_code == ErrorCode.NONE, answer.result.error_msg


def test_the_arm_waits_for_a_late_plan_and_then_reaches_the_goal(
    client: Any, planner: ManagedProcess
) -> None:
    handle = _reachable(client, SEEDS[2])
    (worker,) = _workers(planner)
    worker.send_signal(signal.SIGSTOP)
    try:
        status = client.wait_status("holding: no plan for")
        assert (status.state, status.error_code) == (PlanStatus.HOLDING, ErrorCode.WORKER_LOST)
        client.spin_until(client.told_to_stay)
    finally:
        worker.send_signal(signal.SIGCONT)
    answer = client.result(handle)
    assert answer.result.error_code == ErrorCode.NONE, answer.result.error_msg


@pytest.mark.parametrize("mode", ["thread", "inline"])
def test_the_planner_also_works_without_a_worker_process(
    simulator: ManagedProcess, watch: Any, patient: tuple[str, ...], mode: str
) -> None:
    planner = start_planner(
        *patient, f"worker.mode:={mode}", command=f"{mode}_pose", name=f"{mode}_planner"
    )
    with planner, watch(f"{mode}_planner") as client:
        client.wait_active()
        assert psutil.Process(planner.process.pid).children() == []
        handle = client.begin(SEEDS[5])
        client.cancel(handle)
        assert client.result(handle).result.error_code == ReachGoal.Result.CANCELED
        assert client.plan_once(client.sample_goal(SEEDS[5])[0], "").success


def test_a_worker_that_is_lost_twice_ends_the_goal_and_the_next_one_succeeds(
    client: Any, planner: ManagedProcess
) -> None:
    handle = client.begin(SEEDS[1])
    (first,) = _workers(planner)
    first.kill()
    client.spin_until(lambda: first not in (now := _workers(planner)) and now)
    (second,) = _workers(planner)
    second.kill()
    answer = client.result(handle)
    assert answer.result.error_code == ReachGoal.Result.WORKER_LOST
    assert "SIGKILL" in answer.result.error_msg
    goal, position = client.sample_goal(SEEDS[1])

    def reached() -> bool:  # rejected until the model is loaded again
        nonlocal episode
        episode = client.reach(SEEDS[1], goal, position, LONG)
        return bool(episode.error_code == ErrorCode.NONE)

    episode = None
    client.spin_until(reached)
    check_reached(episode)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_the_loading_of_the_model(
    tmp_path: Path, number: signal.Signals
) -> None:
    slow = tmp_path / "slow_python"
    slow.write_text("#!/bin/sh\nexec sleep 1000\n")
    slow.chmod(0o755)
    with start_planner(f"worker.python:={slow}", name="loading_planner") as planner:
        process = psutil.Process(planner.process.pid)
        end = time.monotonic() + 60
        while not (children := process.children()):
            assert time.monotonic() < end, "the planner starts no worker"
            time.sleep(0.05)
        planner.process.send_signal(number)
        assert planner.process.wait(60) == 0
        psutil.wait_procs(children, timeout=60)
        assert not psutil.pid_exists(children[0].pid)


def test_plans_that_would_be_given_up_are_told_at_the_start(tmp_path: Path) -> None:
    said = tmp_path / "log"
    wanted = "longer than worker.plan_timeout (0.001 s), after which the worker is restarted"
    settings = "worker.plan_timeout:=0.001", "planning.budget:=0.0"
    with start_planner(*settings, name="slow_planner", output=said) as planner:
        end = time.monotonic() + 60
        while wanted not in said.read_text():
            assert time.monotonic() < end, said.read_text()
            planner.check("the planner")
            time.sleep(0.05)


@pytest.fixture
def namespaced(simulator: ManagedProcess, patient: tuple[str, ...]) -> Iterator[None]:
    """Planners in the namespaces /left and /right that share a camera and an arm's pose."""
    words = [
        *("-r", "image:=/rgb", "-r", "current_pose:=/current_pose"),
        *("-p", f"model.directory:={MODEL}"),
        *("--params-file", str(demo_parameters())),
        *(word for parameter in patient for word in ("-p", parameter)),
    ]
    with ExitStack() as stack:
        for side in ("left", "right"):
            side_words = ["--ros-args", "-r", f"__ns:=/{side}", *words]
            stack.enter_context(ManagedProcess("wm_planner.node", side_words))
        yield


def test_two_planners_in_two_namespaces_are_independent(namespaced: None, watch: Any) -> None:
    with watch("left/wm_planner") as left, watch("right/wm_planner") as right:
        left.wait_active()
        right.wait_active()
        heard: dict[str, int] = {"left": 0, "right": 0}
        parts: set[str] = set()
        left.create_subscription(
            DiagnosticArray, "/diagnostics", lambda m: parts.update(s.name for s in m.status), 10
        )

        def count(side: str) -> Any:
            return lambda message: heard.update({side: heard[side] + 1})

        for side in heard:
            left.create_subscription(PoseStamped, f"{side}/command", count(side), 10)
        left.spin_until(lambda: left.count_publishers("/right/command") == 1)
        handle = left.begin(SEEDS[2])
        left.spin_until(lambda: heard["left"] > 10)
        left.cancel(handle)
        assert left.result(handle).result.error_code == ReachGoal.Result.CANCELED
        right.spin_for(0.5)
        assert heard["right"] == 0
        assert right.status.state == PlanStatus.IDLE
        left.spin_until(lambda: parts >= {"left/wm_planner: camera", "right/wm_planner: camera"})


def test_subscribers_get_the_plan_and_its_imagined_frames(client: Any) -> None:
    seen: dict[str, Any] = {}
    plans = client.create_subscription(
        PathMessage, "wm_planner/plan", lambda m: seen.update(plan=m), 1
    )
    frames = ImageSubscription(
        client, Image, "wm_planner/imagined", lambda m: seen.update(imagined=m), QoSProfile(depth=1)
    )
    try:
        handle = client.begin(SEEDS[3])
        client.spin_until(lambda: len(seen) == 2)
        client.cancel(handle)
        client.result(handle)
    finally:
        client.destroy_subscription(plans)
        frames.close()
    path, image = seen["plan"], seen["imagined"]
    assert path.header.frame_id == load_spec(MODEL).action.frame
    points = np.array(
        [[p.pose.position.x, p.pose.position.y, p.pose.position.z] for p in path.poses]
    )
    assert points.shape == (6, 3)
    assert (np.abs(np.diff(points, axis=0)) <= 0.05 + 1e-6).all(), "a step of the plan is bounded"
    assert np.linalg.norm(points[0] - client.position) < 0.1
    # The current frame, five predicted ones and the goal, in the decoder's size.
    assert (image.height, image.width, image.encoding) == (48, 7 * 48, "rgb8")


def test_subscribers_get_the_goal_and_how_the_searches_went(client: Any) -> None:
    goals: list[Goal] = []
    searches: list[Search] = []
    latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    subscriptions = [
        client.create_subscription(Search, "wm_planner/search", searches.append, 1),
        client.create_subscription(Goal, "wm_planner/goal", goals.append, latched),
    ]
    client.reset(SEEDS[6])
    image, _ = client.sample_goal(SEEDS[6])
    first, last = (Goal(images=[image], tolerance=tolerance) for tolerance in (1.0, 0.001))
    try:
        handle = client.send(ReachGoal.Goal(goal=last, sub_goals=[first]), LONG)
        client.spin_until(lambda: searches and searches[-1].goal_index == 1)
        client.spin_until(lambda: goals and goals[-1].tolerance == 0.001)
        client.cancel(handle)
        client.result(handle)
    finally:
        for subscription in subscriptions:
            client.destroy_subscription(subscription)
    assert [goal.tolerance for goal in goals[-2:]] == [1.0, 0.001]
    (shown,) = goals[-1].images
    assert (shown.encoding, shown.height, shown.width) == ("rgb8", image.height, image.width)
    assert bytes(shown.data) == bytes(image.data)
    search, spec = searches[-1], load_spec(MODEL)
    assert search.header.frame_id == spec.action.frame
    assert (search.goal_index, search.goal_count, search.horizon) == (1, 2, 5)
    count = search.horizon * search.frameskip * len(search.action_names)
    assert len(search.actions) == len(search.deviations) == count
    assert search.action_names == spec.action.names
    assert len(search.path) == 6
    costs = np.array(search.candidate_costs)
    assert len(search.candidates) == len(costs) * len(search.path) == 30 * 6
    assert (np.diff(costs) >= 0).all()
    begins = {(p.x, p.y, p.z) for p in search.candidates[::6]}
    assert begins == {(search.path[0].x, search.path[0].y, search.path[0].z)}


FEELING = '''
"""The embedded model, but with proprio."""

from dataclasses import replace

from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.spec import ProprioSpec


class Feeling(LatentWorldModel):
    def __init__(self, spec, weights, device):
        super().__init__(replace(spec, proprio=ProprioSpec()), weights, device)
        self.spec = spec

    def encode(self, observation):
        assert observation.proprio.shape == (1, 1, 2)
        return super().encode(observation)
'''


@pytest.fixture
def feeling_planner(
    simulator: ManagedProcess,
    watch: Any,
    patient: tuple[str, ...],
    install_family: Callable[[Path, str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    """A client of a planner whose model takes proprio; it publishes one with every image."""
    install_family(tmp_path, "feeling", FEELING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    spec = load_spec(MODEL)
    spec.family, spec.proprio = "feeling", ProprioSpec(["height", "grip"], ["m", "1"])
    spec.statistics.proprio = Moments([0.0, 0.0], [1.0, 1.0])
    spec.save(model)
    planner = start_planner(
        *patient,
        "proprio.source:=topic",
        "proprio.slop:=0.5",
        model=model,
        command="felt_pose",  # the planner of the other tests uses target_pose
        name="feeling_planner",
    )
    with planner, watch("feeling_planner") as node:
        state = node.create_publisher(Float64MultiArray, "proprio", 10)
        node.numbers = [0.3, 1.0]

        def with_image(image: Image) -> None:
            if node.numbers:
                state.publish(Float64MultiArray(data=node.numbers))

        node.on_image = with_image
        node.wait_active()
        yield node


def test_a_model_with_proprio_plans_only_while_robot_states_come(feeling_planner: Any) -> None:
    client = feeling_planner
    goal, _ = client.sample_goal(SEEDS[4])
    assert not client.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG).accepted
    assert "takes 2" in client.rejection.message
    with client.settings(session__pose_timeout=1.0):
        handle = client.begin(SEEDS[4], proprio=[0.2, 1.0])
        client.numbers.clear()
        answer = client.result(handle)
        assert answer.result.error_code == ReachGoal.Result.NO_POSE
        assert "no proprio for the images" in answer.result.error_msg
        client.numbers += [float("nan"), 1.0]
        client.spin_until(lambda: any("0 is not finite" in w for w in client.status.warnings))
