"""Simulator and planner as processes, and a client that talks to them over DDS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from wm_planner_sim.client import Client
from wm_planner_sim.partners import Partner, start_planner, start_simulator


class Watcher(Client):
    """A client that also writes down every command on the wire, and can spoil the camera.

    It passes the simulator's pictures on to the topic ``spoiled``, as ``spoil`` changes them.
    """

    def __init__(self, planner: str = "wm_planner") -> None:
        super().__init__(planner)
        self.commands: list[np.ndarray] = []
        self.spoil: Callable[[Image], Image | None] = lambda image: image
        self._spoiled = self.create_publisher(Image, "spoiled", QoSProfile(depth=10))
        self.on_picture = self._pass_on
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 100)

    def _pass_on(self, message: Image) -> None:
        if (spoiled := self.spoil(message)) is not None:
            self._spoiled.publish(spoiled)

    def _on_command(self, message: PoseStamped) -> None:
        p = message.pose.position
        self.commands.append(np.array([p.x, p.y, p.z]))


@contextmanager
def _watching(planner: str) -> Iterator[Watcher]:
    if not rclpy.ok():
        rclpy.init()
    node, executor = Watcher(planner), SingleThreadedExecutor()
    executor.add_node(node)
    yield node
    executor.shutdown()
    node.destroy_node()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Partner]:
    partner = start_simulator()
    yield partner
    partner.end()


@pytest.fixture(scope="session")
def planner() -> Iterator[Partner]:
    partner = start_planner()
    yield partner
    partner.end()


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
    partner = start_planner(image="spoiled", name="spoiled_planner")
    with _watching("spoiled_planner") as node:
        yield node
    partner.end()


@pytest.fixture
def spoiler(simulator: Partner, spoiled_planner: Watcher) -> Watcher:
    """A client of a planner whose camera the test can spoil."""
    spoiled_planner.spoil = lambda image: image
    spoiled_planner.wait_active()
    spoiled_planner.commands.clear()
    return spoiled_planner
