"""The losses that say whether the planner or the model is at fault."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wm_planner.diagnosis.frames import distance, normalized, rollout_cost
from wm_planner.diagnosis.result import OK, STOP, WARN, Result, quoted
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.planning import Objective, Planner, StopReason

STILL = 0.9
"""Share of the loss of zero actions above which actions have achieved nothing."""
WORSE = 1.25
"""Factor over the recorded actions' loss from which the search has missed a better plan."""
ITSELF = 1e-4
"""Share of the zero actions' loss that the goal may have against itself."""
PROPRIO = 0.8
"""Share of the plan's loss that, coming from the state alone, is worth a sentence."""

_ASK = "Whether planner or model is at fault, a recorded episode tells: give --bag or --dataset."


@dataclass(frozen=True)
class Losses:
    """Planning losses of one task, or sums over several.

    Attributes:
        itself: Of the goal's own image and state.
        start: Of the start's own image and state; what standing still leaves.
        zero: Of physically zero actions.
        mean: Of the training's mean action, zero where normalized.
        plan: Of the planner's plan.
        plan_visual: Its share that comes from images.
        plan_end: Of its last frame alone.
        iterations: Of the search, 0 where time did not end it.
        recorded: Of the actions that did lead to the goal, None where there are none.
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
    recorded: float | None = None
    recorded_end: float | None = None


@dataclass(frozen=True)
class Task:
    """From one encoded frame to another (B = 1), and the actions (1, H, A) that led there."""

    start: Latent
    goal: Latent
    recorded: Tensor | None = None


def measure(
    model: WorldModel,
    tasks: Sequence[Task],
    planner: Planner,
    objective: Objective,
    seconds: float,
) -> Losses:
    """Losses summed over tasks, of which all or none have recorded actions.

    Args:
        model: The loaded model.
        tasks: At least one.
        planner: For this model; its horizon is that of the recorded actions.
        objective: The planning objective.
        seconds: For all searches together; one that has not ended by then is cut.
    """
    share = seconds / len(tasks)
    every = [_one(model, task, planner, objective, share) for task in tasks]

    totals: dict[str, Any] = {}
    for field in fields(Losses):
        values = [getattr(one, field.name) for one in every]
        totals[field.name] = None if None in values else sum(values)
    return Losses(**totals)


def _one(
    model: WorldModel, task: Task, planner: Planner, objective: Objective, seconds: float
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
        plan_visual=float(rollout_cost(model, task.start, task.goal, plan, visual)[0]),
        plan_end=plan_end,
        iterations=found.iterations if found.stop_reason is StopReason.DEADLINE else 0,
        recorded=recorded,
        recorded_end=end,
    )


def interpret(losses: Losses, absolute: bool = False, causes: Sequence[str] = ()) -> Result:
    """Say whether the planner or the model is at fault.

    Args:
        losses: Of one task, or the sum over several of the same kind.
        absolute: Actions are positions, so that zero ones do not mean standing still.
        causes: Names of findings that already explain a bad model.

    Returns:
        ``plan``: the plan's loss over that of standing still.
    """
    still = losses.mean if absolute else losses.zero
    score = losses.plan / max(still, 1e-30)
    evidence = f"the plan has {score:.2f} of the loss of {'mean' if absolute else 'zero'} actions"
    verdict, sentence = _fault(losses, still, causes)
    return Result("plan", score, STILL, verdict, sentence, evidence)


def _fault(losses: Losses, still: float, causes: Sequence[str]) -> tuple[str, str]:
    recorded, end = losses.recorded, losses.recorded_end
    if losses.start <= 0:
        return WARN, "Start and goal are the same to the model: give a goal that differs."
    if losses.itself > ITSELF * losses.start:
        return STOP, (
            f"THE MODEL is at fault: the goal has a loss of {losses.itself:.3g} against itself, "
            "which must be 0. Its encoder is random or its distance is broken: see 'repeatable'."
        )
    if end is not None and end >= STILL * losses.start:
        mend = quoted(causes) if causes else "what is found above"
        return STOP, (
            "THE MODEL, or what it is fed, is at fault, not the planner: after the recorded "
            f"actions, which did reach the goal, it predicts a loss of {end:.3g}; the start has "
            f"{losses.start:.3g}. No planner can help: mend {mend}, or train on."
        )
    if recorded is not None and losses.plan > WORSE * recorded + 0.02 * still:
        return STOP if losses.plan >= STILL * still else WARN, (
            f"THE PLANNER is at fault: its plan has a loss of {losses.plan:.3g}, the recorded "
            f"actions have {recorded:.3g}. Give it more candidates and iterations "
            "(planning.preset=full, planning.num_samples, planning.iterations), and see that "
            f"action.lower, action.upper and the horizon allow those actions.{_cut(losses)}"
        )
    if losses.plan_end >= losses.start:
        return WARN, (
            f"Even the plan is predicted to end farther from the goal (loss {losses.plan_end:.3g}) "
            f"than the start is ({losses.start:.3g}): start and goal are too alike for this model, "
            f"or it predicts badly. {_ASK}{_cut(losses)}"
        )
    if losses.plan >= STILL * still:
        return WARN, _hardly_better(losses, still)
    return OK, ""


def _hardly_better(losses: Losses, still: float) -> str:
    share = 1.0 - losses.plan_visual / max(losses.plan, 1e-30)
    why = (
        f"{share:.0%} of its loss comes from the state, not from the image: see 'goal_proprio', "
        "and try a smaller objective.alpha. "
        if share > PROPRIO
        else ""
    )
    cause = (
        "The recorded actions hardly lower it either: the horizon is too short for the goal."
        if losses.recorded is not None
        else f"The goal may be out of reach within the horizon. {_ASK}"
    )
    return (
        f"The plan (loss {losses.plan:.3g}) is hardly better than standing still ({still:.3g}). "
        f"{why}{cause}{_cut(losses)}"
    )


def _cut(losses: Losses) -> str:
    if not losses.iterations:
        return ""
    return (
        f" The search was cut after {losses.iterations} iterations for time: give it more with "
        "planning.budget=SECONDS."
    )
