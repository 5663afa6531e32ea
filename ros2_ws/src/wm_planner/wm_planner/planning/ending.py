"""The last check of a plan, before it is returned."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wm_planner.planning.errors import NoFiniteCostError, NonFinitePlanError


def check_end(actions: Tensor, mean: Tensor, value: Tensor, evaluations: int) -> None:
    """Read the costs (B,) of a plan, which waits for the device; check what is returned.

    Args:
        actions: (B, H, A), the plan.
        mean: (B, H, A), the last mean.
        value: (B,) the cost of the plan.
        evaluations: Candidates evaluated per problem.

    Raises:
        NoFiniteCostError: No candidate had a finite cost.
        NonFinitePlanError: The plan or the mean contains NaN or infinity.
    """
    both = torch.cat([actions, mean], dim=1)
    numbers = (value + (both - both).sum(dim=(1, 2))).tolist()  # 0 if finite, otherwise NaN
    if bad := [b for b, number in enumerate(numbers) if number == math.inf]:
        raise NoFiniteCostError(bad, evaluations)
    if bad := [b for b, number in enumerate(numbers) if math.isnan(number)]:
        raise NonFinitePlanError(bad)
