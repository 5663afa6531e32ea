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
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner_sim.client.client import Client
from wm_planner_sim.client.goal_sampler import GoalSampler
from wm_planner_sim.client.image_readers import dangerous, readers_of_images
from wm_planner_sim.client.processes import (
    ManagedProcess,
    embedded_model,
    start_planner,
    start_simulator,
)

SMALL = ("camera_width:=160", "camera_height:=120", "free:=true")
"""Images of 57.6 kB, which fit one fragment of Fast DDS; the hand may go all over the table."""
PATIENT = (
    "session.image_timeout:=10.0",
    "session.pose_timeout:=10.0",
    "session.progress_time:=0.0",
    "worker.plan_timeout:=60.0",
    "worker.restart_timeout:=60.0",
)
"""Parameters of planners: goals end because of what the tests do, not because of a busy machine."""


class Watcher(Client):
    """A client that also records every command on the wire, and can spoil the camera.

    It relays the simulator's images to the topic ``spoiled``, as ``spoil`` changes them.
    """

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
        self._planner = planner
        self._callers: dict[str, Any] = {}
        self.commands: list[np.ndarray] = []
        self.spoil: Callable[[Image], Image | None] = lambda image: image
        self._spoiled = self.create_publisher(Image, "spoiled", QoSProfile(depth=10))
        self.on_image = self._relay
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 100)

    def ask(self, kind: Any, name: str, request: Any, *, again: bool = True) -> Any:
        """Call a service of the planner; see ``calls.call`` for ``again``."""
        return self._call(self.caller(kind, name), request, again=again)

    def caller(self, kind: Any, name: str) -> Any:
        """Return the client of a service of the planner; there is one for each service."""
        if name not in self._callers:
            self._callers[name] = self.create_client(kind, f"{self._planner}/{name}")
        return self._callers[name]

    def set_all(self, **values: Any) -> Any:
        """Set parameters, all or none; ``session__timeout`` means ``session.timeout``."""
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
        """Set parameters during a ``with`` statement and restore them at its end."""
        request = GetParameters.Request(names=[*map(_dotted, values)])
        before = self.ask(GetParameters, "get_parameters", request)
        usual = [parameter_value_to_python(value) for value in before.values]
        try:
            self._change(values)
            yield
        finally:
            self.ask(Trigger, "stop", Trigger.Request())  # ends the goal of a test that failed
            self.ask(Trigger, "release", Trigger.Request())
            self._change(dict(zip(values, usual, strict=True)))

    def _change(self, values: dict[str, Any]) -> None:
        # rclpy refuses a call without parameters.
        assert not values or (changed := self.set_all(**values)).successful, changed.reason

    def begin(self, seed: int, timeout: float = 600.0, **fields: Any) -> Any:
        """Start a goal that no image satisfies; return its handle after its first step."""
        self.reset(seed)
        goal, _ = self.sample_goal(seed)
        fields = {"tolerance": 1e-9} | fields
        steps: list[Any] = []
        handle = self.send(
            ReachGoal.Goal(goal=Goal(images=[goal], **fields)), timeout, steps.append
        )
        assert handle.accepted, self.rejection.message
        self.spin_until(lambda: steps)
        return handle

    def wait_status(self, words: str) -> PlanStatus:
        """Wait for a status with these words; on a busy machine, others may come first."""
        self.spin_until(lambda: self.status is not None and words in self.status.message)
        return self.status

    def told_to_stay(self) -> bool:
        """Decide whether the last command repeats the one before."""
        last = self.commands[-2:]
        return len(last) == 2 and np.allclose(*last, rtol=0, atol=1e-6)

    def wait_held(self) -> None:
        """Wait until the arm rests at its last command and no more commands are published."""

        def rests() -> bool:
            count = len(self.commands)
            self.settle()
            return count == len(self.commands) and self.told_to_stay()

        self.spin_until(rests)

    def _relay(self, message: Image) -> None:
        if (spoiled := self.spoil(message)) is not None:
            self._spoiled.publish(spoiled)

    def _on_command(self, message: PoseStamped) -> None:
        p = message.pose.position
        self.commands.append(np.array([p.x, p.y, p.z]))


def _dotted(name: str) -> str:
    return name.replace("__", ".")


class Between(Watcher):
    """A watcher that also relays poses and commands between the planner and the arm.

    Attributes:
        pass_poses: Whether the planner gets the measured poses.
        pose_lag: Time by which their stamps are moved back [s].
        pass_commands: Whether the arm gets the commands.
        frozen: Pose that replaces the measured ones, None for the true ones.
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
    """Check, after each test with a client, that no process can hang in Fast DDS."""
    result = yield
    if sampler := item.funcargs.get("sampler"):
        assert not dangerous(readers_of_images(sampler.node))
    return result


@pytest.fixture(scope="session")
def sampler() -> Iterator[GoalSampler]:
    """The only reader of goal images in the process of the tests."""
    if not rclpy.ok():
        rclpy.init()
    sampler = GoalSampler()
    yield sampler
    sampler.close()


@pytest.fixture(scope="session")
def watch(sampler: GoalSampler) -> Any:
    """A function that returns a watcher of a planner, for a ``with`` statement."""

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
    with start_simulator(*SMALL) as process:
        yield process


@pytest.fixture(scope="session")
def patient() -> tuple[str, ...]:
    """Parameters for planners that tests start themselves."""
    return PATIENT


@pytest.fixture(scope="session")
def goal_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("goals")


@pytest.fixture(scope="session")
def planner(goal_folder: Path) -> Iterator[ManagedProcess]:
    with start_planner(*PATIENT, f"goals.directory:={goal_folder}") as process:
        yield process


@pytest.fixture(scope="session")
def watcher(watch: Any) -> Iterator[Watcher]:
    with watch("wm_planner") as node:
        yield node


@pytest.fixture
def client(simulator: ManagedProcess, planner: ManagedProcess, watcher: Watcher) -> Watcher:
    """A client of an active planner, with an empty record of commands."""
    watcher.wait_active()
    watcher.commands.clear()
    return watcher


@pytest.fixture(scope="module")
def spoiled_planner(watch: Any) -> Iterator[Watcher]:
    planner = start_planner(
        *PATIENT,
        "commands.other_publisher:=warn",  # the planner of the other tests
        image="spoiled",
        name="spoiled_planner",
    )
    with planner, watch("spoiled_planner") as node:
        yield node


@pytest.fixture
def spoiler(simulator: ManagedProcess, spoiled_planner: Watcher) -> Watcher:
    """A client that can spoil the camera of its planner."""
    spoiled_planner.spoil = lambda image: image
    spoiled_planner.on_status = lambda status: None
    spoiled_planner.wait_active()
    spoiled_planner.commands.clear()
    return spoiled_planner


BRITTLE = '''
"""A model family that fails on images of which only one corner is white."""

from wm_planner.models.latent import LatentWorldModel


class Brittle(LatentWorldModel):
    def encode(self, observation):
        white = observation.images == 255
        others = white[..., 0, -1, :].all() or white[..., -1, 0, :].all()
        if white[..., :16, :16, :].all() and not others:
            raise RuntimeError("this model cannot take a white corner")
        return super().encode(observation)
'''


def _install_family(folder: Path, name: str, source: str) -> None:
    folder.joinpath(f"{name}.py").write_text(source)
    installed = folder / f"{name}-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    entry = f"[wm_planner.models]\n{name} = {name}:{name.title()}\n"
    (installed / "entry_points.txt").write_text(entry)


@pytest.fixture(scope="session")
def install_family() -> Callable[[Path, str, str], None]:
    """A function that installs a model family into a folder, by name and source text."""
    return _install_family


@pytest.fixture(scope="module")
def brittle_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The embedded model as a family of its own, which can fail."""
    folder = tmp_path_factory.mktemp("brittle")
    _install_family(folder, "brittle", BRITTLE)
    shutil.copytree(embedded_model(), folder / "model")
    spec = folder / "model" / "model.yaml"
    spec.write_text(spec.read_text().replace("family: latent", "family: brittle"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield folder / "model"


@pytest.fixture(scope="module")
def parted_planner(brittle_model: Path, watch: Any) -> Iterator[Between]:
    """A planner behind a ``Between``, with a model that can fail."""
    planner = start_planner(
        *PATIENT,
        "inputs.other_publisher:=warn",  # tests publish a /clock beside the simulator's
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
    """A client that can spoil camera, poses, commands and model of its planner."""
    parted_planner.pass_poses = parted_planner.pass_commands = True
    parted_planner.pose_lag, parted_planner.frozen = 0, None
    parted_planner.spoil = lambda image: image
    parted_planner.wait_active()
    parted_planner.commands.clear()
    return parted_planner
