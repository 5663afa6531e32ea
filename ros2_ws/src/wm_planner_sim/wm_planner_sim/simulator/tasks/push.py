"""Push: slide a cube over the table to the position at which the goal image shows it."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector
from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.actions import MAX_STEP, Actions
from wm_planner_sim.simulator.task import Expert, Task
from wm_planner_sim.simulator.world import World

STICK = 0.2
"""How far the stick reaches beyond the tool center point [m]; so the hand hides no cube."""
STICK_RADIUS = 0.012
"""Radius of the stick [m]."""
HELD_AT = 0.06
"""Where the stick begins, from the flange of the hand [m]: it is held between the fingers."""
TIP = 0.012
"""Height of the stick's tip above the table [m]."""
REGION = ((0.38, -0.18), (0.62, 0.18))
"""Corners of the part of the table that the cube starts and ends in, x and y, base frame [m]."""
CLEARANCE = 0.07
"""Distance of hand and cube in a start state, at least [m]."""
WAY = 0.06
"""Distance of the cube's start and goal, at least [m]."""
TOUCH = table.CUBE_HALF + STICK_RADIUS
"""Distance of hand and cube when the stick touches a face of the cube [m]."""

PUSHES = 0.6
"""Share of the training episodes that push the cube to random places; others are random walks."""
NOISE = (0.003, 0.012, 0.02)
"""Standard deviations of what is added to the expert's displacements, one drawn per episode [m]."""


class Push(Task):
    """The gripper holds a vertical stick and pushes the cube with it.

    The hand moves at constant height; the camera sees hand and cube. The goal image shows the hand
    behind the cube, as it stands after a straight push.
    """

    name = "push"
    workspace_min = (0.30, -0.26, STICK + TIP - 0.005)
    workspace_max = (0.70, 0.26, STICK + TIP + 0.005)
    actions = Actions(("dx", "dy"))
    rest_width = 2 * STICK_RADIUS
    horizon = 12
    step_time = 0.4  # the arm pushes as in training only if its lag is short beside a step
    success_radius = 0.03
    max_steps = 40
    scored = "cube"
    scored_site = "cube"

    def scene(self) -> mujoco.MjSpec:
        """Return the table with the cube, a stick in the hand, and the camera in front of both."""
        spec = table.table_scene()
        table.put_camera_in_front(spec)
        spec.body(table.CUBE).add_site(name=self.scored_site, group=4)
        tip = franka.TCP_OFFSET + STICK
        spec.body("panda_hand").add_geom(
            name="stick",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[STICK_RADIUS, (tip - HELD_AT) / 2, 0],
            pos=[0, 0, (tip + HELD_AT) / 2],
            rgba=[0.1, 0.35, 0.8, 1],
            friction=[0.3, 0.005, 0.0001],
            mass=0.0,
            contype=1,
            conaffinity=1,
        )
        return spec

    def reset(self, world: World, rng: np.random.Generator) -> Vector:
        """Place the cube; return a position (3,) of the hand beside it [m]."""
        cube, yaw = _place(rng), rng.uniform(0.0, np.pi / 2)
        world.place_object(table.CUBE, cube, table.turned(yaw))
        while True:
            hand = rng.uniform(self.workspace_min, self.workspace_max)
            hand[2] = STICK + TIP
            if np.linalg.norm(hand[:2] - cube[:2]) > CLEARANCE:
                return hand

    def draw_goal(self, world: World, rng: np.random.Generator) -> Vector:
        """Return a position (3,) for the cube, ``WAY`` from where it is or more [m]."""
        start = world.body_position(table.CUBE)
        while True:
            goal = _place(rng)
            if np.linalg.norm((goal - start)[:2]) > WAY:
                return goal

    def show_goal(self, world: World, position: ArrayLike) -> None:
        """Put the cube at the position (3,) [m], and the hand behind it."""
        goal = np.asarray(position, dtype=np.float64)
        ahead = _direction(goal - world.body_position(table.CUBE))
        world.place_object(table.CUBE, goal, table.turned(float(np.arctan2(ahead[1], ahead[0]))))
        hand = goal[:2] - (TOUCH + 0.008) * ahead
        world.place_hand((*hand, STICK + TIP), self.rest_width)

    def expert(self, world: World, goal: ArrayLike) -> Expert:
        """Return motions around the cube to the side away from the goal, and pushes from there."""
        place = np.asarray(goal, dtype=np.float64)[:2]

        def push(commanded: Vector) -> Vector:
            return _push(commanded[:2], world.body_position(table.CUBE)[:2], place)

        return push

    def explore(self, world: World, rng: np.random.Generator) -> Expert:
        """Return noisy pushes to one place after another, or a random walk near the cube."""
        pushes, noise, near = rng.random() < PUSHES, rng.choice(NOISE), rng.random() < 0.7
        place, drift = _place(rng)[:2], np.zeros(2)

        def push(commanded: Vector) -> Vector:
            nonlocal place
            cube = world.body_position(table.CUBE)[:2]
            if np.linalg.norm(place - cube) < 0.015:
                place = _place(rng)[:2]
            return _push(commanded[:2], cube, place) + rng.normal(0.0, noise, 2)

        def walk(commanded: Vector) -> Vector:
            nonlocal drift
            drift = 0.7 * drift + rng.normal(0.0, 0.022, 2)
            cube = world.body_position(table.CUBE)[:2]
            return drift + (0.15 * (cube - commanded[:2]) if near else 0.0)

        return push if pushes else walk

    def labels(self, world: World) -> Vector:
        """Return x and y of the hand and of the cube (4,) [m]."""
        return np.concatenate([world.ee_position[:2], world.body_position(table.CUBE)[:2]])

    def label_weights(self) -> list[float] | None:
        """Return the weights: if the hand's place counted, the hand would leave the cube for it."""
        return [0.001, 0.001, 1.0, 1.0]


def _place(rng: np.random.Generator) -> Vector:
    """Return a position (3,) of the cube on the table [m]."""
    return np.array([*rng.uniform(*REGION), table.CUBE_HALF])


def _direction(way: Vector) -> Vector:
    """Return the unit vector (2,) along a way; of no way at all, along x."""
    length = np.linalg.norm(way[:2])
    return way[:2] / length if length > 1e-6 else np.array([1.0, 0.0])


def _push(hand: Vector, cube: Vector, goal: Vector) -> Vector:
    """Return the displacement (2,) [m] of a hand that pushes the cube to a goal, both (2,) [m]."""
    way = goal - cube
    ahead = _direction(way)
    along = (hand - cube) @ ahead
    beside = hand - cube - along * ahead
    off = np.linalg.norm(beside)
    if along < -0.025 and off < 0.012:  # behind the cube: push
        contact = cube + (min(float(np.linalg.norm(way)), MAX_STEP) - TOUCH) * ahead
        move = contact - hand - 0.5 * beside
    elif along < -0.03:  # farther back: line up
        move = cube - 0.055 * ahead - hand
    else:  # in front or beside: go around
        side = beside / off if off > 1e-3 else np.array([-ahead[1], ahead[0]])
        back = -0.07 * ahead if off > 0.06 else 0.0
        move = cube + 0.085 * side + back - hand
    length = float(np.linalg.norm(move))
    return move * MAX_STEP / max(length, MAX_STEP)
