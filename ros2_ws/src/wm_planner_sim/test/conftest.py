"""Simulator and planner as processes, and a client that talks to them over DDS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner_sim.client.client import Client
from wm_planner_sim.client.goal_sampler import GoalSampler
from wm_planner_sim.client.image_readers import dangerous, readers_of_images
from wm_planner_sim.client.processes import (
    ManagedProcess,
    embedded_model,
    start_planner,
    start_simulator,
)

SMALL = ("camera_width:=160", "camera_height:=120")
"""Images of 57.6 kB: one fragment of Fast DDS, and soon rendered."""
PATIENT = (
    "session.image_timeout:=10.0",
    "session.pose_timeout:=10.0",
    "session.progress_time:=0.0",
    "worker.plan_timeout:=60.0",
    "worker.restart_timeout:=60.0",
)
"""For planners: goals end for what the tests do, not for the load of the machine."""


class Watcher(Client):
    """A client that also writes down every command on the wire, and can spoil the camera.

    It passes the simulator's images on to the topic ``spoiled``, as ``spoil`` changes them.
    """

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
        self._planner = planner
        self._callers: dict[str, Any] = {}
        self.commands: list[np.ndarray] = []
        self.spoil: Callable[[Image], Image | None] = lambda image: image
        self._spoiled = self.create_publisher(Image, "spoiled", QoSProfile(depth=10))
        self.on_image = self._pass_on
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 100)

    def ask(self, kind: Any, name: str, request: Any, *, again: bool = True) -> Any:
        """Call a service of the planner; ``again`` if the answer is lost, as the first may be."""
        return self._call(self.caller(kind, name), request, again=again)

    def caller(self, kind: Any, name: str) -> Any:
        """Return the client of a service of the planner, the same each time."""
        if name not in self._callers:
            self._callers[name] = self.create_client(kind, f"{self._planner}/{name}")
        return self._callers[name]

    def set_all(self, **values: Any) -> Any:
        """Set parameters, all or none; ``session__timeout`` stands for ``session.timeout``."""
        parameters = [
            Parameter(_dotted(name), value=value).to_parameter_msg()
            for name, value in values.items()
        ]
        request = SetParametersAtomically.Request(parameters=parameters)
        result = None

        def answered() -> bool:
            nonlocal result
            result = self.ask(SetParametersAtomically, "set_parameters_atomically", request).result
            return "coming to rest" not in result.reason

        self.spin_until(answered)
        return result

    @contextmanager
    def settings(self, **values: Any) -> Iterator[None]:
        """Set parameters for the length of a ``with`` statement, however that ends."""
        names = [_dotted(name) for name in values]
        before = self.ask(GetParameters, "get_parameters", GetParameters.Request(names=names))
        usual = [parameter_value_to_python(value) for value in before.values]
        try:
            changed = self.set_all(**values)
            assert changed.successful, changed.reason
            yield
        finally:
            self.ask(Trigger, "stop", Trigger.Request())  # a goal that a failing test leaves
            self.ask(Trigger, "release", Trigger.Request())
            restored = self.set_all(**dict(zip(values, usual, strict=True)))
            assert restored.successful, restored.reason

    def begin(self, seed: int, timeout: float = 600.0, **fields: Any) -> Any:
        """Start a goal that no image satisfies; returns its handle after its first step."""
        self.reset(seed)
        goal, _ = self.sample_goal(seed)
        fields = {"tolerance": 1e-9} | fields
        steps: list[Any] = []
        handle = self.send(ReachGoal.Goal(image=goal, **fields), timeout, steps.append)
        assert handle.accepted, self.rejection.message
        self.spin_until(lambda: steps)
        return handle

    def wait_status(self, words: str) -> PlanStatus:
        """Wait for a status with these words; a busy machine may cause others before."""
        self.spin_until(lambda: self.status is not None and words in self.status.message)
        return self.status

    def told_to_stay(self) -> bool:
        """Whether the last command repeats the one before."""
        last = self.commands[-2:]
        return len(last) == 2 and np.allclose(*last, rtol=0, atol=1e-6)

    def wait_held(self) -> None:
        """Wait until the arm rests where it was told to stay, and no command comes any more."""

        def rests() -> bool:
            count = len(self.commands)
            self.settle()
            return count == len(self.commands) and self.told_to_stay()

        self.spin_until(rests)

    def _pass_on(self, message: Image) -> None:
        if (spoiled := self.spoil(message)) is not None:
            self._spoiled.publish(spoiled)

    def _on_command(self, message: PoseStamped) -> None:
        p = message.pose.position
        self.commands.append(np.array([p.x, p.y, p.z]))


def _dotted(name: str) -> str:
    return name.replace("__", ".")


class Between(Watcher):
    """A watcher that also sits between the planner and the arm, and can part them.

    Attributes:
        pass_poses: Whether the planner gets the measured poses.
        pose_lag: How much older than they are their stamps say [s].
        pass_commands: Whether the arm gets the commands.
        frozen: The pose that its driver repeats, None for the true one.
    """

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Any:
    """After each test with a client, before its fixtures end: no process can hang in Fast DDS."""
    result = yield
    if sampler := item.funcargs.get("sampler"):
        assert not dangerous(readers_of_images(sampler.node))
    return result


@pytest.fixture(scope="session")
def sampler() -> Iterator[GoalSampler]:
    """The one reader of goal images in the process of the tests."""
    if not rclpy.ok():
        rclpy.init()
    sampler = GoalSampler()
    yield sampler
    sampler.close()


@pytest.fixture(scope="session")
def watch(sampler: GoalSampler) -> Any:
    """Makes a watcher of a planner, for a ``with`` statement."""

    @contextmanager
    def watching(planner: str, kind: type[Watcher] = Watcher) -> Iterator[Any]:
        node, executor = kind(planner, sampler), SingleThreadedExecutor()
        executor.add_node(node)
        try:
            yield node
        finally:
            executor.shutdown()
            node.destroy_node()

    return watching


@pytest.fixture(scope="session")
def simulator() -> Iterator[ManagedProcess]:
    with start_simulator(*SMALL) as partner:
        yield partner


@pytest.fixture(scope="session")
def patient() -> tuple[str, ...]:
    """Parameters for planners that the tests start themselves."""
    return PATIENT


@pytest.fixture(scope="session")
def planner() -> Iterator[ManagedProcess]:
    with start_planner(*PATIENT) as partner:
        yield partner


@pytest.fixture(scope="session")
def watcher(watch: Any) -> Iterator[Watcher]:
    with watch("wm_planner") as node:
        yield node


@pytest.fixture
def client(simulator: ManagedProcess, planner: ManagedProcess, watcher: Watcher) -> Watcher:
    """A client of a planner that is up, its record of commands empty."""
    watcher.wait_active()
    watcher.commands.clear()
    return watcher


@pytest.fixture(scope="module")
def spoiled_planner(watch: Any) -> Iterator[Watcher]:
    planner = start_planner(
        *PATIENT,
        "commands.other_publisher:=warn",  # the other tests' planner
        image="spoiled",
        name="spoiled_planner",
    )
    with planner, watch("spoiled_planner") as node:
        yield node


@pytest.fixture
def spoiler(simulator: ManagedProcess, spoiled_planner: Watcher) -> Watcher:
    """A client of a planner whose camera the test can spoil."""
    spoiled_planner.spoil = lambda image: image
    spoiled_planner.on_status = lambda status: None
    spoiled_planner.wait_active()
    spoiled_planner.commands.clear()
    return spoiled_planner


BRITTLE = '''
"""A family of models that fails on an image with a white corner."""

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
    shutil.copytree(embedded_model(), folder / "model")
    spec = folder / "model" / "model.yaml"
    spec.write_text(spec.read_text().replace("family: latent", "family: brittle"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield folder / "model"


@pytest.fixture(scope="module")
def parted_planner(brittle_model: Path, watch: Any) -> Iterator[Between]:
    """A planner with the test between it and camera, pose and arm, on a model that can fail."""
    planner = start_planner(
        *PATIENT,
        model=brittle_model,
        image="spoiled",
        pose="passed_pose",
        command="command_to_pass",
        name="parted_planner",
    )
    with planner, watch("parted_planner", Between) as node:
        yield node


@pytest.fixture
def between(simulator: ManagedProcess, parted_planner: Between) -> Between:
    """A client that can spoil everything of its planner."""
    parted_planner.pass_poses = parted_planner.pass_commands = True
    parted_planner.pose_lag, parted_planner.frozen = 0, None
    parted_planner.spoil = lambda image: image
    parted_planner.wait_active()
    parted_planner.commands.clear()
    return parted_planner
