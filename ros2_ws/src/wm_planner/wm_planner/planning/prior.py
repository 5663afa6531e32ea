"""A prior from outside: a Gaussian for every number of the first candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from wm_planner.planning.errors import PriorError
from wm_planner.planning.reading import sent

Side: TypeAlias = "float | Sequence[Any] | Tensor"
"""Means or deviations: a number, or numbers of a shape that broadcasts to (B, H, A)."""
Prior: TypeAlias = "tuple[Side, Side]"
"""Mean and standard deviation of the actions, as the caller expects them."""


def read(prior: Prior, shape: tuple[int, int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and deviation, both (B, 1, H * A) float32 on a device.

    Args:
        prior: As ``Planner.plan`` takes it; it is not changed.
        shape: B, H, A.
        device: Where plans are made.

    Raises:
        PriorError: No pair, a shape that does not broadcast, a mean that is not finite, or a
            deviation that is NaN or not above 0 (infinity is allowed).
    """
    if not isinstance(prior, tuple | list) or len(prior) != 2:
        raise PriorError(f"is a {type(prior).__name__}, not a pair")
    mean, deviation = (
        _spread(name, side, shape)
        for name, side in zip(("mean", "standard deviation"), prior, strict=True)
    )
    if not bool(mean.isfinite().all()):
        raise PriorError("has a mean with NaN or infinity")
    if not bool((deviation > 0).all()):  # False for NaN, too
        raise PriorError("has a standard deviation that is NaN or not above 0")
    return sent(mean, device), sent(deviation, device)


def _spread(name: str, side: Side, shape: tuple[int, int, int]) -> Tensor:
    try:
        value = torch.as_tensor(side).detach().to(torch.float32)
        full = value.expand(shape)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PriorError(f"has a {name} that does not fit {shape}: {error}") from error
    return full.reshape(shape[0], 1, -1)


def fuse(mean: Tensor, widths: Tensor, prior: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Multiply the planner's own first distribution by a prior.

    The product of two Gaussians is a Gaussian, whose precision (1 / variance) is the sum of theirs
    and whose mean is theirs weighted by the precisions, number by number; PRISM (arXiv 2606.07974)
    does so with a learned prior.

    Args:
        mean: (B, 1, D) mean of the planner's own distribution.
        widths: (D,) or (B, 1, D) its deviations, 0 or more.
        prior: Mean and deviation from ``read``.

    Returns:
        Mean and deviations of the product, both (B, 1, D). Where the prior's deviation is infinite,
        they are exactly the planner's own, and where the planner's own is 0, too.
    """
    own = 1.0 / (1.0 + (widths / prior[1]).square())  # share of the planner's own precision
    return own * mean + (1.0 - own) * prior[0], own.sqrt() * widths
