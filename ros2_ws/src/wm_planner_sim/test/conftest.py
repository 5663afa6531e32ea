"""Simulator and planner as processes, and a client that talks to them over DDS."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

from wm_planner_sim.client.goal_sampler import GoalSampler
from wm_planner_sim.client.image_readers import dangerous, readers_of_images
from wm_planner_sim.client.processes import (
    ManagedProcess,
    embedded_model,
    start_planner,
    start_simulator,
)

sys.path.insert(0, str(Path(__file__).parent / "support"))  # helpers of several folders

from watchers import Between, Watcher

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
_WATCHERS: list[Watcher] = []
_REFLEXES: dict[Watcher, int | None] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Any:
    """Check, after each test with a client, that no process can hang in Fast DDS.

    And that no command has stopped the arm by a reflex; the simulator's output says which limit.
    """
    result = yield
    for watcher in _WATCHERS:
        counted, _REFLEXES[watcher] = _REFLEXES.get(watcher), watcher.reflexes
        # A simulator that was started again counts from 0.
        assert counted in (None, watcher.reflexes) or not watcher.reflexes, "the arm had a reflex"
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
        _WATCHERS.append(node)
        try:
            yield node
        finally:
            _WATCHERS.remove(node)
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
