"""What a simulated task is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import RgbImage, Vector
from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.world import World

Expert = Callable[[Vector], Vector]
"""From the commanded position of the hand (3,) [m] to the action (A,) of the next model step."""
STEP_DURATION = 0.2
"""Duration of one model step in training [s]."""
MAX_STEP = 0.05
"""Largest displacement per axis and model step [m]."""
AXES = ("dx", "dy", "dz")
"""Names that the numbers of an action may have: displacements of the hand, base frame [m]."""


class Goal(NamedTuple):
    """A goal image with the pose of the task's ``scored_site`` in it."""

    image: RgbImage
    position: Vector
    """(3,) [m]."""
    quaternion: Vector
    """(x, y, z, w)."""
    labels: Vector
    """The task's ``labels`` (P,) of the goal [m]."""


class Task(ABC):
    """A task of the simulated arm: scene, start states, goals, expert and measure of success.

    A task keeps no state between calls: it reads and arranges the ``World`` that it is given, and
    draws all that is random from the generator that it is given.

    To add one, write a subclass in a file or package of this folder and name it in the registry
    (``tasks/__init__.py``). Its name then also names ``config/<name>.yaml``, the planner's
    parameters in the demo, and ``models/franka_<name>``, the model that ``make_model`` writes; how
    that is trained is in ``training/recipes.py``.

    A goal is reached if one point, the site ``scored_site``, is within ``success_radius`` of its
    position in the goal image: the hand in ``reach``, an object if one is to be moved.
    """

    name: str
    """What ``task:=`` and ``--task`` choose it by."""
    workspace_min: tuple[float, float, float]
    """Corner of the box that the tool center point stays in, base frame [m]."""
    workspace_max: tuple[float, float, float]
    """The opposite corner [m]."""
    actions: tuple[str, ...] = AXES
    """The names, of ``AXES``, of an action's numbers; the other axes stay where they are."""
    rest_width = franka.REST_WIDTH
    """Width of the gripper in start states and goals [m]."""
    step_time = STEP_DURATION
    """Duration of a model step over ROS [s]; longer than in training if the arm's lag matters."""
    horizon = 5
    """Model steps that the planner plans ahead."""
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

    @property
    def carries(self) -> bool:
        """Whether an object has to reach the goal's position, not the hand."""
        return self.scored_site != franka.TCP

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
    def expert(self, world: World, goal: ArrayLike) -> Expert:
        """Return motions that bring ``scored_site`` to a position (3,) [m].

        They read the true state of ``world`` at every call.
        """

    @abstractmethod
    def explore(self, world: World, rng: np.random.Generator) -> Expert:
        """Return the motions of one episode of training data."""

    def labels(self, world: World) -> Vector:
        """Return the positions (P,) [m] that the encoder of the embedded model is taught."""
        return world.ee_position

    def label_weights(self) -> list[float] | None:
        """Return how much each of the P labels counts in a distance to a goal; None: all alike."""
        return None

    def displacement(self, action: ArrayLike) -> Vector:
        """Return the displacement of the hand (3,) [m] that an action commands.

        Raises:
            ValueError: ``action`` has not one number for each of ``actions``.
        """
        numbers = np.asarray(action, dtype=np.float64)
        if numbers.shape != (len(self.actions),):
            raise ValueError(
                f"an action of the task {self.name} is {', '.join(self.actions)}, not {action!r}"
            )
        moved = np.zeros(3)
        moved[[AXES.index(name) for name in self.actions]] = numbers
        return moved

    def allowed(self, action: ArrayLike, commanded: ArrayLike) -> Vector:
        """Return the action as it is carried out from a commanded position of the hand (3,) [m].

        Displacements are limited to ``MAX_STEP`` per axis and end in the workspace.
        """
        start = np.asarray(commanded, dtype=np.float64)
        moved = np.clip(self.displacement(action), -MAX_STEP, MAX_STEP)
        return (self.clip(start + moved) - start)[[AXES.index(name) for name in self.actions]]

    def clip(self, position: ArrayLike) -> Vector:
        """Return the nearest position (3,) in the workspace [m].

        Raises:
            ValueError: ``position`` is not three finite numbers.
        """
        given = np.asarray(position, dtype=np.float64)
        if given.shape != (3,) or not np.isfinite(given).all():
            raise ValueError(f"a position is three finite numbers in meters, not {position!r}")
        return np.clip(given, self.workspace_min, self.workspace_max)
