"""Distances of frames to a goal in the latent space: the ``objective`` of a spec."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from wm_planner.models.protocol import Latent
from wm_planner.models.spec import ObjectiveSpec


def squared_distance(
    frames: Tensor, goal: Tensor, objective: ObjectiveSpec, weights: Tensor | None = None
) -> Tensor:
    """Return the squared distance of each frame to the goal.

    Args:
        frames: (..., tokens, features).
        goal: The same shape, or one that expands to it.
        objective: Its ``metric`` and ``reduction``.
        weights: How much each token counts, (..., tokens), see ``Latent.weights``; None: all count.
            They are divided by their mean, so that distances of the tokens that count are as large
            as those of a whole image of such tokens, however few they are.

    Returns:
        (...): for ``l2`` the mean or sum of squares, for ``l1`` the square of the mean or sum of
        magnitudes, for ``cos`` one minus the cosine of the angle between the flattened latents.
    """
    share = None if weights is None else weights / weights.mean(dim=-1, keepdim=True)
    if objective.metric == "cos":
        if share is not None:
            frames, goal = (part * share.sqrt()[..., None] for part in (frames, goal))
        cosine = functional.cosine_similarity(frames.flatten(-2), goal.flatten(-2), dim=-1)
        return (1 - cosine).clamp(min=0)
    difference = frames - goal
    each = difference.abs() if objective.metric == "l1" else difference.square()
    summed = objective.reduction == "sum"
    by_token = each.sum(dim=-1) if summed else each.mean(dim=-1)
    if share is not None:
        by_token = by_token * share
    whole = by_token.sum(dim=-1) if summed else by_token.mean(dim=-1)
    return whole.square() if objective.metric == "l1" else whole


def distance_to_goal(latent: Latent, goal: Latent, objective: ObjectiveSpec, mode: str) -> Tensor:
    """Return the squared distances (B, N, frames) of visual latents to the goal's.

    Args:
        latent: A rollout (B, N, frames, tokens, features), or encoded images, which count as N = 1.
        goal: The goal's latent (B, 1, tokens, features); its ``weights`` count.
        objective: The metric.
        mode: That of the planning objective; in ``last`` only the last frame is computed.

    Raises:
        ValueError: The shapes do not fit each other.
    """
    visual = latent.visual if latent.visual.ndim == 5 else latent.visual[:, None]
    if goal.visual.ndim != 4 or goal.visual.shape[0] != visual.shape[0]:
        raise ValueError(
            f"a goal latent is ({visual.shape[0]}, 1, tokens, features), "
            f"not {tuple(goal.visual.shape)}"
        )
    read = slice(-1, None) if mode == "last" else slice(None)
    weights = None if goal.weights is None else goal.weights[:, None, -1:]
    return squared_distance(visual[:, :, read], goal.visual[:, None, -1:], objective, weights)


def proprio_distance(latent: Latent, goal: Latent, frames: int) -> Tensor:
    """Return the mean squared distances (B, N, frames) of embedded proprio to the goal's.

    They are zero for goals with masks.

    Args:
        latent: See ``distance_to_goal``; its ``proprio`` is (B, N, T, features).
        goal: Its ``proprio`` is (B, 1, features).
        frames: The newest frames that are wanted.

    Raises:
        ValueError: One of them has no proprio.
    """
    if latent.proprio is None or goal.proprio is None:
        raise ValueError("rollout and goal need their embedded proprio, as encode returns it")
    proprio = latent.proprio if latent.visual.ndim == 5 else latent.proprio[:, None]
    distance = (proprio[:, :, -frames:] - goal.proprio[:, None, -1:]).square().mean(dim=-1)
    if goal.masked is None:
        return distance
    # Not a branch, so that one CUDA graph serves all goals.
    return distance.where(~goal.masked[:, None], 0.0)
