"""Figures of episodes: success with its confidence interval, distances, steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from wm_planner_sim.evaluation.episodes import Episode


@dataclass(frozen=True)
class Share:
    """How many of some goals were reached.

    Attributes:
        successes: Goals reached.
        goals: Goals tried.
    """

    successes: int
    goals: int

    @property
    def rate(self) -> float:
        """The share that was reached."""
        return self.successes / self.goals

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of the rate, at a confidence of 95 %."""
        found = binomtest(self.successes, self.goals).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    def agrees(self, other: Share) -> bool:
        """Return whether each rate lies in the other's interval."""
        pairs = ((self, other), (other, self))
        return all(a.interval[0] <= b.rate <= a.interval[1] for a, b in pairs)

    def __str__(self) -> str:
        """Return both as text, e.g. ``97 of 100 (91.5 to 99.0 %)``."""
        low, high = self.interval
        return f"{self.successes} of {self.goals} ({100 * low:.1f} to {100 * high:.1f} %)"


def share(episodes: Sequence[Episode]) -> Share:
    """Return how many goals were reached."""
    return Share(sum(episode.success for episode in episodes), len(episodes))


def summary(episodes: Sequence[Episode]) -> dict[str, Any]:
    """Return success, final distances [m], steps and plan times [s] of some episodes.

    The plan times are of batches, divided by their pairs.
    """
    final = np.array([episode.distances[-1] for episode in episodes])
    reached = share(episodes)
    times = [seconds for episode in episodes for seconds in episode.plan_times]
    return {
        "goals": reached.goals,
        "successes": reached.successes,
        "success_rate": reached.rate,
        "wilson_95": [round(bound, 4) for bound in reached.interval],
        "final_distance_mean": round(float(final.mean()), 5),
        "final_distance_max": round(float(final.max()), 5),
        "steps_mean": round(float(np.mean([episode.steps for episode in episodes])), 2),
        "ended": sum(episode.ended for episode in episodes),
        "batched_plan_time_median": round(float(np.median(times)), 4) if times else None,
    }
