"""The arguments of the program that makes the embedded model of a task."""

from __future__ import annotations

import argparse
from pathlib import Path

from wm_planner.cli.arguments import whole_number
from wm_planner.help_texts import add_output_options, parser_with_examples
from wm_planner_sim.evaluation.workers import process_count
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.tasks import add_task

MODELS = Path("ros2_ws/src/wm_planner_sim/models")
"""Folder of the committed models, from the root of the repository."""
MOST_EPISODES = 4000
"""Most episodes with images, so that seeds are left for those without."""


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner_sim.training.make_model",
        "Make the embedded model of a task: collect episodes, train, calibrate, "
        "evaluate, and write model.yaml, its weights and evaluation.json.",
        "It takes from minutes to hours, depending on the task.\n"
        "Exit code: 0 if the model was written, else 2; the message says why.",
        "--output my_reach",
        "--task push --data push.npz --output my_push",
    )
    add = parser.add_argument
    add_task(parser)
    add(
        "--output", type=Path, metavar="DIR",
        help=f"directory of the model (default {MODELS}/franka_TASK)",
    )  # fmt: skip
    add(
        "--seed", type=whole_number(0, seeds.BLOCKS - 1), default=0, metavar="N",
        help="0 to 9; decides every random draw (%(default)s)",
    )  # fmt: skip
    add(
        "--episodes", type=whole_number(1, MOST_EPISODES), metavar="N",
        help="episodes with images to learn from, if not the recipe's",
    )  # fmt: skip
    add(
        "--goals", type=whole_number(1, len(seeds.EVALUATION)), default=100, metavar="N",
        help="goals per closed-loop evaluation (%(default)s)",
    )  # fmt: skip
    add(
        "--processes", type=process_count, default=2, metavar="N",
        help="worker processes (%(default)s)",
    )  # fmt: skip
    add("--data", type=Path, metavar="FILE", help="file that collect wrote for task and seed")
    add_output_options(parser)
    return parser
