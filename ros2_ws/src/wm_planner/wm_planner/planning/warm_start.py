"""From the previous plan to the first guess of the next one."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.planning.errors import SettingsError, WarmStartError


def shift(actions: Tensor, steps: int = 1, *, pad: str = "repeat") -> Tensor:
    """Drop the steps that were executed and fill up the end.

    DINO-WM (``planning/mpc.py``), TD-MPC2 and stable-worldmodel fill up with zeros, which asks a
    moving robot to stop at the horizon; repeating the last action keeps it moving as it did.

    Args:
        actions: (..., H, A) the previous plan.
        steps: Steps executed since, 0 or more; at H or more only the padding is left.
        pad: ``"repeat"`` the last action, or ``"zero"``.

    Returns:
        (..., H, A), new memory.

    Raises:
        SettingsError: Negative steps or an unknown padding.
    """
    if steps < 0:
        raise SettingsError("steps", f"{steps} is negative", "give the steps executed, 0 or more")
    horizon = actions.shape[-2]
    if steps >= horizon and pad == "zero":
        return torch.zeros_like(actions)
    return complete(actions[..., min(steps, horizon - 1) :, :], horizon, pad)


def complete(actions: Tensor, horizon: int, pad: str = "repeat") -> Tensor:
    """Fill (..., h, A) up to (..., horizon, A), h at least 1; new memory.

    Raises:
        SettingsError: An unknown padding.
    """
    if pad not in ("repeat", "zero"):
        raise SettingsError("pad", f"there is no {pad!r}", "choose repeat or zero")
    missing = horizon - actions.shape[-2]
    tail = actions[..., -1:, :].expand(*actions.shape[:-2], missing, -1)
    return torch.cat([actions, tail if pad == "repeat" else torch.zeros_like(tail)], dim=-2)


def check(warm_start: Tensor, batch: int, horizon: int, action_dim: int) -> None:
    """See that a warm start is (batch, 0..horizon, action_dim) and finite.

    Raises:
        WarmStartError: It is not.
    """
    shape = tuple(warm_start.shape)
    if len(shape) != 3 or shape[0] != batch or shape[2] != action_dim:
        raise WarmStartError(f"has shape {shape} where ({batch}, <= {horizon}, {action_dim}) fits")
    if shape[1] > horizon:
        raise WarmStartError(f"has {shape[1]} steps, more than the horizon of {horizon}")
    if not bool(torch.isfinite(warm_start).all()):
        raise WarmStartError("holds NaN or infinity")
