"""An episode of a dataset, at the model's step rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.datasets import Dataset
from wm_planner.diagnosis.axes import coordinates
from wm_planner.diagnosis.episode import Episode, RecordingError
from wm_planner.models.spec import ModelSpec


def dataset_episode(spec: ModelSpec, data: Dataset, index: int) -> Episode:
    """Read one episode.

    Args:
        spec: Has the environment steps of a model step, and the color order.
        data: The dataset.
        index: Among the episodes that the training read.

    Raises:
        RecordingError: It is shorter than one model step, or there is no such episode.
        DatasetError: Its images are damaged.
    """
    if not 0 <= index < len(data):
        raise RecordingError(
            f"{data.directory} has episodes 0 to {len(data) - 1}, not {index}: choose one of them "
            "with --episode"
        )
    raw = data.episode(index)
    skip = spec.frameskip
    steps = (len(raw.actions) - 1) // skip
    if steps < 1:
        raise RecordingError(
            f"Episode {index} of {data.directory} has {len(raw.actions)} steps, but one model step "
            f"takes {skip}: choose another with --episode"
        )
    frames = slice(0, steps * skip + 1, skip)
    images = raw.images
    if images is not None:
        images = images[frames]
        # A 'bgr' model was trained on images stored as BGR; an episode's are RGB.
        images = images[..., ::-1] if spec.image.color_order == "bgr" else images
    actions = raw.actions[: steps * skip].astype(np.float64).reshape(steps, skip, -1)
    states = raw.states[frames].astype(np.float64)
    proprio = raw.proprio[frames].astype(np.float64) if spec.proprio.names else None
    places = _places(data.names.get("state", []), states)
    if not places and proprio is not None:
        places = _places(spec.proprio.names, proprio)
    return Episode(f"episode {index} of {data.directory}", actions, images, proprio, places)


def _places(names: list[str], values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {axis: values[:, column] for axis, column in coordinates(names).items()}
