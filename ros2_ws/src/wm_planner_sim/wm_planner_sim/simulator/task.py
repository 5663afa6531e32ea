"""What a simulated task is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector
from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.world import World

Expert = Callable[[Vector], Vector]
"""From the commanded position (3,) to the displacement (3,) of the next model step [m]."""


class Task(ABC):
    """A task of the simulated arm: scene, start states, goals, expert and measure of success.

    A task keeps no state between calls: it reads and arranges the ``World`` that it is given, and
    draws all that is random from the generator that it is given.

    To add one, write a subclass in a file or package of this folder and name it in the registry
    (``tasks/__init__.py``). Its name then also names ``config/<name>.yaml``, the planner's
    parameters in the demo, and ``models/franka_<name>``, the model that ``make_model`` writes.

    A goal is reached if one point, the site ``scored_site``, is within ``success_radius`` of its
    position in the goal image: the hand in ``reach``, an object if one is to be moved.
    """

    name: str
    """What ``task:=`` and ``--task`` choose it by."""
    workspace_min: tuple[float, float, float]
    """Corner of the box that the tool center point stays in, base frame [m]."""
    workspace_max: tuple[float, float, float]
    """The opposite corner [m]."""
    success_radius: float
    """Largest distance of ``scored_site`` from the goal's position that is a success [m]."""
    max_steps: int
    """Model steps allowed for a goal."""
    scored = "gripper"
    """What has to reach the goal's position, in the words of the demo."""
    scored_site = franka.TCP
    """Its site in the scene."""
    camera = table.CAMERA
    """Camera of the scene, and the frame of its images."""
    home = franka.HOME
    """Posture that the elbow is drawn toward (7,) [rad]."""

    @abstractmethod
    def scene(self) -> mujoco.MjSpec:
        """Return the scene; it holds a Franka Panda, the camera and ``scored_site``."""

    @abstractmethod
    def reset(self, world: World, rng: np.random.Generator) -> Vector:
        """Place the objects for a new episode; return the position of the hand (3,) [m]."""

    @abstractmethod
    def draw_goal(self, world: World, rng: np.random.Generator) -> Vector:
        """Return a position (3,) that ``scored_site`` can reach [m]; the world stays as it is."""

    @abstractmethod
    def show_goal(self, world: World, position: ArrayLike) -> None:
        """Arrange the world as it looks with ``scored_site`` at a goal's position (3,) [m]."""

    @abstractmethod
    def expert(self, world: World, rng: np.random.Generator) -> Expert:
        """Return the motions of one episode of training data."""

    def labels(self, world: World) -> Vector:
        """Return the positions (P,) [m] that the encoder of the embedded model is taught."""
        return world.ee_position

    def clip(self, position: ArrayLike) -> Vector:
        """Return the nearest position (3,) in the workspace [m].

        Raises:
            ValueError: ``position`` is not three finite numbers.
        """
        given = np.asarray(position, dtype=np.float64)
        if given.shape != (3,) or not np.isfinite(given).all():
            raise ValueError(f"a position is three finite numbers in meters, not {position!r}")
        return np.clip(given, self.workspace_min, self.workspace_max)
