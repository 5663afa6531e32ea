"""Runs the closed-loop protocol without ROS, many pairs of start and goal at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from torch.utils.flop_counter import FlopCounterMode

from wm_planner.models.loading import load
from wm_planner.models.protocol import WorldModel
from wm_planner_sim.evaluation.episodes import Episode, run_episodes, start_episode
from wm_planner_sim.evaluation.policies import (
    ExpertPolicy,
    ModelPolicy,
    OraclePolicy,
    Policy,
    RandomPolicy,
    ShiftedPolicy,
    exchange,
)
from wm_planner_sim.evaluation.shifts import SHIFTS
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.task import Goal
from wm_planner_sim.simulator.tasks import find_task

POLICIES = ("planner", "oracle", "expert", "random", "zero")
"""Who acts: the model's planner; the same with the true state in place of what the encoder sees;
the task's expert; actions at random; a hand at rest."""
CAMERA = (480, 640)
"""Height and width of the images, as over ROS [pixels]."""
BLIND = (16, 16)
"""Those of policies that do not look at them [pixels]."""


@dataclass(frozen=True)
class Setup:
    """Who acts how.

    Attributes:
        task: Name of the task.
        policy: One of ``POLICIES``.
        model: Directory of the model; the last three policies need none.
        preset: Planner preset.
        horizon: Model steps planned ahead; 0: the task's.
        seed: Seed of the planner's draws.
        looks_back: Plan as with ``model.history: real``.
        shift: What differs from training; see ``shifts``.
        ends: Whether episodes end at the model's tolerance, as on a robot.
        record: Keep the images of missed goals.
        device: Of the model.
    """

    task: str
    policy: str = "planner"
    model: Path | None = None
    preset: str = "online"
    horizon: int = 0
    seed: int = 0
    looks_back: bool = False
    shift: str = "none"
    ends: bool = True
    record: bool = False
    device: str = "cpu"

    @property
    def looks(self) -> bool:
        """Whether images matter."""
        return self.policy == "planner"


def run_batch(setup: Setup, chosen: Sequence[int]) -> list[Episode]:
    """Run one episode for each seed of a scene, all at once."""
    shift = SHIFTS[setup.shift]
    height, width = CAMERA if setup.looks else BLIND
    with ExitStack() as stack:
        simulations = [
            stack.enter_context(
                closing(Simulation(height, width, task=find_task(setup.task), alter=shift.scene))
            )
            for _ in chosen
        ]
        goals = [start_episode(s, seed) for s, seed in zip(simulations, chosen, strict=True)]
        model = None if setup.model is None else load(setup.model, setup.device)
        policy = make_policy(setup, simulations, goals, chosen, model)
        tolerance = 0.0
        if model is not None and setup.ends:
            calibration = model.spec.measured_calibration()
            tolerance = calibration.tolerance * calibration.typical_distance
        places = [goal.position for goal in goals]
        record = setup.record and setup.looks
        episodes = run_episodes(simulations, policy, places, tolerance=tolerance, record=record)
    for episode, goal in zip(episodes, goals, strict=True):
        episode.goal_image = goal.image if record and not episode.success else None
        if episode.success:
            episode.frames.clear()
    return episodes


def make_policy(
    setup: Setup,
    simulations: Sequence[Simulation],
    goals: Sequence[Goal],
    chosen: Sequence[int],
    model: WorldModel | None,
) -> Policy:
    """Return the policy of a setup for simulations in their start states.

    Args:
        setup: The setup.
        simulations: One for each pair.
        goals: Their goals.
        chosen: Their seeds.
        model: The model, for the first two of ``POLICIES``.

    Raises:
        ValueError: The policy is unknown, or needs a model.
    """
    task, shift = find_task(setup.task), SHIFTS[setup.shift]
    if setup.policy == "expert":
        return ExpertPolicy(simulations, [goal.position for goal in goals])
    if setup.policy in ("random", "zero"):
        return RandomPolicy(chosen, len(task.actions), float(setup.policy == "random"))
    if setup.policy not in POLICIES or model is None:
        raise ValueError(f"the policy '{setup.policy}' is unknown, or needs a model")
    options: dict[str, Any] = {
        "preset": setup.preset,
        "horizon": setup.horizon or task.horizon,
        "seed": setup.seed,
    }
    if setup.policy == "oracle":
        return OraclePolicy(model, simulations, goals, **options)
    if shift.sigma:
        model.spec = shift.wrong_statistics(model.spec)
    images = [exchange(goal.image) if shift.exchanged else goal.image for goal in goals]
    arms = simulations if setup.looks_back else ()
    policy = ModelPolicy(model, images, arms=arms, **options)
    return policy if setup.shift == "none" else ShiftedPolicy(policy, shift)


def evaluate(
    setup: Setup, chosen: Sequence[int], processes: int = 2, batch: int = 10, label: str = ""
) -> list[Episode]:
    """Run one episode for each seed of a scene; return them in the order of the seeds.

    A pair's episode is the same in every batch, but for rounding.

    Args:
        setup: Who acts how.
        chosen: Seeds of the scenes, one goal each.
        processes: Worker processes.
        batch: Pairs that a process runs at once.
        label: Shown beside the progress bar.
    """
    batches = [list(chosen[i : i + batch]) for i in range(0, len(chosen), batch)]
    with ProcessPoolExecutor(processes, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        done = pool.map(run_batch, [setup] * len(batches), batches)
        label = label or f"{setup.task}: {setup.policy}"
        parts = track(done, label, len(batches), console=Console(stderr=True))
        return [episode for part in parts for episode in part]


def flop_per_episode(setup: Setup, seed: int) -> int:
    """Count the floating-point operations of the planner in one episode."""
    counter = FlopCounterMode(display=False)
    with counter:
        run_batch(setup, [seed])
    return int(counter.get_total_flops())
