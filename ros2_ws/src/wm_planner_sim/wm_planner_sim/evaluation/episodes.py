"""The closed-loop protocol: goal images, model steps of 0.2 s, true distances to the goals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import RgbImage, Vector
from wm_planner_sim.evaluation.policies import Policy
from wm_planner_sim.simulator.goals import Goal
from wm_planner_sim.simulator.motion import move
from wm_planner_sim.simulator.simulation import Simulation

CLIP_HEIGHT = 180
"""Height of the recorded images [pixels]."""
CUT = 1e-3
"""Shortening of an action on an axis that counts [m]."""


@dataclass
class Episode:
    """One run toward one goal.

    Attributes:
        success_radius: The task's largest final distance that is a success [m].
        distances: True distance of the task's ``scored_site`` to the goal before each step and
            after the last (steps + 1,) [m].
        places: Its position (3,) at the same moments [m].
        model_distances: Root of the model's distance at the same moments, to the goal or the
            present sub-goal, in the latent's unit; empty if the policy has no model.
        promised: That of each plan's last predicted frame (steps,).
        plan_times: Wall time of each plan [s]: that of the batch, divided by its pairs.
        actions: What the policy asked for (steps, A) [m].
        cut: Whether that was more than the task allows by more than ``CUT`` on an axis (steps,).
        ended: Whether the model took the goal for reached, which ended the episode.
        frames: What the camera saw (steps + 1,), small, uint8 (H, W, 3), if it was recorded.
        goal_image: The goal image, uint8 (H, W, 3), if what the camera saw was kept.
        placed: Whether what the task lifts was lifted and put down.
        passed: Sub-goals that were passed at the same moments (steps + 1,); empty without a model.
    """

    success_radius: float
    distances: list[float] = field(default_factory=list)
    places: list[list[float]] = field(default_factory=list)
    model_distances: list[float] = field(default_factory=list)
    promised: list[float] = field(default_factory=list)
    plan_times: list[float] = field(default_factory=list)
    actions: list[list[float]] = field(default_factory=list)
    cut: list[bool] = field(default_factory=list)
    ended: bool = False
    frames: list[RgbImage] = field(default_factory=list)
    goal_image: RgbImage | None = None
    placed: bool = True
    passed: list[int] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Whether the goal was reached, by the true state."""
        return self.placed and self.distances[-1] < self.success_radius

    @property
    def steps(self) -> int:
        """Model steps that were made."""
        return len(self.actions)


def run_episodes(
    simulations: Sequence[Simulation],
    policy: Policy,
    goals: Sequence[ArrayLike],
    steps: int | None = None,
    *,
    record: bool = False,
) -> list[Episode]:
    """Let ``policy`` act for some model steps; the arms stand still while the policy computes.

    Args:
        simulations: B of them, of one task, already in their start states.
        policy: Sees the images and nothing else.
        goals: True positions of the goals (3,) [m], for scoring only.
        steps: Model steps of 0.2 s; by default the task's ``max_steps``.
        record: Keep what the cameras saw.

    Returns:
        One episode for each simulation.
    """
    task = simulations[0].task
    steps = task.max_steps if steps is None else steps
    episodes = [Episode(task.success_radius) for _ in simulations]
    for step in range(steps + 1):
        images = [simulation.render() for simulation in simulations]
        seen = policy.look(images)
        going = []
        for b, (episode, simulation) in enumerate(zip(episodes, simulations, strict=True)):
            if episode.ended:
                continue
            place = simulation.scored_position
            episode.places.append(place.tolist())
            episode.distances.append(float(np.linalg.norm(place - np.asarray(goals[b]))))
            if record:
                episode.frames.append(small(images[b]))
            if seen is not None:
                episode.model_distances.append(seen[b].distance)
                episode.passed.append(seen[b].passed)
                episode.ended = seen[b].reached
            if not episode.ended:
                going.append(b)
        if not going or step == steps:
            break
        begin = time.monotonic()
        actions = policy.act(images)
        seconds, promised = time.monotonic() - begin, policy.promised()
        for b in going:
            _carry_out(simulations[b], actions[b], episodes[b])
            if promised is not None:
                episodes[b].plan_times.append(seconds / len(images))
                episodes[b].promised.append(promised[b])
    for episode, goal in zip(episodes, np.asarray(goals), strict=True):
        episode.placed = task.placed([place[2] for place in episode.places], float(goal[2]))
    return episodes


def _carry_out(simulation: Simulation, action: Vector, episode: Episode) -> None:
    done = simulation.task.allowed(action, simulation.target)
    episode.actions.append(action.tolist())
    episode.cut.append(bool(np.abs(done - action).max() > CUT))
    move(simulation, action)


def small(image: RgbImage) -> RgbImage:
    """Return an image of ``CLIP_HEIGHT``."""
    width = round(image.shape[1] * CLIP_HEIGHT / image.shape[0])
    resized = cv2.resize(image, (width, CLIP_HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def start_episode(simulation: Simulation, seed: int) -> Goal:
    """Put the scene into the start state of ``seed`` and return the goal of that seed."""
    simulation.reset(seed)
    return simulation.sample_goal(seed)
