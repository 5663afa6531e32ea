"""The first guess of a plan, made from the previous plan."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.planning.errors import SettingsError, WarmStartError


def shift(actions: Tensor, steps: int = 1, *, pad: str = "repeat") -> Tensor:
    """Drop the steps that were executed and fill up the end.

    DINO-WM (``planning/mpc.py``), TD-MPC2 and stable-worldmodel fill up with zeros, which stops a
    moving robot at the horizon; repeating the last action keeps it moving.

    Args:
        actions: (..., H, A) the previous plan.
        steps: Steps executed since, 0 or more; from H on only the padding is left.
        pad: ``"repeat"`` the last action, or ``"zero"``.

    Returns:
        (..., H, A), new memory.

    Raises:
        SettingsError: Steps are negative, or the padding is unknown.
    """
    if steps < 0:
        raise SettingsError(f"steps is {steps}; give the steps executed, 0 or more")
    horizon = actions.shape[-2]
    if steps >= horizon and pad == "zero":
        return torch.zeros_like(actions)
    return complete(actions[..., min(steps, horizon - 1) :, :], horizon, pad)


def complete(actions: Tensor, horizon: int, pad: str = "repeat") -> Tensor:
    """Fill (..., h, A) up to (..., horizon, A), h at least 1; new memory.

    Raises:
        SettingsError: The padding is unknown.
    """
    if pad not in ("repeat", "zero"):
        raise SettingsError(f"there is no pad {pad!r}; choose repeat or zero")
    missing = horizon - actions.shape[-2]
    tail = actions[..., -1:, :].expand(*actions.shape[:-2], missing, -1)
    return torch.cat([actions, tail if pad == "repeat" else torch.zeros_like(tail)], dim=-2)


def with_zero_end(actions: Tensor) -> Tensor:
    """Return a plan (..., H, A) with zeros for the steps at its end that repeat the one before.

    A plan that is filled up by its last action overshoots where the robot should rest.
    """
    again = (actions[..., 1:, :] == actions[..., :-1, :]).all(dim=-1)
    first = torch.zeros_like(actions[..., :1, 0], dtype=torch.bool)
    end = torch.cat([first, again], dim=-1).flip(-1).cumprod(dim=-1).flip(-1)
    return actions * (1 - end).unsqueeze(-1)


def check(warm_start: Tensor, batch: int, horizon: int, action_dim: int) -> None:
    """Check that a warm start is (batch, 0..horizon, action_dim) and finite.

    Raises:
        WarmStartError: It is not.
    """
    shape = tuple(warm_start.shape)
    if len(shape) != 3 or shape[0] != batch or shape[2] != action_dim:
        raise WarmStartError(f"has shape {shape}, not ({batch}, <= {horizon}, {action_dim})")
    if shape[1] > horizon:
        raise WarmStartError(f"has {shape[1]} steps, more than the horizon of {horizon}")
    if not bool(torch.isfinite(warm_start).all()):
        raise WarmStartError("contains NaN or infinity")
