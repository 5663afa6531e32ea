"""The box of allowed actions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from wm_planner.planning.errors import BoundsError

Side: TypeAlias = "float | Sequence[float] | Tensor"
"""One side of the box: a number for all action dimensions, or one for each."""


class Bounds:
    """A box in the space of (normalized) actions; a side may be infinite.

    Attributes:
        lower: (H * A,) lower side of a flattened plan.
        upper: (H * A,) upper side; where it equals the lower one, the number is not searched.
        deviation: (H * A,) first deviations for a planner's ``sigma`` of 1; None: 1 everywhere.
    """

    def __init__(
        self,
        bounds: tuple[Side, Side] | None,
        *,
        action_dim: int,
        horizon: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        deviation: Side | None = None,
    ) -> None:
        """Spread the sides over the plan.

        Raises:
            BoundsError: No pair, NaN, a wrong length, lower above upper, or a deviation that is
                not above 0.
        """
        if bounds is None:
            bounds = (-math.inf, math.inf)
        if len(bounds) != 2:
            raise BoundsError(f"expected a pair, got {len(bounds)} values")

        def spread(name: str, side: Side) -> Tensor:
            value = torch.as_tensor(side, dtype=dtype, device=device)
            if value.ndim > 1 or (value.ndim == 1 and len(value) != action_dim):
                raise BoundsError(f"{name} has shape {tuple(value.shape)} for {action_dim} actions")
            if torch.isnan(value).any():
                raise BoundsError(f"{name} is NaN")
            return value.expand(action_dim).repeat(horizon)

        sides = [spread(*named) for named in zip(("lower", "upper"), bounds, strict=True)]
        self.lower, self.upper = sides
        self.deviation = None if deviation is None else spread("the deviation", deviation)
        if self.deviation is not None and not bool((self.deviation > 0).all()):
            raise BoundsError("a first deviation is not above 0")
        if bool((self.lower > self.upper).any()):
            worst = int((self.lower > self.upper).nonzero()[0, 0]) % action_dim
            raise BoundsError(
                f"lower {self.lower[worst]:g} is above upper {self.upper[worst]:g} "
                f"in action dimension {worst}"
            )
        if bool((self.lower == math.inf).any()) or bool((self.upper == -math.inf).any()):
            raise BoundsError("lower is +inf or upper is -inf, so no action fits")
        self._sides: tuple[float, float] | tuple[Tensor, Tensor] = (self.lower, self.upper)
        if all(bool((side == side[0]).all()) for side in sides):  # numbers are faster than tensors
            self._sides = float(self.lower[0]), float(self.upper[0])
        self.finite = bool((self.lower.isfinite() | self.upper.isfinite()).any())

    def clamp_(self, actions: Tensor) -> Tensor:
        """Clamp (..., H * A) in place; without bounds, do nothing."""
        return actions.clamp_(*self._sides) if self.finite else actions

    def widths(self, sigma: float) -> Tensor:
        """Return the (H * A,) first deviations: ``sigma`` times ``deviation``."""
        widths = torch.full_like(self.lower, sigma)
        return widths if self.deviation is None else widths.mul_(self.deviation)

    def widths_inside(self, sigma: float, fraction: float) -> Tensor:
        """Return (H * A,) first deviations of at most ``fraction`` of half the box."""
        return ((self.upper - self.lower) * (0.5 * fraction)).minimum(self.widths(sigma))
