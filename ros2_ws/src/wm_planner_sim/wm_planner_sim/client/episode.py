"""The record of one goal that a client sent."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Episode:
    """A goal, from its image to its end.

    Attributes:
        seed: Seed of the scene and of the goal.
        initial_distance: True distance to the goal at the start [m]; see ``Client.distance``.
        final_distance: True distance after the end [m].
        error_code: Error code of the action's result.
        message: Its sentence.
        steps: Number of plans that were used.
        elapsed: Simulated time [s].
        latent_distances: Distance of each step by the model, in its typical distances.
        distances: True distance to the goal at each step [m].
        costs: Cost of each plan, in the objective's unit.
        plan_times: Wall time of each plan [s].
        heights: Height of what is scored at the start, at each step and after the end [m].
        goal_index: Which goal was pursued last, from 0; the sub-goals come first.
        goals_reached: Goals reached, sub-goals included.
        success: Whether the task counts the goal as reached, by the true state.
    """

    seed: int
    initial_distance: float
    final_distance: float = math.nan
    error_code: int = -1
    message: str = ""
    steps: int = 0
    elapsed: float = math.nan
    latent_distances: list[float] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    plan_times: list[float] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    goal_index: int = 0
    goals_reached: int = 0
    success: bool = False
