"""Observations of the planner as a model takes them."""

from __future__ import annotations

import torch

from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.spec import ModelSpec
from wm_planner.types import Observation


class ObservationError(ValueError):
    """An observation that does not fit the model."""


def observation_batch(
    observation: Observation, spec: ModelSpec, device: torch.device
) -> ObservationBatch:
    """Convert one observation to a batch with B = T = 1.

    Args:
        observation: Images of any size. Its proprio is ignored if the model takes none.
        spec: The model's spec.
        device: The model's device. On the CPU the batch shares the images' memory.

    Raises:
        ObservationError: The number of images or of proprio values is not the model's.
    """
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
