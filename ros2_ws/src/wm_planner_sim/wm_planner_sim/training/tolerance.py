"""Measures, in the simulator, the distance at which a goal of a converted model counts as reached.

``wm-planner convert --calibrate`` knows only recorded images, so there a goal counts as reached
when one step is left. Here the hand can be put where it is wanted:
``python -m wm_planner_sim.training.tolerance MODEL`` compares goal images with images of the hand a
centimeter away, and writes the median of their distances into ``model.yaml``.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from wm_planner.cli.arguments import number, whole_number
from wm_planner.cli.json_text import json_text
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.ending import explained
from wm_planner.help_texts import add_output_options, parser_with_examples
from wm_planner.models.loading import load
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.actions import AXES
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import add_task, find_task
from wm_planner_sim.training.calibration import root_distance

NEAREST, FARTHEST = 0.001, 0.1
"""How far the hand may be put from the goal [m]: where images differ, and over the table."""


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner_sim.training.tolerance",
        "Measure, in the simulator, the distance at which a goal of a model counts as "
        "reached, and write it into model.yaml.",
        "Goal images are compared with images of the hand a little away from the goal. "
        "wm-planner convert --calibrate knows only recorded images.\n"
        "Exit code: 0 if the tolerance was written, else 2; the message says why.",
        "my_model",
        "my_model --task push --away 0.02 --scenes 20",
    )
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL_DIR", help="directory with model.yaml")
    add_task(parser)
    add(
        "--away", type=_distance, default=0.01, metavar="M",
        help="distance of the hand from the goal [m] (%(default)s)",
    )  # fmt: skip
    add(
        "--scenes", type=whole_number(1, len(seeds.CALIBRATION)), default=60, metavar="N",
        help="number of goals (%(default)s)",
    )  # fmt: skip
    add_output_options(parser)
    return parser


def _distance(text: str) -> float:
    if not NEAREST <= (distance := number(text)) <= FARTHEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not from {NEAREST} to {FARTHEST}")
    return distance


@explained("tolerance")
def main(arguments: list[str] | None = None) -> None:
    """Measure the tolerance and write it."""
    options = make_parser().parse_args(arguments)
    progress = shown_progress(options.quiet or options.json)
    with progress("loading the model"):
        model = load(options.model, "cpu")
    calibration = model.spec.measured_calibration()
    distances = []
    chosen = seeds.CALIBRATION[: options.scenes]
    with (
        closing(Simulation(480, 640, task=find_task(options.task))) as simulation,
        progress("comparing images of the goals", len(chosen)) as step,
    ):
        for seed in chosen:
            rng = np.random.default_rng([seed, 8])
            simulation.reset(seed)
            place = simulation.task.draw_goal(simulation, rng)
            axes = [axis in simulation.task.actions.axes for axis in AXES]
            direction = rng.normal(size=3) * axes
            beside = place + options.away * direction / np.linalg.norm(direction)
            goal, other = (simulation.goal_image(where).image for where in (place, beside))
            distances.append(root_distance(model, goal, other))
            step()
    tolerance = float(np.median(distances)) / calibration.typical_distance
    model.spec.calibration = replace(calibration, tolerance=tolerance)
    model.spec.save(options.model)
    low, high = np.percentile(distances, [10, 90]) / calibration.typical_distance
    if options.json:
        found = {
            "model": str(options.model), "tolerance": tolerance, "percentile_10": low,
            "percentile_90": high, "scenes": len(distances), "away_m": options.away,
        }  # fmt: skip
        print(json_text(found))
    else:
        print(
            f"{options.model}:\ntolerance {tolerance:.4f} ({low:.4f} to {high:.4f} in 80 % of "
            f"{len(distances)} scenes),\nthe distance {100 * options.away:g} cm from the goal"
        )


if __name__ == "__main__":
    main()
