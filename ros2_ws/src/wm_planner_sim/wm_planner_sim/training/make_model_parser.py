"""The arguments of the program that makes the embedded model of a task."""

from __future__ import annotations

import argparse
from pathlib import Path

from wm_planner.cli.arguments import HelpFormatter, add_output_options, with_examples
from wm_planner_sim.simulator.tasks import DEFAULT_TASK, TASKS

MODELS = Path("ros2_ws/src/wm_planner_sim/models")
"""Folder of the committed models, from the root of the repository."""


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = argparse.ArgumentParser(
        prog="ros2 run wm_planner_sim train",
        description="Make the embedded model of a task: collect episodes, train, calibrate, "
        "evaluate, and write model.yaml, its weights and evaluation.json.",
        epilog=with_examples(
            "It takes from minutes to hours, depending on the task.\n"
            "Exit code: 0 if the model was written.",
            "ros2 run wm_planner_sim train --output my_reach",
            "ros2 run wm_planner_sim train --task push --data push.npz --output my_push",
        ),
        formatter_class=HelpFormatter,
    )
    add = parser.add_argument
    add(
        "--task",
        choices=TASKS,
        default=DEFAULT_TASK,
        metavar="TASK",
        help=f"simulated task: {', '.join(TASKS)} (%(default)s)",
    )
    add(
        "--output", type=Path, metavar="DIR",
        help=f"directory of the model (default {MODELS}/franka_TASK)",
    )  # fmt: skip
    add(
        "--seed", type=int, default=0, metavar="N",
        help="0 to 9; decides every random draw (%(default)s)",
    )  # fmt: skip
    add(
        "--episodes", type=int, metavar="N",
        help="episodes with images to learn from, if not the recipe's",
    )  # fmt: skip
    add(
        "--goals", type=int, default=100, metavar="N",
        help="goals per closed-loop evaluation (%(default)s)",
    )  # fmt: skip
    add("--processes", type=int, default=2, metavar="N", help="worker processes (%(default)s)")
    add("--data", type=Path, metavar="FILE", help="file that collect wrote for task and seed")
    add_output_options(parser)
    return parser
