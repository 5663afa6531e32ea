"""The registry of tasks. A new one is a file in this folder and a name in this tuple."""

from __future__ import annotations

import argparse

from wm_planner_sim.simulator.task import Task
from wm_planner_sim.simulator.tasks.pick_place import PickPlace
from wm_planner_sim.simulator.tasks.push import Push
from wm_planner_sim.simulator.tasks.reach import Reach
from wm_planner_sim.simulator.tasks.stack import Stack

TASKS: dict[str, Task] = {task.name: task for task in (Reach(), Push(), PickPlace(), Stack())}
"""All tasks by name."""
DEFAULT_TASK = Reach.name


def find_task(name: str) -> Task:
    """Return the task of a name.

    Raises:
        ValueError: There is none.
    """
    if name not in TASKS:
        raise ValueError(f"there is no task '{name}'; choose one of: {', '.join(TASKS)}")
    return TASKS[name]


def add_task(parser: argparse.ArgumentParser) -> None:
    """Declare ``--task``."""
    parser.add_argument(
        "--task",
        choices=TASKS,
        default=DEFAULT_TASK,
        metavar="TASK",
        help=f"simulated task: {', '.join(TASKS)} (%(default)s)",
    )
