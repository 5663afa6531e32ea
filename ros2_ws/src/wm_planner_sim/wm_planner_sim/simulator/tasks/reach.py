"""Reach: bring the gripper to the position at which the goal image shows it."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector
from wm_planner_sim.simulator import table
from wm_planner_sim.simulator.task import Expert, Task
from wm_planner_sim.simulator.world import World

CUBE_REGION = ((0.38, 0.66), (-0.25, 0.25))
"""Where the cube, a distractor, may lie: intervals of x and y [m]."""
WALK_SHARE = 0.6
"""Share of the training episodes that walk at random; the others go to positions, with noise."""


class Reach(Task):
    """The gripper goes to a position; the cube on the table does not matter."""

    name = "reach"
    workspace_min = (0.32, -0.20, 0.08)  # so high that the hand clears the cube
    workspace_max = (0.66, 0.20, 0.40)
    success_radius = 0.02
    max_steps = 40

    def scene(self) -> mujoco.MjSpec:
        """Return the table with the cube."""
        return table.table_scene()

    def reset(self, world: World, rng: np.random.Generator) -> Vector:
        """Place the cube; return a position (3,) drawn in the workspace [m]."""
        start = self.draw_goal(world, rng)
        (x_low, x_high), (y_low, y_high) = CUBE_REGION
        yaw = rng.uniform(0.0, np.pi / 2)
        position = (rng.uniform(x_low, x_high), rng.uniform(y_low, y_high), table.CUBE_HALF)
        world.place_object(table.CUBE, position, table.turned(yaw))
        return start

    def draw_goal(self, world: World, rng: np.random.Generator) -> Vector:
        """Return a position (3,) in the workspace [m]."""
        return rng.uniform(self.workspace_min, self.workspace_max)

    def show_goal(self, world: World, position: ArrayLike) -> None:
        """Put the hand at the position (3,) [m]; the cube stays where it lies."""
        world.place_hand(self.clip(position))

    def expert(self, world: World, goal: ArrayLike) -> Expert:
        """Return the straight way to the position (3,) [m]."""
        position = np.asarray(goal, dtype=np.float64)
        return lambda commanded: position - commanded

    def explore(self, world: World, rng: np.random.Generator) -> Expert:
        """Return a random walk, or a noisy way to one position after another."""
        walks = rng.random() < WALK_SHARE
        target = self.draw_goal(world, rng)
        drift = np.zeros(3)
        steps = 0

        def walk(commanded: Vector) -> Vector:
            nonlocal drift
            drift = 0.5 * drift + rng.normal(0.0, 0.03, 3)
            return drift

        def go(commanded: Vector) -> Vector:
            nonlocal target, steps
            if steps and rng.random() < 0.1:
                target = self.draw_goal(world, rng)
            steps += 1
            return 0.6 * (target - commanded) + rng.normal(0.0, 0.015, 3)

        return walk if walks else go
