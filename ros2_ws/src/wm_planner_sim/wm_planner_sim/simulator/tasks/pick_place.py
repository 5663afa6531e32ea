"""Pick and place: grasp a cube, lift it, and put it down where the goal image shows it."""

from __future__ import annotations

from collections.abc import Iterator

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.models.spec import GripperMapping
from wm_planner.types import Vector
from wm_planner_sim.simulator import table
from wm_planner_sim.simulator.actions import MAX_STEP, Actions
from wm_planner_sim.simulator.task import Expert, Task
from wm_planner_sim.simulator.world import World

OPEN, SHUT = 0.08, 0.02
"""Commanded widths [m]; the cube keeps the fingers 0.05 m apart."""
HELD = 2 * table.CUBE_HALF
"""Width of the gripper around the cube [m]."""
REGION = ((0.40, -0.16), (0.60, 0.16))
"""Corners of the part of the table that the cube starts and ends in, x and y [m]."""
WAY = 0.06
"""Distance of the cube's start and goal, at least [m]."""
YAW = 0.35
"""Largest turn of the cube in a start state [rad]."""
ABOVE = 0.05
"""Height of the tool center point above the cube's center before a grasp [m].

From farther up, the hand may come down beside the cube.
"""
AWAY = 0.10
"""Height of the tool center point above the cube's center in the goal image [m]."""
LIFT, LOW = 0.08, 0.03
"""Heights of the cube in the sub-goals [m]: above its start and goal, and before it is put down.

From higher up, plans would drop it, because a falling cube is at its goal sooner.
"""
EXPERTS = 0.6
"""Share of the training episodes that pick and place; the others walk near the cube."""
NOISE = (0.002, 0.008, 0.015)
"""Standard deviations of the noise on the expert's displacements [m]; each episode draws one."""
FLIPS = 0.4
"""Share of the expert's training episodes in which the gripper sometimes does the opposite."""


class PickPlace(Task):
    """The hand grasps the cube from above and carries it; the gripper is open or closed."""

    name = "pick_place"
    workspace_min = (0.36, -0.20, 0.02)
    workspace_max = (0.64, 0.20, 0.25)
    actions = Actions(
        gripper=GripperMapping(
            "grip", "open_close", "absolute", closed=SHUT, open=OPEN, hysteresis=0.1
        )
    )
    rest_width = OPEN
    success_radius = 0.03
    lift = 0.03
    step_time = 0.4  # longer than in training: the arm's lag must be short beside a step
    max_steps = 60
    scored = "cube"
    scored_site = "cube"
    heights = (0.08, 0.18)
    """Least and largest height of the center of the cube when the expert carries it [m]."""

    def scene(self) -> mujoco.MjSpec:
        """Return the table with the cube, and the camera in front."""
        spec = table.table_scene()
        table.put_camera_in_front(spec)
        spec.body(table.CUBE).add_site(name=self.scored_site, group=4)
        return spec

    def reset(self, world: World, rng: np.random.Generator) -> Vector:
        """Place the cube; return a position (3,) of the hand above the table [m]."""
        world.place_object(table.CUBE, place(rng), table.turned(rng.uniform(-YAW, YAW)))
        return np.array([*rng.uniform(*REGION), rng.uniform(0.10, 0.25)])

    def draw_goal(self, world: World, rng: np.random.Generator) -> Vector:
        """Return a position (3,) for the cube, ``WAY`` from where it is or more [m]."""
        start = world.body_position(table.CUBE)
        while True:
            goal = place(rng)
            if np.linalg.norm((goal - start)[:2]) > WAY:
                return goal

    def show_goal(self, world: World, position: ArrayLike) -> None:
        """Put the cube at the position (3,) [m], and the open hand above it."""
        goal = np.asarray(position, dtype=np.float64)
        world.place_object(table.CUBE, goal, table.turned(0.0))
        world.place_hand(over(goal, AWAY), OPEN)

    def sub_goals(self, world: World, position: ArrayLike) -> Iterator[None]:
        """Show the grasp, the lifted cube and the way to its goal, in eight images."""
        goal = np.asarray(position, dtype=np.float64)
        cube = world.body_position(table.CUBE)
        world.place_hand(over(cube, ABOVE), OPEN)
        yield
        world.place_hand(cube, OPEN)
        yield
        world.place_hand(cube, HELD)
        yield
        for there in (over(cube, LIFT), over(goal, LIFT), over(goal, LOW), goal):
            world.place_object(table.CUBE, there, table.turned(0.0))
            world.place_hand(there, HELD)
            yield
        world.place_hand(goal, OPEN)
        yield

    def expert(self, world: World, goal: ArrayLike) -> Expert:
        """Return motions above the cube, down, close, up, over the goal, down, open, up."""
        return _Expert(world, np.asarray(goal, dtype=np.float64), self.heights[0])

    def explore(self, world: World, rng: np.random.Generator) -> Expert:
        """Return noisy picks and places, one after another, or a random walk near the cube."""
        picks, noise, flips = rng.random() < EXPERTS, rng.choice(NOISE), rng.random() < FLIPS
        expert = _Expert(world, self._put(world, rng), rng.uniform(*self.heights))
        drift, grip = np.zeros(3), 0.0

        def pick(commanded: Vector) -> Vector:
            nonlocal expert
            if expert.done:
                expert = _Expert(world, self._put(world, rng), rng.uniform(*self.heights))
            action = expert(commanded)
            action[:3] += rng.normal(0.0, noise, 3)
            if flips and rng.random() < 0.06:
                action[3] = 1.0 - action[3]
            return _vague(action, rng)

        def walk(commanded: Vector) -> Vector:
            nonlocal drift, grip
            drift = 0.7 * drift + rng.normal(0.0, 0.02, 3)
            cube = over(world.body_position(table.CUBE), rng.uniform(0.0, 0.06))
            if rng.random() < 0.15:
                grip = float(rng.integers(2))
            return _vague(np.array([*(drift + 0.2 * (cube - commanded)), grip]), rng)

        return pick if picks else walk

    def _put(self, world: World, rng: np.random.Generator) -> Vector:
        """Return where the cube is put in training (3,) [m]."""
        return place(rng)

    def labels(self, world: World) -> Vector:
        """Return the position of the hand, the width, and the position of the cube (7,) [m]."""
        width = world.finger_positions.sum()
        return np.concatenate([world.ee_position, [width], world.body_position(table.CUBE)])

    def label_weights(self) -> list[float]:
        """Return 1, and 3 for the width: open or closed around the cube is a matter of 3 cm."""
        return [1.0, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0]

    def label_scales(self) -> list[float]:
        """Return 0.1 m, and for the width 0.05 m."""
        return [0.1, 0.1, 0.1, 0.05, 0.1, 0.1, 0.1]


class _Expert:
    """Picks the cube and places it at a goal (3,) [m], carried at a height above the table [m].

    Attributes:
        done: Whether the cube was placed and the hand is above it.
    """

    NEAR = 0.012
    """Distance at which the next motion begins [m]."""

    def __init__(self, world: World, goal: Vector, height: float) -> None:
        self._world, self._goal, self._height = world, goal, height
        self._phase = self._waited = 0
        self.done = False

    def __call__(self, hand: Vector) -> Vector:
        """Return the action (4,) at a commanded position of the hand (3,) [m]."""
        cube = self._world.body_position(table.CUBE)
        target = self._target(hand, cube)
        while self._arrived(hand, target):
            self._phase, self._waited = self._phase + 1, 0
            target = self._target(hand, cube)
        self._waited += 1
        shut = float(2 <= self._phase <= 5)
        return np.array([*np.clip(target - hand, -MAX_STEP, MAX_STEP), shut])

    def _target(self, hand: Vector, cube: Vector) -> Vector:
        """Return where the hand goes in the present phase."""
        goal, height = self._goal, self._height
        if self._phase > 7:
            self.done, self._phase = True, 7
        places = (
            over(cube, ABOVE), cube, hand, np.array([*hand[:2], height]),
            np.array([*goal[:2], height]), goal, hand, np.array([*hand[:2], goal[2] + AWAY]),
        )  # fmt: skip
        return places[self._phase]

    def _arrived(self, hand: Vector, target: Vector) -> bool:
        """Return whether the next phase begins."""
        if self.done:
            return False
        if self._phase in (2, 6):  # the fingers need some steps
            return self._waited >= (3 if self._phase == 2 else 2)
        if self._phase in (0, 4):
            return bool(np.linalg.norm((hand - target)[:2]) < self.NEAR)
        return bool(np.linalg.norm(hand - target) < self.NEAR)


def _vague(action: Vector, rng: np.random.Generator) -> Vector:
    """Return an action whose last number is anywhere on its side of the threshold.

    A fifth of these numbers leaves the gripper as it is, by the hysteresis.
    """
    side = rng.uniform(0.0, 0.5)
    return np.array([*action[:3], 0.5 + side if action[3] > 0.5 else 0.5 - side])


def over(position: Vector, height: float) -> Vector:
    """Return the position (3,) that is higher by a height [m]."""
    return position + np.array([0.0, 0.0, height])


def place(rng: np.random.Generator) -> Vector:
    """Return a position (3,) of the cube on the table [m]."""
    return np.array([*rng.uniform(*REGION), table.CUBE_HALF])
