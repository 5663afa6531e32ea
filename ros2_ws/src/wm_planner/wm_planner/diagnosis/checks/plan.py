"""``plan``: whether the planner or the model is at fault if plans are bad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Fact, Result, fix_first, quoted
from wm_planner.diagnosis.examined import PlanningTasks
from wm_planner.diagnosis.planning_losses import Losses, measure

SEARCH_TIME = 20.0
"""Time for all plans of a recording or task [s], if ``planning.budget`` is not set."""
STILL = 0.9
"""Share of the loss of standing still above which actions have achieved nothing."""
WORSE = 1.25
"""Factor over the recorded actions' loss above which the search has missed a better plan."""
ITSELF = 1e-4
"""Largest loss of the goal against itself, as a share of the start's loss."""
PROPRIO = 0.8
"""Share of the plan's loss that comes from the state above which the sentence says so."""

_ASK = "A recorded episode tells whether planner or model is at fault: give --bag or --dataset."


def interpret(losses: Losses, absolute: bool = False, causes: Sequence[str] = ()) -> Result:
    """Decide whether the planner or the model is at fault.

    Args:
        losses: Losses of one task, or their means over several of the same kind.
        absolute: Actions are positions, so that zero actions do not mean standing still.
        causes: Names of problems that already explain a bad model.

    Returns:
        ``plan``: the plan's loss over that of standing still; if the recorded actions end too far
        from the goal, their last frame's loss over the start's.
    """
    still = losses.mean if absolute else losses.zero
    score = losses.plan / max(still, 1e-30)
    evidence = f"the plan has {score:.2f} of the loss of {'mean' if absolute else 'zero'} actions"
    if (ends := _recorded_end(losses)) >= STILL:
        score = ends
    verdict, sentence = _fault(losses, still, causes)
    return Result("plan", score, STILL, verdict, sentence, evidence)


def _recorded_end(losses: Losses) -> float:
    """Return the loss at the end of the recorded actions over that of the start, 0 without any."""
    return (losses.recorded_end or 0.0) / losses.start if losses.start > 0 else 0.0


def _fault(losses: Losses, still: float, causes: Sequence[str]) -> tuple[str, str]:
    recorded = losses.recorded
    if losses.start <= 0 and not losses.flat:
        return WARN, "Start and goal are the same to the model: give a goal that differs."
    if losses.itself > ITSELF * losses.start:
        return STOP, (
            f"THE MODEL is at fault: the goal has a loss of {losses.itself:.3g} against itself, "
            "which must be 0. Its encoder is random or its distance is broken: see 'repeatable'."
        )
    if losses.flat == losses.tasks:
        return STOP, _flat(losses, causes)
    if _recorded_end(losses) >= STILL:
        first = quoted(causes) if causes else "the problems above"
        return STOP, (
            "THE MODEL, or its input, is at fault, not the planner: it predicts that the recorded "
            f"actions, which did reach the goal, end at a loss of {losses.recorded_end:.3g}; the "
            f"start has {losses.start:.3g}. No planner can help: fix {first}, or train longer."
        )
    if recorded is not None and losses.plan > WORSE * recorded + 0.02 * still:
        return STOP if losses.plan >= STILL * still else WARN, (
            f"THE PLANNER is at fault: its plan has a loss of {losses.plan:.3g}, the recorded "
            f"actions have {recorded:.3g}. Give it more candidates and iterations "
            "(planning.preset=full, planning.num_samples, planning.iterations), and make sure that "
            f"action.lower, action.upper and the horizon allow those actions.{_cut(losses)}"
            f"{f' {fix_first(causes)}' if causes else ''}"
        )
    if losses.flat:
        return WARN, _flat(losses, causes)
    if losses.flat_visual:
        return WARN, _flat_visual(losses)
    if losses.plan_end >= losses.start:
        return WARN, (
            "Even the plan is predicted to end farther from the goal (loss "
            f"{losses.plan_end:.3g}) than the start is ({losses.start:.3g}): start and goal are "
            f"too similar for this model, or it predicts badly. {_ASK}{_cut(losses)}"
        )
    if losses.plan >= STILL * still:
        return WARN, _hardly_better(losses, still)
    return OK, ""


def _flat(losses: Losses, causes: Sequence[str]) -> str:
    first = f" Fix {quoted(causes)} first." if causes else ""
    same = " Start and goal are the same to it, too." if losses.start <= 0 else ""
    return (
        "THE MODEL, or its input, is at fault, not the planner: nothing distinguishes the "
        f"candidates{_tasks(losses.flat, losses.tasks)}. To the model, actions do not change the "
        f"distance to the goal, and the node follows no such plan.{same} Make sure that the images "
        "show what the arm shall move, and the arm; otherwise raise planning.horizon or the "
        f"planner's sigma, or train on images in which the effect of actions shows.{first}"
    )


def _flat_visual(losses: Losses) -> str:
    return (
        "Nothing distinguishes the candidates by their images"
        f"{_tasks(losses.flat_visual, losses.tasks)}: the plan lowers the state's part of the loss "
        "alone. Make sure that the images show what the arm shall move, and the arm, or train on "
        "images in which the effect of actions shows."
    )


def _tasks(some: int, all_: int) -> str:
    return "" if all_ == 1 else f" in {some} of {all_} plans"


def _hardly_better(losses: Losses, still: float) -> str:
    share = 1.0 - losses.plan_visual / max(losses.plan, 1e-30)
    why = (
        f"{share:.0%} of its loss comes from the state, not from the image: see 'goal_proprio', "
        "and try a smaller objective.alpha. "
        if share > PROPRIO
        else ""
    )
    cause = (
        "The recorded actions hardly lower it either: the horizon is too short for the goal. "
        "Raise planning.horizon, or give a nearer goal."
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
        f" The search ran out of time after {losses.iterations} iterations: give it more with "
        "planning.budget=SECONDS."
    )


def run(given: PlanningTasks) -> Iterator[Result | Fact]:
    """Plan, and compare the plan's loss with that of other actions."""
    loaded = given.loaded
    seconds = loaded.config.planning.budget or SEARCH_TIME
    planner, objective = loaded.planner(given.horizon), loaded.objective()
    found = measure(loaded.model, given.tasks, planner, objective, seconds, loaded.progress)
    yield Fact("loss of", _rows(found))
    command = given.spec.action.command
    absolute = command is not None and command.mode == "absolute"
    yield interpret(found, absolute, given.causes)


def _rows(found: Losses) -> dict[str, float]:
    rows = {
        "the goal itself": found.itself,
        "the start": found.start,
        "recorded actions": found.recorded,
        "their last frame": found.recorded_end,
        "zero actions": found.zero,
        "mean actions": found.mean,
        "the plan": found.plan,
        "the plan, images alone": found.plan_visual,
    }
    return {what: value for what, value in rows.items() if value is not None}


CHECK = Check(("plan",), PlanningTasks, run)
