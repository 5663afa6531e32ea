"""Measures, in the simulator, the distance at which a goal of a converted model counts as reached.

``wm-planner convert --calibrate`` knows only recorded images, so there a goal counts as reached
when one step is left. Here the hand can be put where it is wanted:
``python -m wm_planner_sim.training.tolerance MODEL`` compares goal images with images of the hand a
centimeter away, and writes the median of their distances into ``model.yaml``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from wm_planner.models.loading import load
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.actions import AXES
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import DEFAULT_TASK, TASKS, find_task
from wm_planner_sim.training.calibration import root_distance


def main(arguments: list[str] | None = None) -> None:
    """Measure the tolerance and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="directory with model.yaml")
    parser.add_argument("--task", choices=TASKS, default=DEFAULT_TASK, help="simulated task")
    parser.add_argument("--away", type=float, default=0.01, help="from the goal [m]")
    parser.add_argument("--scenes", type=int, default=60, help="number of goals")
    options = parser.parse_args(arguments)
    model = load(options.model, "cpu")
    calibration = model.spec.measured_calibration()
    simulation = Simulation(480, 640, task=find_task(options.task))
    distances = []
    for seed in seeds.CALIBRATION[: options.scenes]:
        rng = np.random.default_rng([seed, 8])
        simulation.reset(seed)
        place = simulation.task.draw_goal(simulation, rng)
        direction = rng.normal(size=3) * [axis in simulation.task.actions.axes for axis in AXES]
        beside = place + options.away * direction / np.linalg.norm(direction)
        goal, other = (simulation.goal_image(where).image for where in (place, beside))
        distances.append(root_distance(model, goal, other))
    simulation.close()
    tolerance = float(np.median(distances)) / calibration.typical_distance
    model.spec.calibration = replace(calibration, tolerance=tolerance)
    model.spec.save(options.model)
    low, high = np.percentile(distances, [10, 90]) / calibration.typical_distance
    print(
        f"{options.model}: tolerance {tolerance:.4f} ({low:.4f} to {high:.4f} in 80 % of "
        f"{options.scenes} scenes), the distance {100 * options.away:g} cm from the goal"
    )


if __name__ == "__main__":
    main()
