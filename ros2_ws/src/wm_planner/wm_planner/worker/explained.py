"""What a search thought in the end: candidates of its last iteration, in physical units."""

from __future__ import annotations

import numpy as np

from wm_planner.models import ModelSpec
from wm_planner.planning import PlanResult
from wm_planner.worker.messages import Candidates

MOST = 30
"""Candidates that are shown."""
ELITE_SHARE = 0.1
"""Of the possible candidates; at least two are elites."""


def explained(result: PlanResult, spec: ModelSpec) -> Candidates:
    """Return candidates of the search for the first problem of a result; waits for the device.

    They are chosen evenly by rank, from the cheapest to the dearest that is possible.

    Args:
        result: Of a search for z-normalized actions.
        spec: The model's spec.
    """
    costs = result.candidate_costs[0].cpu().numpy().astype(np.float64)
    actions = result.candidates[0].cpu().numpy().astype(np.float64)
    possible = np.isfinite(costs) & np.isfinite(actions).all(axis=(1, 2))
    order = np.argsort(costs, kind="stable")
    order = order[possible[order]]
    ranked = spec.denormalize_actions(actions[order])
    count = len(ranked)
    elites = ranked[: max(2, round(ELITE_SHARE * count))]
    deviations = elites.std(axis=0, ddof=1) if count > 1 else ranked[:0, 0]
    shown = np.linspace(0, count - 1, min(count, MOST)).round().astype(int)
    return Candidates(costs[order[shown]], ranked[shown], deviations)
