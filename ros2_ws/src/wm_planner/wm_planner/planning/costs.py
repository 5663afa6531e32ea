"""What a cost function may return, and the memory that keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from wm_planner.planning.errors import CostShapeError

CostFn: TypeAlias = Callable[[Tensor], Tensor]
"""Function from actions (B, N, H, A) to costs (B, N)."""
Place: TypeAlias = Callable[[torch.dtype], Tensor]
"""Function from the dtype of costs to the memory (B, N) that keeps them."""

_EXACT = (torch.bool, torch.uint8, torch.int8, torch.int16)
"""Integers that float32 holds exactly."""


def checked(costs: Tensor, actions: Tensor) -> Tensor:
    """Return what a cost function returned for actions (B, N, H, A).

    Raises:
        CostShapeError: It is no tensor of one real number per candidate.
    """
    expected = actions.shape[:2]
    if not isinstance(costs, Tensor) or costs.shape != expected:
        got = getattr(costs, "shape", type(costs).__name__)
        raise CostShapeError(tuple(expected), got)
    if costs.is_complex():
        raise CostShapeError(tuple(expected), costs.dtype)
    return costs


def kept_as(costs: torch.dtype, memory: Tensor) -> torch.dtype:
    """Return the dtype in which memory keeps costs: float32 unless that would change some.

    Costs of one plan may be of several dtypes; the memory only becomes wider. MPS has no float64.
    """
    narrow = costs in _EXACT or (costs.is_floating_point and costs != torch.float64)
    return memory.dtype if narrow or memory.device.type == "mps" else torch.float64


def store(costs: Tensor, memory: Tensor) -> None:
    """Copy costs to the memory of a device, with inf for everything that is not finite."""
    if costs.dtype != memory.dtype or costs.device != memory.device:
        costs = costs.to(memory)
    inf = torch.inf
    torch.nan_to_num(costs, nan=inf, posinf=inf, neginf=inf, out=memory)


class NewMemory:
    """Memory for the costs (B, N) of one call.

    Attributes:
        costs: The memory.
    """

    def __init__(self, actions: Tensor) -> None:
        """Reserve the memory for actions (B, N, H, A)."""
        self.costs = torch.empty(actions.shape[:2], device=actions.device)

    def __call__(self, dtype: torch.dtype) -> Tensor:
        """Return the memory (B, N), wide enough for a dtype; what it held is kept."""
        self.costs = self.costs.to(kept_as(dtype, self.costs))
        return self.costs
