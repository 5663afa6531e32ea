"""Observations of the planner as a model takes them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.spec import ModelSpec
from wm_planner.types import Observation, Past


class ObservationError(ValueError):
    """An observation that does not fit the model."""


def observation_batch(
    observation: Observation, spec: ModelSpec, device: torch.device, past: Past | None = None
) -> ObservationBatch:
    """Convert an observation to a batch with B = 1, and T = 1 more than what is seen of the past.

    Args:
        observation: Images of any size. Its proprio is ignored if the model takes none.
        spec: The model's spec.
        device: The model's device. On the CPU the batch of a single image shares its memory.
        past: What was seen before; None if nothing was.

    Raises:
        ObservationError: The number of images or of proprio values is not the model's, or the past
            does not fit the model or the observation.
    """
    if past is None or not past.observations:
        return _frame(observation, spec, device)
    _check_past(past, observation, spec)
    frames = [_frame(one, spec, device) for one in (*past.observations, observation)]
    actions = spec.normalize_actions(past.actions)
    return ObservationBatch(
        torch.cat([frame.images for frame in frames], dim=1),
        _joined([frame.proprio for frame in frames]),
        torch.as_tensor(actions, dtype=torch.float32, device=device)[None],
        tuple(torch.cat(view, dim=1) for view in zip(*(f.views for f in frames), strict=True)),
    )


def _check_past(past: Past, observation: Observation, spec: ModelSpec) -> None:
    count, expected = len(past.observations), spec.model_action_dim
    if count >= spec.num_hist:
        raise ObservationError(
            f"the model looks at {spec.num_hist} images at a time (num_hist); {count} earlier ones "
            "were given besides the newest"
        )
    if past.actions.shape != (count, expected) or not np.isfinite(past.actions).all():
        raise ObservationError(
            f"the actions between the images must be {count} rows of {expected} finite numbers, "
            f"not {past.actions.shape}"
        )
    sizes = {tuple(image.shape for image in o.images) for o in (*past.observations, observation)}
    if len(sizes) > 1:
        raise ObservationError(f"the images of one plan have different sizes: {sorted(sizes)}")


def _joined(proprio: list[Tensor | None]) -> Tensor | None:
    given = [one for one in proprio if one is not None]
    return torch.cat(given, dim=1) if given else None


def _frame(observation: Observation, spec: ModelSpec, device: torch.device) -> ObservationBatch:
    """Convert one observation to a batch with B = T = 1."""
    names, views = spec.proprio.names, spec.views
    given = 0 if observation.proprio is None else len(observation.proprio)
    if names and given != len(names):
        raise ObservationError(
            f"the model needs proprio of size {len(names)} ({', '.join(names)}); the observation's "
            f"has size {given}"
        )
    if len(observation.images) != len(views):
        raise ObservationError(
            f"the model needs one image per view ({', '.join(views)}); the observation has "
            f"{len(observation.images)}"
        )
    first, *others = (
        torch.from_numpy(image).to(device)[None, None] for image in observation.images
    )
    proprio = None
    if names:
        proprio = torch.as_tensor(observation.proprio, dtype=torch.float32, device=device)
        proprio = proprio[None, None]
    return ObservationBatch(first, proprio, views=tuple(others))
