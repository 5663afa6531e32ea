"""Calls of a world model with single frames and candidates, as the checks need them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.diagnosis.episode import RecordingError
from wm_planner.models.protocol import Latent, ObservationBatch, WorldModel
from wm_planner.planning import Objective


@torch.inference_mode()
def encode(
    model: WorldModel, frames: NDArray[np.uint8], proprio: NDArray[np.float64] | None
) -> Latent:
    """Encode B single frames.

    Args:
        model: The model.
        frames: RGB, uint8 (B, height, width, 3).
        proprio: (B, P) in the spec's units, or None.

    Raises:
        RecordingError: The model has several views; a recording has one.
    """
    if len(model.spec.views) > 1:
        raise RecordingError(
            f"The model has {len(model.spec.views)} views ({', '.join(model.spec.views)}): "
            "recordings and tasks can be examined only for models with one view"
        )
    images, state = _tensors(model, frames, proprio)
    return model.encode(
        ObservationBatch(images[:, None], None if state is None else state[:, None])
    )


@torch.inference_mode()
def encode_together(
    model: WorldModel,
    frames: NDArray[np.uint8],
    proprio: NDArray[np.float64] | None,
    actions: Tensor,
) -> Latent:
    """Encode T frames as one observation.

    Args:
        model: The model, of one view.
        frames: RGB, uint8 (T, height, width, 3), oldest first.
        proprio: (T, P) in the spec's units, or None.
        actions: z-normalized actions between them (1, T - 1, frameskip * A).
    """
    images, state = _tensors(model, frames, proprio)
    return model.encode(
        ObservationBatch(images[None], None if state is None else state[None], actions)
    )


def _tensors(
    model: WorldModel, frames: NDArray[np.uint8], proprio: NDArray[np.float64] | None
) -> tuple[Tensor, Tensor | None]:
    """Return images and proprio on the model's device."""
    images = torch.from_numpy(np.ascontiguousarray(frames)).to(model.device)
    if proprio is None:
        return images, None
    return images, torch.as_tensor(proprio, dtype=torch.float32, device=model.device)


@torch.inference_mode()
def rollout_cost(
    model: WorldModel, start: Latent, goal: Latent, actions: Tensor, objective: Objective
) -> NDArray[np.float64]:
    """Return the cost (N,) of N z-normalized candidates (N, H, A) from a start to a goal."""
    cost = model.distance(model.rollout(start, actions[None]), goal, objective)
    return np.asarray(cost[0].double().cpu().numpy())


@torch.inference_mode()
def distance(model: WorldModel, one: Latent, other: Latent, objective: Objective) -> float:
    """Return the distance of two encoded frames."""
    return float(model.distance(one, other, objective).item())


def normalized(model: WorldModel, actions: NDArray[np.float64]) -> Tensor:
    """Return physical actions (..., frameskip * A) z-normalized, on the model's device."""
    return torch.as_tensor(
        model.spec.normalize_actions(actions), dtype=torch.float32, device=model.device
    )
