"""Simulator and planner as processes, and a client that talks to them over DDS."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from ament_index_python.packages import get_package_share_directory
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal

from wm_planner_sim.client import Client
from wm_planner_sim.partners import Partner, start_planner, start_simulator


class Watcher(Client):
    """A client that also writes down every command on the wire, and can spoil the camera.

    It passes the simulator's pictures on to the topic ``spoiled``, as ``spoil`` changes them.
    """

    def __init__(self, planner: str = "wm_planner") -> None:
        super().__init__(planner)
        self._planner = planner
        self.commands: list[np.ndarray] = []
        self.spoil: Callable[[Image], Image | None] = lambda image: image
        self._spoiled = self.create_publisher(Image, "spoiled", QoSProfile(depth=10))
        self.on_picture = self._pass_on
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 100)

    def ask(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service of the planner."""
        with self.caller(kind, name) as caller:
            return self._call(caller, request)

    @contextmanager
    def caller(self, kind: Any, name: str, request: Any = None) -> Iterator[Any]:
        """A client of a service; with a request one that was answered before, so that it will be.

        An answer is lost while the middleware still matches both ends.
        """
        caller = self.create_client(kind, f"{self._planner}/{name}")
        try:
            if request is not None:
                self._call(caller, request)
            yield caller
        finally:
            self.destroy_client(caller)

    def set_all(self, **values: Any) -> Any:
        """Set parameters, all or none; ``session__timeout`` stands for ``session.timeout``."""
        parameters = [
            Parameter(name.replace("__", "."), value=value).to_parameter_msg()
            for name, value in values.items()
        ]
        request = SetParametersAtomically.Request(parameters=parameters)
        while True:
            result = self.ask(SetParametersAtomically, "set_parameters_atomically", request).result
            if "coming to rest" not in result.reason:
                return result
            self.spin_for(0.05)

    def begin(self, seed: int) -> Any:
        """A goal that no picture satisfies, its first step made."""
        self.reset(seed)
        goal, _ = self.sample_goal(seed)
        steps: list[Any] = []
        handle = self.send(ReachGoal.Goal(image=goal, tolerance=1e-9), 60.0, steps.append)
        assert handle.accepted, self.rejection.message
        until = time.monotonic() + 20
        while not steps and time.monotonic() < until:
            self.spin_for(0.02)
        assert steps, "the goal made no step"
        return handle

    def held(self) -> bool:
        """Whether the arm was told to stop: commands end with one that repeats the one before."""
        until = time.monotonic() + 3.0
        while time.monotonic() < until:
            count, at = len(self.commands), self.position
            self.spin_for(0.3)
            if count == len(self.commands) > 1 and self.distance(at) < 1e-3:
                return bool((self.commands[-1] == self.commands[-2]).all())
        return False

    def _pass_on(self, message: Image) -> None:
        if (spoiled := self.spoil(message)) is not None:
            self._spoiled.publish(spoiled)

    def _on_command(self, message: PoseStamped) -> None:
        p = message.pose.position
        self.commands.append(np.array([p.x, p.y, p.z]))


class Between(Watcher):
    """A watcher that also sits between the planner and the arm, and can part them.

    Attributes:
        pass_poses: Whether the planner gets the measured poses.
        pose_lag: How much older than they are their stamps say [s].
        pass_commands: Whether the arm gets the commands.
        frozen: The pose that its driver repeats, None for the true one.
    """

    def __init__(self, planner: str) -> None:
        super().__init__(planner)
        self.pass_poses = self.pass_commands = True
        self.pose_lag, self.frozen = 0, None
        self._passed_pose = self.create_publisher(PoseStamped, "passed_pose", 10)
        self._passed_command = self.create_publisher(PoseStamped, "target_pose", 10)
        self.create_subscription(PoseStamped, "command_to_pass", self._pass_command, 100)

    def _on_pose(self, message: PoseStamped) -> None:
        super()._on_pose(message)
        if self.pass_poses:
            message.header.stamp.sec -= self.pose_lag
            message.pose = self.frozen or message.pose
            self.measured = message.pose
            self._passed_pose.publish(message)

    def _pass_command(self, message: PoseStamped) -> None:
        if self.pass_commands:
            self._passed_command.publish(message)
        else:
            self._on_command(message)


@contextmanager
def _watching(planner: str, kind: type[Watcher] = Watcher) -> Iterator[Any]:
    if not rclpy.ok():
        rclpy.init()
    node, executor = kind(planner), SingleThreadedExecutor()
    executor.add_node(node)
    try:
        yield node
    finally:
        executor.shutdown()
        node.destroy_node()


@pytest.fixture(scope="session")
def watch() -> Any:
    """Makes a watcher of a planner, for a ``with`` statement."""
    return _watching


@pytest.fixture(scope="session")
def simulator() -> Iterator[Partner]:
    with start_simulator() as partner:
        yield partner


@pytest.fixture(scope="session")
def planner() -> Iterator[Partner]:
    with start_planner() as partner:
        yield partner


@pytest.fixture(scope="session")
def watcher() -> Iterator[Watcher]:
    with _watching("wm_planner") as node:
        yield node


@pytest.fixture
def client(simulator: Partner, planner: Partner, watcher: Watcher) -> Watcher:
    """A client of a planner that is up, its record of commands empty."""
    watcher.wait_active()
    watcher.commands.clear()
    return watcher


@pytest.fixture(scope="module")
def spoiled_planner() -> Iterator[Watcher]:
    planner = start_planner(
        "commands.second_publisher:=warn",  # the other tests' planner
        image="spoiled",
        name="spoiled_planner",
    )
    with planner, _watching("spoiled_planner") as node:
        yield node


@pytest.fixture
def spoiler(simulator: Partner, spoiled_planner: Watcher) -> Watcher:
    """A client of a planner whose camera the test can spoil."""
    spoiled_planner.spoil = lambda image: image
    spoiled_planner.wait_active()
    spoiled_planner.commands.clear()
    return spoiled_planner


BRITTLE = '''
"""A family of models that fails on a picture with a white corner."""

from wm_planner.models.latent import LatentWorldModel


class Brittle(LatentWorldModel):
    def encode(self, observation):
        if (observation.images[..., :16, :16, :] == 255).all():
            raise RuntimeError("this model cannot take a white corner")
        return super().encode(observation)
'''


@pytest.fixture(scope="module")
def brittle_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The embedded model as one of a laboratory's own family, which can fail."""
    folder = tmp_path_factory.mktemp("brittle")
    (folder / "brittle.py").write_text(BRITTLE)
    installed = folder / "brittle-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[wm_planner.models]\nbrittle = brittle:Brittle\n")
    embedded = Path(get_package_share_directory("wm_planner_sim")) / "models" / "franka_reach"
    shutil.copytree(embedded, folder / "model")
    spec = folder / "model" / "model.yaml"
    spec.write_text(spec.read_text().replace("family: latent", "family: brittle"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield folder / "model"


@pytest.fixture(scope="module")
def parted_planner(brittle_model: Path) -> Iterator[Between]:
    """A planner with the test between it and camera, pose and arm, on a model that can fail."""
    planner = start_planner(
        "session.progress_time:=2.0",
        model=brittle_model,
        image="spoiled",
        pose="passed_pose",
        command="command_to_pass",
        name="parted_planner",
    )
    with planner, _watching("parted_planner", Between) as node:
        yield node


@pytest.fixture
def between(simulator: Partner, parted_planner: Between) -> Between:
    """A client that can spoil everything of its planner."""
    parted_planner.pass_poses = parted_planner.pass_commands = True
    parted_planner.pose_lag, parted_planner.frozen = 0, None
    parted_planner.spoil = lambda image: image
    parted_planner.wait_active()
    parted_planner.commands.clear()
    return parted_planner
