"""``cost_spread``, ``recorded_rank``: whether the cost tells good candidates from bad ones.

Both are those that the model pages of PRISM's LeWM models print (YuhaiW/lewm-pusht-fr3-v2, 2026):
"CV @ H", below 0.30 not worth planning with, and "GT_rank", 50 % by chance.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, WARN, Result, fix_first, judge
from wm_planner.diagnosis.examined import PlanningTasks
from wm_planner.diagnosis.model_calls import rollout_cost
from wm_planner.models.spec import ModelSpec
from wm_planner.planning import Objective

SPREAD = 0.30
"""Standard deviation over mean of the costs below which planning is hardly worth while."""
CHANCE = 0.5
"""Share of random candidates that are better than the recorded actions if costs are chance."""
MOST, AT_ONCE = 256, 32
"""Random candidates of each task, and those computed at once."""
SECONDS = 10.0
"""Time for all tasks [s]; at least ``AT_ONCE`` candidates of each are computed."""


def run(given: PlanningTasks) -> Iterator[Result]:
    """Compare the costs of random candidates with each other and with the recorded actions."""
    model, share = given.loaded.model, SECONDS / len(given.tasks)
    objective = Objective(alpha=given.loaded.objective().alpha)
    draws = random_actions(given.spec, given.horizon)
    spreads, ranks = [], []
    for task in given.tasks:
        costs: list[NDArray[np.float64]] = []
        end = time.monotonic() + share
        for some in draws.to(model.device).split(AT_ONCE):
            if costs and time.monotonic() > end:
                break
            costs.append(rollout_cost(model, task.start, task.goal, some, objective))
        found = np.concatenate(costs)
        spreads.append(float(found.std() / max(found.mean(), 1e-30)))
        if task.recorded is not None:
            own = rollout_cost(model, task.start, task.goal, task.recorded, objective)[0]
            ranks.append(float(np.mean(found < own)))
    yield judge_spread(float(np.mean(spreads)), given.horizon, given.causes)
    if ranks:
        yield judge_rank(float(np.mean(ranks)), given.causes)


def random_actions(spec: ModelSpec, horizon: int) -> Tensor:
    """Draw z-normalized candidates (``MOST``, horizon, A) as in training, within the bounds."""
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((MOST, horizon, spec.model_action_dim))
    return torch.from_numpy(np.clip(draws, *spec.action_bounds())).float()


def judge_spread(spread: float, horizon: int, causes: Sequence[str]) -> Result:
    """Judge the standard deviation of the costs over their mean."""
    cure = "Choose nearer goals or a longer planning.horizon, or train on more varied actions."
    return judge(
        "cost_spread",
        spread,
        SPREAD,
        WARN if spread < SPREAD else OK,
        f"The costs of random candidates within the bounds differ by only {spread:.2f} of their "
        f"mean after {horizon} model steps: either such actions hardly change what the camera "
        "sees, or the model does not see it. Plans will be little better than chance. "
        f"{fix_first(causes) if causes else cure}",
        f"costs of random candidates differ by {spread:.2f} of their mean",
    )


def judge_rank(better: float, causes: Sequence[str]) -> Result:
    """Judge the share of random candidates whose cost is below that of the recorded actions."""
    cure = "Train longer, or on data like this recording."
    return judge(
        "recorded_rank",
        better,
        CHANCE,
        WARN if better >= CHANCE else OK,
        f"{better:.0%} of random candidates cost less than the recorded actions, which did reach "
        f"the goal; {CHANCE:.0%} would be chance. The cost leads plans elsewhere. "
        f"{fix_first(causes) if causes else cure}",
        f"{better:.0%} of random candidates cost less than the recorded actions",
    )


CHECK = Check(
    ("cost_spread", "recorded_rank"),
    PlanningTasks,
    run,
    effects=("cost_spread", "recorded_rank"),
)
