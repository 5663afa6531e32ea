"""The doctor's look at a task: from one image and state to another, and what a plan costs."""

from __future__ import annotations

import argparse

import numpy as np

from wm_planner.camera_contract import STOP
from wm_planner.cli.errors_as_findings import Told
from wm_planner.cli.images import read_image
from wm_planner.cli.report import Result, Section
from wm_planner.cli.subject import Subject
from wm_planner.diagnosis import distribution, losses
from wm_planner.diagnosis.frames import encode

GOAL_CURE = (
    "No plan lowers the state's part of its loss: take a goal whose state was seen in training, or "
    "lower objective.alpha so that the image decides."
)
NOW_CURE = (
    "The model predicts from where it was never trained: move the arm to where the data begins, or "
    "check the state's order, unit and frame."
)

SEARCH_TIME = 20.0
"""For all plans of a section [s], where no planning.budget is set."""


def examine_task(subject: Subject, arguments: argparse.Namespace) -> Section:
    """What one image, one goal image and their states tell."""
    start, goal = arguments.image[0], arguments.goal_image
    section = Section(f"task {start} to {goal}")
    examine_states(subject, arguments, section)
    names = subject.spec.proprio.names
    if names and not (arguments.proprio and arguments.goal_proprio):
        given = ", ".join(names)
        sentence = f"This model plans with a state: give --proprio and --goal-proprio ({given})."
        section.results.append(Result("proprio", 1.0, 0.0, STOP, sentence))
        return section
    with Told(section, "task"):
        ends = []
        for path, state in ((start, arguments.proprio), (goal, arguments.goal_proprio)):
            image = read_image(path, subject.contract.policy)
            proprio = np.array([state]) if names else None
            ends.append(encode(subject.model, image[None], proprio))
        horizon = subject.contract.config.planning.horizon
        add_losses(subject, section, [losses.Task(ends[0], ends[1])], horizon)
    return section


def examine_states(subject: Subject, arguments: argparse.Namespace, section: Section) -> None:
    """Deviations of the states given, in sigma."""
    for name, values, what, cure in (
        ("proprio", arguments.proprio, "current state", NOW_CURE),
        ("goal_proprio", arguments.goal_proprio, "goal", GOAL_CURE),
    ):
        if not values:
            continue
        with Told(section, name):
            results, sigma = distribution.state(name, values, subject.spec, what, cure)
            section.results += results
            section.facts[what] = "  ".join(
                f"{number} {value:+.2f} sigma"
                for number, value in zip(subject.spec.proprio.names, sigma, strict=True)
            )


def add_losses(subject: Subject, section: Section, tasks: list[losses.Task], horizon: int) -> None:
    """Plan, measure the losses that say who is at fault, and say it."""
    with Told(section, "plan"):
        planner = subject.planner(horizon)
        seconds = subject.contract.config.planning.budget or SEARCH_TIME
        found = losses.measure(subject.model, tasks, planner, subject.objective(), seconds)
        command = subject.spec.action.command
        absolute = command is not None and command.mode == "absolute"
        section.facts["loss of"] = _means(found, len(tasks))
        section.results.append(losses.interpret(found, absolute, subject.causes(section)))


def _means(found: losses.Losses, count: int) -> dict[str, float]:
    rows = {
        "the goal itself": found.itself,
        "the start": found.start,
        "recorded actions": found.recorded,
        "zero actions": found.zero,
        "mean actions": found.mean,
        "the plan": found.plan,
        "the plan, images alone": found.plan_visual,
    }
    return {what: value / count for what, value in rows.items() if value is not None}
