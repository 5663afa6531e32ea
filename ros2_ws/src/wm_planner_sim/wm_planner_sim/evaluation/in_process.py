"""Measures how many goals a model, or chance, reaches under the closed-loop protocol."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from wm_planner.models.loading import load
from wm_planner.models.spec import load_spec
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import DEFAULT_TASK, TASKS, find_task
from wm_planner_sim.training import evaluation, seeds
from wm_planner_sim.training.evaluation import Episode, ModelPolicy, RandomPolicy

CHUNK = 4
"""Goals that a worker process runs at a time."""


def _episodes(job: tuple[str, Path | None, str, bool, list[int]]) -> list[Episode]:
    """Run the model's planner or, without a model, random actions on some seeds."""
    task, directory, preset, looks_back, chosen = job
    torch.set_num_threads(1)
    side = 64 if directory is None else 480
    simulation = Simulation(side, side * 4 // 3, task=find_task(task))
    model = None if directory is None else load(directory, "cpu")
    episodes = []
    for seed in chosen:
        goal = evaluation.start_episode(simulation, seed)
        if model is None:
            episodes.append(evaluation.run_episode(simulation, RandomPolicy(seed), goal.position))
            continue
        commanded = (lambda: simulation.target) if looks_back else None
        policy = ModelPolicy(model, goal.image, preset, seed=seed, commanded=commanded)
        episodes.append(
            evaluation.run_episode(simulation, policy, goal.position, measure=policy.distance)
        )
    simulation.close()
    return episodes


def evaluate(
    task: str,
    directory: Path | None,
    chosen: range,
    preset: str = "online",
    processes: int = 2,
    *,
    looks_back: bool = False,
) -> list[Episode]:
    """Run the closed-loop protocol on the scenes of ``chosen``, in their order.

    Args:
        task: Name of the task.
        directory: Directory of the model; None for random actions.
        chosen: Seeds of the scenes, one goal each.
        preset: Planner preset.
        processes: Worker processes.
        looks_back: Plan as with ``model.history: real``.
    """
    label = "random" if directory is None else f"plan {preset}"
    starts = range(0, len(chosen), CHUNK)
    jobs = [(task, directory, preset, looks_back, list(chosen[i : i + CHUNK])) for i in starts]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        done = pool.map(_episodes, jobs)
        parts = track(done, label, len(jobs), console=Console(stderr=True))
        return [episode for part in parts for episode in part]


def summary(episodes: list[Episode]) -> dict[str, float]:
    """Return the success rate and the final distances [m] of some episodes."""
    final = np.array([episode.distances[-1] for episode in episodes])
    return {
        "goals": len(episodes),
        "success_rate": evaluation.success_rate(episodes),
        "final_distance_mean": round(float(final.mean()), 5),
        "final_distance_max": round(float(final.max()), 5),
    }


def reached(episodes: list[Episode], limit: float) -> dict[str, float]:
    """Summarize the episodes as if each had ended at the first image within the tolerance.

    Args:
        episodes: Episodes with ``model_distances``.
        limit: The tolerance, in the latent's unit.

    Returns:
        Share of goals that get there, steps until then, and the true distances at that step [m].
    """
    first = [
        (step, episode.distances[step])
        for episode in episodes
        for step in np.flatnonzero(np.array(episode.model_distances) < limit)[:1]
    ]
    steps, true = np.array(first).reshape(-1, 2).T
    return {
        "share": len(first) / len(episodes),
        "steps_mean": round(float(steps.mean()), 2),
        "steps_max": int(steps.max()),
        "distance_mean": round(float(true.mean()), 5),
        "distance_max": round(float(true.max()), 5),
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the figures of a model on scenes that training never saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="directory with model.yaml")
    parser.add_argument("--task", choices=TASKS, default=DEFAULT_TASK, help="simulated task")
    parser.add_argument("--goals", type=int, default=200, help="number of goals")
    parser.add_argument("--preset", default="online", help="planner preset")
    parser.add_argument("--history", choices=("none", "real"), default="none", help="model.history")
    parser.add_argument("--processes", type=int, default=2, help="worker processes")
    options = parser.parse_args(arguments)
    chosen = seeds.EVALUATION[: options.goals]
    episodes = evaluate(
        options.task,
        options.model,
        chosen,
        options.preset,
        options.processes,
        looks_back=options.history == "real",
    )
    calibration = load_spec(options.model).calibration
    assert calibration is not None
    figures = {
        options.preset: summary(episodes),
        "reached": reached(episodes, calibration.tolerance * calibration.typical_distance),
        "random": summary(evaluate(options.task, None, chosen, processes=options.processes)),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
