"""Encode goals, with the weights of their tokens if only a part of their images counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from wm_planner.models.batch import ObservationError, observation_batch
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.types import Goal


def token_grid(model: WorldModel) -> tuple[int, int] | None:
    """Return the rows and columns of a view's tokens; None if goals cannot have masks."""
    return getattr(model, "token_grid", None)


@torch.inference_mode()
def encode_goal(model: WorldModel, goal: Goal) -> Latent:
    """Encode a goal (B = 1).

    For a model with image tokens the latent always has ``weights`` and ``masked``, so that all
    goals have one shape, and one CUDA graph serves all of them.

    Raises:
        ObservationError: An image or the proprio does not fit the model, or the goal has masks that
            the model cannot use.
    """
    spec, grid, observation = model.spec, token_grid(model), goal.observation
    weights = goal.weights
    if weights is not None and grid is None:
        raise ObservationError(
            f"model {spec.name} compares whole images, without tokens of their parts: leave the "
            "goal's masks out"
        )
    if weights is not None and weights.shape != (shape := (len(spec.views), *(grid or ()))):
        raise ObservationError(
            f"the goal's masks are for (views, rows, columns) {weights.shape}, but model "
            f"{spec.name} has {shape}: set the goal again"
        )
    if weights is not None and (moments := spec.statistics.proprio):
        observation = replace(observation, proprio=np.array(moments.mean))  # it does not count
    latent = model.encode(observation_batch(observation, spec, model.device))
    if grid is None:
        return latent
    used = np.ones((len(spec.views), *grid), np.float32) if weights is None else weights
    return replace(
        latent,
        weights=torch.as_tensor(used, device=model.device).reshape(1, 1, -1),
        masked=torch.tensor([[weights is not None]], device=model.device),
    )
