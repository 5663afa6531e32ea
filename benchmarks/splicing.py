"""Measure how the arm moves when plans arrive late, depending on where in the plan it begins.

The embedded model drives the simulated arm and plans back to back, with a given latency. The stream
begins by one of these rules:

    nearest   at the point of the plan's path nearest to the commanded
              position, as the planner does
    whole     at the beginning of the plan, as if there were no latency
    literal   at the present time of the plan, as if the arm had followed it
              since its image
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from benchmark_parsers import make_benchmark_parser, not_negative

from wm_planner.cli.arguments import positive
from wm_planner.config import Config
from wm_planner.control import Commander
from wm_planner.control import stream as streams
from wm_planner.ending import explained
from wm_planner.types import Command, Goal, Observation, Pose
from wm_planner.worker import PlanRequest, SetGoal
from wm_planner.worker.engine import Engine
from wm_planner_sim.evaluation.episodes import start_episode
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.simulation import CONTROL_PERIOD, Simulation

MODEL = Path(__file__).parents[1] / "ros2_ws/src/wm_planner_sim/models/franka_reach"
SECONDS = 6.0  # simulated time per goal
MARGIN = 0.1  # [m] added to the workspace, so that it clamps nothing
IMAGE_TICKS = 10  # control periods per image: one every 0.2 s
RULES: dict[str, Callable[..., float]] = {
    "nearest": streams.nearest,
    "whole": lambda space, times, points, here, latest: 0.0,
    "literal": lambda space, times, points, here, latest: min(latest, times[-1]),
}


def run(simulation: Simulation, engine: Engine, config: Config, seed: int, latency: float) -> dict:
    """Pursue one goal; return times [s], speeds [m/s] and accelerations [m/s^2] of the commands."""
    goal = start_episode(simulation, seed)
    engine.set_goal(SetGoal(seed, Goal(Observation((goal.image,)))))
    commands: list[Command] = []
    commander = Commander(config, engine.spec, commands.append)
    start = simulation.time
    commander.start(_pose(simulation), start)
    plan, arrival, observation, away = None, 0.0, None, []
    for tick in range(round(SECONDS / CONTROL_PERIOD)):
        now = simulation.time
        if plan and now >= arrival - 1e-9:
            commander.splice(plan.actions, plan.stamp, now)
            plan = None
        if tick % IMAGE_TICKS == 0:
            observation = Observation((simulation.render(),), stamp=now)
        if plan is None and observation:
            plan = engine.answer(PlanRequest(seed, observation))
            arrival, observation = now + latency, None
        commander.send(_pose(simulation), now)
        simulation.set_target(commands[-1].position, commands[-1].orientation)
        simulation.step()
        away.append(np.linalg.norm(simulation.ee_position - goal.position))
    velocities = np.diff([command.position for command in commands], axis=0) / CONTROL_PERIOD
    far = np.flatnonzero(np.array(away) >= simulation.task.success_radius)
    return {
        "near": (np.argmin(np.array(away) >= simulation.task.success_radius)) * CONTROL_PERIOD,
        "settled": (far[-1] + 1 if far.size else 0) * CONTROL_PERIOD,
        "speed": np.linalg.norm(velocities, axis=1).max(),
        "acceleration": np.linalg.norm(np.diff(velocities, axis=0), axis=1).max() / CONTROL_PERIOD,
        "clamped": commander.gate.counters.clamped,
    }


def _pose(simulation: Simulation) -> Pose:
    return Pose(simulation.ee_position, simulation.ee_quaternion, 0.0)


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("splicing", __doc__, "--goals 8", "--latencies 0.06 0.3")
    add = parser.add_argument
    add("--goals", type=positive, default=8, metavar="N", help="goals for each row (%(default)s)")
    add(
        "--latencies", type=not_negative, nargs="+", default=[0.06, 0.18, 0.3, 0.6],
        metavar="SECONDS", help="between an image and its plan [s] (0.06 0.18 0.3 0.6)",
    )  # fmt: skip
    return parser


@explained("splicing")
def main() -> None:
    """Print one row per latency and rule: mean times, and the largest speed and acceleration."""
    arguments = make_parser().parse_args()
    torch.set_num_threads(1)
    simulation = Simulation(240, 320)
    config = Config()
    config.model.directory, config.model.device = str(MODEL), "cpu"
    config.limits.workspace_min = [low - MARGIN for low in simulation.task.workspace_min]
    config.limits.workspace_max = [high + MARGIN for high in simulation.task.workspace_max]
    engine = Engine(config)
    print("| latency [s] | rule | 2 cm near [s] | 2 cm for good [s] | largest speed [m/s] | "
          "largest acceleration [m/s²] | clamped |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for latency in arguments.latencies:
        for rule, function in RULES.items():
            with patch.object(streams, "nearest", function):
                rows = [
                    run(simulation, engine, config, seed, latency)
                    for seed in seeds.EVALUATION[2000 : 2000 + arguments.goals]
                ]
            mean = {name: np.mean([row[name] for row in rows]) for name in ("near", "settled")}
            most = {name: np.max([row[name] for row in rows]) for name in ("speed", "acceleration")}
            print(
                f"| {latency:.2f} | {rule} | {mean['near']:.2f} | {mean['settled']:.2f} | "
                f"{most['speed']:.2f} | {most['acceleration']:.1f} | "
                f"{sum(row['clamped'] for row in rows)} |",
                flush=True,
            )
    simulation.close()


if __name__ == "__main__":
    main()
