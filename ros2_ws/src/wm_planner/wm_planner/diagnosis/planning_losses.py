"""Planning losses of a plan and of other actions, side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.diagnosis.model_calls import distance, normalized, rollout_cost
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.planning import Objective, Planner, StopReason
from wm_planner.progress import Progress, silent

COUNTS = ("iterations", "tasks", "flat", "flat_visual")
"""What of several tasks is summed."""
RANDOM = 16
"""Random candidates whose losses are compared."""
TIE = 1e-5
"""Share of the largest loss by which losses differ by rounding alone. A float32 is rounded by 6e-8;
a loss is the sum of thousands of squares, computed from a model's rounded steps."""


@dataclass(frozen=True)
class Losses:
    """Planning losses of one task, or their means over several.

    Attributes:
        itself: Loss of the goal's own image and state.
        start: Loss of the start's own image and state, as after standing still.
        zero: Loss of physically zero actions.
        mean: Loss of the training's mean action, which is zero after normalization.
        plan: Loss of the planner's plan.
        plan_visual: Its part that comes from images.
        plan_end: Loss of its last frame alone.
        iterations: Iterations of a search that was cut for time, else 0.
        tasks: Tasks.
        flat: Tasks in which nothing distinguishes the candidates: those of the search, or random
            ones and the plan, have the same loss within rounding.
        flat_visual: Tasks in which the parts of the loss that come from images tie, of random
            candidates and the plan.
        recorded: Loss of the recorded actions, which did reach the goal; None without any.
        recorded_end: The same, of the last frame alone.
    """

    itself: float
    start: float
    zero: float
    mean: float
    plan: float
    plan_visual: float
    plan_end: float
    iterations: int = 0
    tasks: int = 1
    flat: int = 0
    flat_visual: int = 0
    recorded: float | None = None
    recorded_end: float | None = None


@dataclass(frozen=True)
class PlanningTask:
    """A task to plan.

    Attributes:
        start: The encoded start, B = 1.
        goal: The encoded goal, B = 1.
        recorded: The z-normalized actions (1, H, A) that led from start to goal, or None.
    """

    start: Latent
    goal: Latent
    recorded: Tensor | None = None


def measure(
    model: WorldModel,
    tasks: Sequence[PlanningTask],
    planner: Planner,
    objective: Objective,
    seconds: float,
    progress: Progress = silent,
) -> Losses:
    """Plan each task; return the means of the losses, and the sums of what is counted.

    Args:
        model: The loaded model.
        tasks: At least one; all with recorded actions, or none.
        planner: A planner for this model, with the horizon of the recorded actions.
        objective: The planning objective.
        seconds: Time for all searches together; a longer search is cut [s].
        progress: Shows how far the job is.
    """
    share = seconds / len(tasks)
    every = []
    with progress("planning", len(tasks)) as step:
        for task in tasks:
            every.append(_one(model, task, planner, objective, share))
            step()
    found: dict[str, Any] = {}
    for field in fields(Losses):
        values = [getattr(one, field.name) for one in every]
        if field.name in COUNTS:
            found[field.name] = sum(values)
        else:
            found[field.name] = None if None in values else sum(values) / len(values)
    return Losses(**found)


def _one(
    model: WorldModel, task: PlanningTask, planner: Planner, objective: Objective, seconds: float
) -> Losses:
    def cost(actions: Tensor) -> Tensor:
        return model.distance(model.rollout(task.start, actions), task.goal, objective)

    with torch.inference_mode():
        found = planner.plan(cost, deadline=time.monotonic() + seconds)
    plan = found.actions
    zero = normalized(model, np.zeros((plan.shape[1], model.spec.model_action_dim)))
    fixed = [zero[None], torch.zeros_like(zero)[None], plan]
    fixed += [] if task.recorded is None else [task.recorded]
    costs = rollout_cost(model, task.start, task.goal, torch.cat(fixed), objective)
    visual = Objective(objective.mode, objective.base, alpha=0.0)
    last = Objective(alpha=objective.alpha)
    random = torch.from_numpy(np.random.default_rng(0).standard_normal((RANDOM, *plan.shape[1:])))
    random = random.to(plan)
    drawn = rollout_cost(model, task.start, task.goal, random, objective)
    drawn_visual = rollout_cost(model, task.start, task.goal, random, visual)
    plan_visual = float(rollout_cost(model, task.start, task.goal, plan, visual)[0])
    plan_end = float(rollout_cost(model, task.start, task.goal, plan, last)[0])
    recorded, end = None, None
    if task.recorded is not None:
        recorded = float(costs[3])
        end = float(rollout_cost(model, task.start, task.goal, task.recorded, last)[0])
    return Losses(
        itself=distance(model, task.goal, task.goal, last),
        start=distance(model, task.start, task.goal, last),
        zero=float(costs[0]),
        mean=float(costs[1]),
        plan=float(costs[2]),
        plan_visual=plan_visual,
        plan_end=plan_end,
        iterations=found.iterations if found.stop_reason is StopReason.DEADLINE else 0,
        flat=not all(found.learned) or tie(np.append(drawn, costs[2])),
        flat_visual=tie(np.append(drawn_visual, plan_visual)),
        recorded=recorded,
        recorded_end=end,
    )


def tie(losses: NDArray[np.float64]) -> bool:
    """Decide whether the finite ones of losses (N,) differ by rounding alone."""
    finite = losses[np.isfinite(losses)]
    return finite.size > 1 and bool(np.ptp(finite) <= TIE * np.abs(finite).max())
