"""Goal images of a task, and the images on the way to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from numpy.typing import ArrayLike

from wm_planner.types import RgbImage, Vector
from wm_planner_sim.simulator.task import Task
from wm_planner_sim.simulator.world import World


class Goal(NamedTuple):
    """A goal image with the pose of the task's ``scored_site`` in it."""

    image: RgbImage
    position: Vector
    """(3,) [m]."""
    quaternion: Vector
    """(x, y, z, w)."""
    labels: Vector
    """The task's ``labels`` (P,) of the goal [m]."""
    sub_goals: tuple[RgbImage, ...] = ()
    """Images on the way to the goal, in their order."""
    sub_labels: tuple[Vector, ...] = ()
    """The labels of the sub-goals, each (P,) [m]."""


def show(
    task: Task, world: World, position: ArrayLike, render: Callable[[World], RgbImage]
) -> Goal:
    """Render the sub-goals and the goal image for a goal's position (3,) [m].

    They start from the state that the world is in. Afterward the world shows the goal.
    """
    world.update()  # so that the task sees where the objects are now
    images, labels = [], []
    for _ in task.sub_goals(world, position):
        world.update()
        images.append(render(world))
        labels.append(task.labels(world))
    task.show_goal(world, position)
    world.update()
    return Goal(
        render(world),
        world.site_position(task.scored_site),
        world.site_quaternion(task.scored_site),
        task.labels(world),
        tuple(images),
        tuple(labels),
    )
