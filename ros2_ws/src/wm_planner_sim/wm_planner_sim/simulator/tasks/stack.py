"""Stack: put a cube on another one."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector
from wm_planner_sim.simulator import table
from wm_planner_sim.simulator.tasks.pick_place import YAW, PickPlace, over, place
from wm_planner_sim.simulator.world import World

BASE = "base"
"""Body and free joint of the lower cube."""
APART = 0.11
"""Distance of the two cubes in a start state, at least [m]; the open fingers need room."""
STACKS = 0.6
"""Share of the placements in training that stack; the others are anywhere on the table."""


class Stack(PickPlace):
    """As ``PickPlace``, but the goal is the top of a second, blue cube, which lies anywhere.

    The upper cube is the one that the hand carries.
    """

    name = "stack"
    scored = "upper cube"
    heights = (0.12, 0.20)

    def scene(self) -> mujoco.MjSpec:
        """Return the table with two cubes, and the camera in front."""
        spec = super().scene()
        base = spec.worldbody.add_body(name=BASE, pos=[0.5, -0.15, table.CUBE_HALF])
        base.add_freejoint(name=BASE)
        base.add_geom(
            name=BASE,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=[table.CUBE_HALF] * 3,
            mass=0.1,
            rgba=[0.15, 0.35, 0.75, 1],
            friction=[0.6, 0.005, 0.0001],
        )
        return spec

    def reset(self, world: World, rng: np.random.Generator) -> Vector:
        """Place both cubes; return a position (3,) of the hand above the table [m]."""
        hand = super().reset(world, rng)
        world.update()
        while True:
            base = place(rng)
            if np.linalg.norm(base - world.body_position(table.CUBE)) > APART:
                world.place_object(BASE, base, table.turned(rng.uniform(-YAW, YAW)))
                return hand

    def draw_goal(self, world: World, rng: np.random.Generator) -> Vector:
        """Return the position (3,) on the lower cube [m]."""
        return over(world.body_position(BASE), 2 * table.CUBE_HALF)

    def show_goal(self, world: World, position: ArrayLike) -> None:
        """As in ``PickPlace``, with the lower cube under the upper one."""
        super().show_goal(world, position)
        under = over(np.asarray(position, dtype=np.float64), -2 * table.CUBE_HALF)
        world.place_object(BASE, under, world.body_quaternion(BASE))

    def labels(self, world: World) -> Vector:
        """Return those of ``PickPlace``, and x and y of the lower cube (9,) [m]."""
        return np.concatenate([super().labels(world), world.body_position(BASE)[:2]])

    def label_scales(self) -> list[float]:
        """Return those of ``PickPlace``, and 0.1 m for the lower cube."""
        return [*super().label_scales(), 0.1, 0.1]

    def label_weights(self) -> list[float]:
        """Return those of ``PickPlace``, and 0.3 for the lower cube, which only has to stay."""
        return [*super().label_weights(), 0.3, 0.3]

    def _put(self, world: World, rng: np.random.Generator) -> Vector:
        return self.draw_goal(world, rng) if rng.random() < STACKS else place(rng)
