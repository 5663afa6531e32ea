"""Shared fixtures: a small spec for tests without a model, waiting, a clock and devices."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from wm_planner.models.spec import (
    ActionSpec,
    Calibration,
    CommandMapping,
    ImageSpec,
    ModelSpec,
    Moments,
    Provenance,
    Statistics,
    Training,
    WeightsFile,
)

if TYPE_CHECKING:
    from rclpy.context import Context
    from rclpy.node import Node

sys.path.insert(0, str(Path(__file__).parent / "support"))  # helpers of several folders

# The same examples everywhere, so that failures are reproducible, and no time limit, because the
# machine may be busy. `settings.register_profile("wm_planner", derandomize=False)` tries others.
settings.register_profile("wm_planner", deadline=None, derandomize=True)
settings.load_profile("wm_planner")

TIME_LIMIT = 60.0  # [s] only a broken program takes longer

Until = Callable[..., None]


@pytest.fixture(scope="session")
def time_limit() -> float:
    """Return how long to wait for an event [s]; only a broken program needs as long."""
    return TIME_LIMIT


@pytest.fixture(scope="session")
def until() -> Until:
    """Repeat an action until a condition holds; fail with a message if it never does."""

    def wait(
        condition: Callable[[], bool],
        action: Callable[[], object],
        message: Callable[[], object] = str,
    ) -> None:
        end = time.monotonic() + TIME_LIMIT
        while not condition():
            assert time.monotonic() < end, message()
            action()

    return wait


@pytest.fixture
def context() -> Iterator[Context]:
    """A ROS context of the test's own. ROS is imported here, for tests run without it, too."""
    from rclpy.context import Context

    context = Context()
    context.init()
    try:
        yield context
    finally:
        context.try_shutdown()


@pytest.fixture
def make_node(context: Context) -> Iterator[Callable[..., Node]]:
    """A function that makes nodes, which are destroyed even if the test fails."""
    from rclpy.node import Node

    with contextlib.ExitStack() as nodes:

        def make(name: str, **settings: Any) -> Node:
            node = Node(name, context=context, **settings)
            nodes.callback(node.destroy_node)
            return node

        yield make


class Clock:
    """A fake of the module ``time``; tests advance its steady time."""

    def __init__(self) -> None:
        self.now = 1000.0  # [s]

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Clock]:
    """Replace the module ``time`` in modules by a clock that stands still."""

    def give(*modules: ModuleType) -> Clock:
        clock = Clock()
        for module in modules:
            monkeypatch.setattr(module, "time", clock)
        return clock

    return give


def devices() -> list[str]:
    """Return the devices that there are."""
    try:
        import torch
    except ImportError:  # the node's own environment
        return ["cpu"]
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(scope="session", params=devices())
def device(request: pytest.FixtureRequest) -> str:
    """Return the device to compute on: code for a GPU runs on the CPU too."""
    return str(request.param)


@pytest.fixture
def captures(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Capture functions on the CPU too: as a graph does, always in the same memory."""
    if device != "cpu":
        return
    import torch

    from wm_planner.planning import captured

    def capture(function: Any, inputs: Any) -> Callable[[], Any]:
        found = function(inputs)
        with torch.inference_mode(False):
            kept = found.clone()
        return lambda: kept.copy_(function(inputs))

    monkeypatch.setattr(captured, "captures", lambda device: True)
    monkeypatch.setattr(captured, "capture", capture)


@pytest.fixture
def spec() -> ModelSpec:
    """Displacements in x, y, z [m], 5 Hz, one environment step per model step."""
    spec = ModelSpec(
        name="toy",
        family="latent",
        weights=WeightsFile(sha256="0" * 64),
        image=ImageSpec(size=64),
        action=ActionSpec(
            names=["dx", "dy", "dz"],
            units=["m"] * 3,
            frame="base",
            lower=[-0.05] * 3,
            upper=[0.05] * 3,
            command=CommandMapping(mode="relative", position=["dx", "dy", "dz"]),
        ),
        statistics=Statistics(
            action=Moments(mean=[0.001, 0.002, -0.001], std=[0.02, 0.03, 0.025]),
            provenance=Provenance(
                dataset="toy", dataset_sha256="ab" * 32, split="train", episodes=3, steps=60,
                formula="mean and std, ddof 1",
            ),
        ),
        calibration=Calibration(noise_floor=0.01, typical_distance=1.0, tolerance=0.05),
        training=Training(epoch=10, epochs=10, seed=0),
        control_rate=5.0,
    )  # fmt: skip
    spec.statistics.sha256 = spec.statistics.digest()
    return spec
