"""Runs the closed-loop protocol without ROS, many pairs of start and goal at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from wm_planner.models.loading import load
from wm_planner.models.protocol import WorldModel
from wm_planner.planning import PlanError
from wm_planner.progress import Progress, silent
from wm_planner.types import RgbImage, Vector
from wm_planner_sim.evaluation.episodes import Episode, run_episodes, start_episode
from wm_planner_sim.evaluation.policies import (
    EvaluationError,
    ExpertPolicy,
    ModelPolicy,
    OraclePolicy,
    Policy,
    RandomPolicy,
    Seen,
    ShiftedPolicy,
    exchanged,
)
from wm_planner_sim.evaluation.shifts import SHIFTS
from wm_planner_sim.evaluation.workers import in_processes
from wm_planner_sim.simulator.goals import Goal
from wm_planner_sim.simulator.simulation import Simulation
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
    def plans(self) -> bool:
        """Whether a model is needed."""
        return self.policy in ("planner", "oracle")

    @property
    def looks(self) -> bool:
        """Whether images matter."""
        return self.policy == "planner"


def _job(setup: Setup, chosen: Sequence[int]) -> list[Episode]:
    """Run a batch in a process of its own, from which not every error can return as it is."""
    try:
        return run_batch(setup, chosen)
    except PlanError as error:
        raise EvaluationError(str(error)) from None


class _Counted(Policy):
    """A policy whose floating-point operations are counted, but for those of measurements."""

    def __init__(self, policy: Policy) -> None:
        self._policy, self.flop = policy, 0

    def act(self, images: Sequence[RgbImage]) -> Vector:
        with FlopCounterMode(display=False) as counter:
            actions = self._policy.act(images)
        self.flop += int(counter.get_total_flops())
        return actions

    def look(self, images: Sequence[RgbImage]) -> list[Seen] | None:
        return self._policy.look(images)

    def promised(self) -> list[float] | None:
        return self._policy.promised()


def run_batch(setup: Setup, chosen: Sequence[int]) -> list[Episode]:
    """Run one episode for each seed of a scene, all at once.

    Raises:
        EvaluationError: The setup is impossible; see ``make_policy``.
    """
    return _run(setup, chosen, lambda policy: policy)


def _run(setup: Setup, chosen: Sequence[int], wrap: Callable[[Policy], Policy]) -> list[Episode]:
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
        model = load(setup.model, setup.device) if setup.model and setup.plans else None
        policy = wrap(make_policy(setup, simulations, goals, chosen, model))
        places = [goal.position for goal in goals]
        record = setup.record and setup.looks
        episodes = run_episodes(simulations, policy, places, record=record)
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
        ValueError: The policy is unknown or needs a model, the model is of another task, or it
            looks back at images that are late or lost.
    """
    task, shift = find_task(setup.task), SHIFTS[setup.shift]
    if setup.policy == "expert":
        return ExpertPolicy(simulations, [goal.position for goal in goals])
    if setup.policy in ("random", "zero"):
        return RandomPolicy(chosen, task.actions, float(setup.policy == "random"))
    if setup.policy not in POLICIES or model is None:
        raise EvaluationError(f"the policy '{setup.policy}' is unknown, or needs a model")
    if (names := model.spec.action.names) != task.actions.names:
        raise EvaluationError(
            f"the actions of {model.spec.name} are {', '.join(names)}; those of the task "
            f"{task.name} are {', '.join(task.actions.names)}: choose the model's task"
        )
    options: dict[str, Any] = {
        "preset": setup.preset,
        "horizon": setup.horizon or task.horizon,
        "seed": setup.seed,
        "ends": setup.ends,
    }
    if setup.policy == "oracle":
        return OraclePolicy(model, simulations, goals, **options)
    if shift.sigma:
        model.spec = shift.wrong_statistics(model.spec)
    if setup.looks_back and (shift.delay or shift.lost):
        raise EvaluationError(f"looking back and the shift '{setup.shift}' do not go together")
    if shift.exchanged:
        goals = [exchanged(goal) for goal in goals]
    arms = simulations if setup.looks_back else ()
    policy = ModelPolicy(model, goals, arms=arms, **options)
    return policy if setup.shift == "none" else ShiftedPolicy(policy, shift)


def evaluate(
    setup: Setup,
    chosen: Sequence[int],
    processes: int = 2,
    batch: int = 10,
    label: str = "",
    progress: Progress = silent,
) -> list[Episode]:
    """Run one episode for each seed of a scene; return them in the order of the seeds.

    A pair's episode is the same in every batch, but for rounding (not with the preset ``dino_wm``).

    Args:
        setup: Who acts how.
        chosen: Seeds of the scenes, one goal each.
        processes: Worker processes.
        batch: Pairs that a process runs at once.
        label: What is evaluated; by default task and policy.
        progress: Shows how far the job is.

    Raises:
        EvaluationError: The setup is impossible, or a plan failed.
    """
    batches = [list(chosen[i : i + batch]) for i in range(0, len(chosen), batch)]
    found: list[Episode] = []
    what = label or f"pursuing goals of {setup.task} with {setup.policy}"
    with progress(what, len(chosen)) as step:
        for part in in_processes(partial(_job, setup), batches, processes):
            found += part
            step(len(part))
    return found


def flop_per_episode(setup: Setup, seed: int) -> int:
    """Count the floating-point operations of encoding and planning in one episode."""
    counted: list[_Counted] = []

    def count(policy: Policy) -> Policy:
        counted.append(_Counted(policy))
        return counted[0]

    _run(setup, [seed], count)
    return counted[0].flop
