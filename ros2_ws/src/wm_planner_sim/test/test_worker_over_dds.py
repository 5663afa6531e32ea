"""Over DDS: lost workers, interrupted starts, namespaces, proprio, and the views of a plan."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from ament_index_python.packages import get_package_share_directory
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path as PathMessage
from sensor_msgs.msg import Image
from std_msgs.msg import Float64MultiArray
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner.control import Code
from wm_planner.models import load_spec
from wm_planner.models.spec import Moments, ProprioSpec
from wm_planner_sim import seeds
from wm_planner_sim.partners import Partner, start_planner

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[4000:]
LONG = 60.0  # [s] a timeout that no test waits for
SHARE = Path(get_package_share_directory("wm_planner_sim"))
MODEL = SHARE / "models" / "franka_reach"


def _until(client: Any, done: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, client.status
        client.spin_for(0.05)


def _moving(client: Any, seed: int, **fields: Any) -> Any:
    """A goal under way, its first step made."""
    client.reset(seed)
    goal, _ = client.sample_goal(seed)
    steps: list[Any] = []
    handle = client.send(ReachGoal.Goal(image=goal, **fields), LONG, steps.append)
    assert handle.accepted, client.rejection.message
    _until(client, lambda: steps)
    return handle


def _worker(planner: Partner) -> psutil.Process:
    children = psutil.Process(planner.process.pid).children()
    workers = [child for child in children if "wm_planner.worker" in child.cmdline()]
    assert len(workers) == 1
    return workers[0]


def test_a_goal_holds_while_its_worker_is_started_again_and_is_then_reached(
    client: Any, planner: Partner
) -> None:
    handle = _moving(client, SEEDS[0])
    _worker(planner).kill()
    _until(client, lambda: client.status.state == PlanStatus.HOLDING)
    assert client.status.error_code == Code.WORKER_LOST
    assert "SIGKILL" in client.status.message
    _until(client, lambda: np.allclose(client.commands[-1], client.commands[-2]), 3.0)
    answer = client.result(handle, 60.0)
    assert answer.result.error_code == Code.NONE, answer.result.error_msg


def test_the_arm_waits_for_a_plan_that_is_late_and_then_the_goal_is_reached(
    client: Any, planner: Partner
) -> None:
    handle = _moving(client, SEEDS[2])
    _worker(planner).send_signal(signal.SIGSTOP)
    _until(client, lambda: client.status.state == PlanStatus.HOLDING, 3.0)
    assert client.status.error_code == Code.WORKER_LOST
    assert "holding: no plan for" in client.status.message
    _until(client, lambda: np.array_equal(client.commands[-1], client.commands[-2]), 1.0)
    _worker(planner).send_signal(signal.SIGCONT)
    answer = client.result(handle, 60.0)
    assert answer.result.error_code == Code.NONE, answer.result.error_msg


@pytest.mark.parametrize("mode", ["thread", "inline"])
def test_the_planner_also_works_without_a_process_of_its_own(
    simulator: Partner, watch: Any, mode: str
) -> None:
    planner = start_planner(f"worker.mode:={mode}", command=f"{mode}_pose", name=f"{mode}_planner")
    with planner, watch(f"{mode}_planner") as client:
        client.wait_active()
        assert psutil.Process(planner.process.pid).children() == []
        handle = _moving(client, SEEDS[5])
        client.cancel(handle)
        assert client.result(handle, 10.0).result.error_code == ReachGoal.Result.CANCELED
        assert client.plan_once(client.sample_goal(SEEDS[5])[0], "").success


def test_a_worker_that_is_lost_twice_ends_the_goal_and_the_next_one_succeeds(
    client: Any, planner: Partner
) -> None:
    handle = _moving(client, SEEDS[1])
    first = _worker(planner)
    first.kill()
    _until(client, lambda: client.status.state == PlanStatus.HOLDING)
    _until(client, lambda: not first.is_running())
    _worker(planner).kill()
    answer = client.result(handle, 5.0)
    assert answer.result.error_code == ReachGoal.Result.WORKER_LOST
    assert "SIGKILL" in answer.result.error_msg
    goal, position = client.sample_goal(SEEDS[1])
    end = time.monotonic() + 60
    while True:  # rejected until the model is loaded again
        episode = client.reach(SEEDS[1], goal, position, LONG)
        if episode.error_code == Code.NONE or time.monotonic() > end:
            break
        client.spin_for(0.5)
    assert episode.final_distance < 0.02


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_loading_of_the_model(tmp_path: Path, number: signal.Signals) -> None:
    slow = tmp_path / "slow_python"
    slow.write_text("#!/bin/sh\nexec sleep 100\n")
    slow.chmod(0o755)
    planner = start_planner(f"worker.python:={slow}", name="loading_planner")
    process = psutil.Process(planner.process.pid)
    end = time.monotonic() + 60
    while not (children := process.children()):
        assert time.monotonic() < end, "the planner starts no worker"
        time.sleep(0.05)
    planner.process.send_signal(number)
    assert planner.process.wait(15) == 0
    assert not psutil.pid_exists(children[0].pid)


@pytest.fixture
def namespaced(simulator: Partner) -> Iterator[None]:
    """Planners in the namespaces /left and /right that share a camera and an arm's pose."""
    words = [
        *("-r", "image:=/rgb", "-r", "current_pose:=/current_pose"),
        *("-p", f"model.directory:={MODEL}"),
        *("--params-file", str(SHARE / "config" / "demo.yaml")),
    ]
    partners = [
        Partner("wm_planner.node", ["--ros-args", "-r", f"__ns:=/{side}", *words])
        for side in ("left", "right")
    ]
    yield
    for partner in partners:
        partner.end()


def test_two_planners_in_two_namespaces_do_not_hear_each_other(
    namespaced: None, watch: Any
) -> None:
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
        _until(left, lambda: left.count_publishers("/right/command") == 1)
        handle = _moving(left, SEEDS[2])
        _until(left, lambda: heard["left"] > 10)
        left.cancel(handle)
        assert left.result(handle, 10.0).result.error_code == ReachGoal.Result.CANCELED
        right.spin_for(0.5)
        assert heard["right"] == 0
        assert right.status.state == PlanStatus.IDLE
        _until(left, lambda: parts >= {"left/wm_planner: camera", "right/wm_planner: camera"})


def test_the_plan_and_its_imagined_frames_are_shown_to_who_subscribes(client: Any) -> None:
    seen: dict[str, Any] = {}
    subscriptions = [
        client.create_subscription(
            kind, f"wm_planner/{name}", lambda m, n=name: seen.update({n: m}), 1
        )
        for name, kind in (("plan", PathMessage), ("imagined", Image))
    ]
    handle = _moving(client, SEEDS[3])
    _until(client, lambda: len(seen) == 2)
    client.cancel(handle)
    path, picture = seen["plan"], seen["imagined"]
    assert path.header.frame_id == load_spec(MODEL).action.frame
    points = np.array(
        [[p.pose.position.x, p.pose.position.y, p.pose.position.z] for p in path.poses]
    )
    assert points.shape == (6, 3)
    assert (np.abs(np.diff(points, axis=0)) <= 0.05 + 1e-6).all(), "a step of the plan is bounded"
    assert np.linalg.norm(points[0] - client.position) < 0.1
    # The frame it was planned from, five predicted ones and the goal, of the decoder's size.
    assert (picture.height, picture.width, picture.encoding) == (48, 7 * 48, "rgb8")
    client.result(handle, 10.0)
    for subscription in subscriptions:
        client.destroy_subscription(subscription)


FEELING = '''
"""The embedded model, as one that wants to know the height of the arm."""

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
    simulator: Partner, watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A client of a planner whose model takes proprio, which it publishes with every picture."""
    (tmp_path / "feeling.py").write_text(FEELING)
    installed = tmp_path / "feeling-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: feeling\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[wm_planner.models]\nfeeling = feeling:Feeling\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    spec = load_spec(MODEL)
    spec.family, spec.proprio = "feeling", ProprioSpec(["height", "grip"], ["m", "1"])
    spec.statistics.proprio = Moments([0.0, 0.0], [1.0, 1.0])
    spec.save(model)
    planner = start_planner(
        "proprio.source:=topic",
        "proprio.slop:=0.5",
        model=model,
        command="felt_pose",  # another planner of the tests commands target_pose
        name="feeling_planner",
    )
    with planner, watch("feeling_planner") as node:
        state = node.create_publisher(Float64MultiArray, "proprio", 10)
        node.numbers = [0.3, 1.0]

        def with_picture(image: Image) -> None:
            if node.numbers:
                state.publish(Float64MultiArray(data=node.numbers))

        node.on_picture = with_picture
        node.wait_active()
        yield node


def test_a_model_with_proprio_is_driven_while_its_state_comes(feeling_planner: Any) -> None:
    client = feeling_planner
    goal, _ = client.sample_goal(SEEDS[4])
    assert not client.send(ReachGoal.Goal(image=goal), LONG).accepted
    assert "takes 2" in client.rejection.message
    handle = _moving(client, SEEDS[4], proprio=[0.2, 1.0])
    client.numbers.clear()
    answer = client.result(handle, 20.0)
    assert answer.result.error_code == ReachGoal.Result.NO_POSE
    assert "no robot state for the pictures" in answer.result.error_msg
    client.numbers += [float("nan"), 1.0]
    _until(client, lambda: any("0 is not finite" in text for text in client.status.warnings))
