"""Weights of a goal's tokens, from the masks that say which parts of its images count."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.images.preprocess import Preprocess
from wm_planner.models.batch import ObservationError
from wm_planner.models.protocol import WorldModel
from wm_planner.types import Goal, Mask


def token_grid(model: WorldModel) -> tuple[int, int] | None:
    """Return the rows and columns of a view's tokens; None if goals cannot have masks."""
    return getattr(model, "token_grid", None)


def token_weights(model: WorldModel, goal: Goal) -> Tensor | None:
    """Return how much each token of a goal counts.

    A mask is cropped and resized as its image is; a token counts as much as its part of the mask
    does on average.

    Args:
        model: The model.
        goal: The goal, with checked masks (``images.masks``); without any, all tokens count.

    Returns:
        ``Latent.weights``, float32 (1, 1, tokens) on the model's device; None if the model has no
        tokens of parts of the image, and there are no masks.

    Raises:
        ObservationError: The model cannot use masks, or they are black in all of what it sees.
    """
    grid, masks = token_grid(model), goal.masks
    if grid is None:
        if masks:
            raise ObservationError(
                f"model {model.spec.name} compares whole images, without tokens of their parts: a "
                "goal cannot have masks"
            )
        return None
    if not masks:
        return torch.ones(1, 1, grid[0] * grid[1] * len(model.spec.views), device=model.device)
    weights = torch.cat([_of_view(model, mask, grid) for mask in masks], dim=-1)
    if not weights.any():
        raise ObservationError("the goal's masks are black in all of what the model sees")
    return weights


def _of_view(model: WorldModel, mask: Mask, grid: tuple[int, int]) -> Tensor:
    """Return the weights (1, 1, tokens) of one view."""
    image = model.spec.image
    resize = Preprocess(
        image.size,
        (0.0,) * 3,
        (1.0,) * 3,
        model.device,
        fit=image.fit,
        camera_crop=image.camera_crop,
    )
    gray = torch.from_numpy(mask)[None, None, ..., None].expand(-1, -1, -1, -1, 3)
    square = resize(gray)[:, :, 0]
    return functional.adaptive_avg_pool2d(square, grid).clamp(0, 1).flatten(2)
