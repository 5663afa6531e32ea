"""What a simulated task is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector
from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.actions import MAX_STEP, STEP_DURATION, Actions
from wm_planner_sim.simulator.world import World

Expert = Callable[[Vector], Vector]
"""From the commanded position of the hand (3,) [m] to the action (A,) of the next model step."""
PUT_DOWN = 0.01
"""Difference of an object's height from that in the goal image, below which it is put down [m]."""


class Task(ABC):
    """A task of the simulated arm: scene, start states, goals, expert and measure of success.

    A task keeps no state between calls: it reads and arranges the ``World`` that it is given, and
    draws all that is random from the generator that it is given.

    To add one, write a subclass in a file or package of this folder and name it in the registry
    (``tasks/__init__.py``). Its name then also names ``config/<name>.yaml``, the planner's
    parameters in the demo, and ``models/franka_<name>``, the model that ``make_model`` writes; how
    that is trained is in ``training/recipes.py``.

    A goal is reached if one point, the site ``scored_site``, ends within ``success_radius`` of its
    position in the goal image: the hand in ``reach``, an object if one is to be moved. With
    ``lift``, it also must have been lifted and put down.
    """

    name: str
    """What ``task:=`` and ``--task`` choose it by."""
    workspace_min: tuple[float, float, float]
    """Corner of the box that the tool center point stays in, base frame [m]."""
    workspace_max: tuple[float, float, float]
    """The opposite corner [m]."""
    actions = Actions()
    """What the numbers of an action do."""
    rest_width = franka.REST_WIDTH
    """Width of the gripper in start states and goals [m]."""
    step_time = STEP_DURATION
    """Duration of a model step over ROS [s]; longer than in training if the arm's lag matters."""
    horizon = 5
    """Model steps that the planner plans ahead."""
    success_radius: float
    """Largest distance of ``scored_site`` from the goal's position that is a success [m]."""
    lift = 0.0
    """How far ``scored_site`` must be lifted, before it is put down, for a success [m]."""
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

    def sub_goals(self, world: World, position: ArrayLike) -> Iterator[None]:
        """Arrange the world for one sub-goal after another, on the way to a goal (3,) [m].

        ``world`` is in its start state at first. After each ``yield``, its image is taken.
        """
        yield from ()

    def placed(self, heights: Sequence[float], goal: float) -> bool:
        """Return whether ``scored_site`` was lifted by ``lift`` and ends at the goal's height.

        Always true without ``lift``. Whether the gripper still holds the object does not matter.

        Args:
            heights: Its heights over an episode [m].
            goal: Its height in the goal image [m].
        """
        if not self.lift:
            return True
        return max(heights) >= heights[0] + self.lift and abs(heights[-1] - goal) < PUT_DOWN

    @property
    def success(self) -> str:
        """What counts as a success, in words; the caller adds "the"."""
        near = f"{self.scored} ends within {100 * self.success_radius:g} cm of its goal"
        return near + (f", lifted by {100 * self.lift:g} cm and put down" if self.lift else "")

    def labels(self, world: World) -> Vector:
        """Return the true state (P,) [m] that the encoder is taught: positions and widths.

        The oracle plans with it.
        """
        return world.ee_position

    def label_scales(self) -> list[float] | None:
        """Return the size of one unit of the latent for each of the P labels [m]; None: 0.1 m."""
        return None

    def label_weights(self) -> list[float] | None:
        """Return the weight of each of the P labels in a distance; None: all weigh the same."""
        return None

    def allowed(self, action: ArrayLike, commanded: ArrayLike) -> Vector:
        """Return the action (A,) as it is carried out from a commanded position of the hand (3,).

        Displacements are limited to ``MAX_STEP`` per axis and end in the workspace.

        Raises:
            ValueError: It is not an action of the task.
        """
        start = np.asarray(commanded, dtype=np.float64)
        moved = np.clip(self.actions.displacement(action), -MAX_STEP, MAX_STEP)
        return self.actions.of(self.clip(start + moved) - start, action)

    def clip(self, position: ArrayLike) -> Vector:
        """Return the nearest position (3,) in the workspace [m].

        Raises:
            ValueError: ``position`` is not three finite numbers.
        """
        given = np.asarray(position, dtype=np.float64)
        if given.shape != (3,) or not np.isfinite(given).all():
            raise ValueError(f"a position is three finite numbers in meters, not {position!r}")
        return np.clip(given, self.workspace_min, self.workspace_max)
