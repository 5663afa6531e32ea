"""The encoded frames of an episode, and the errors of predictions that begin there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.diagnosis.episode import Episode, RecordingError
from wm_planner.diagnosis.model_calls import (
    distance,
    encode,
    encode_together,
    normalized,
    rollout_cost,
)
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.planning import Objective
from wm_planner.progress import Progress, silent

_BATCH = 8  # images encoded at once; a ViT on the CPU gains nothing from more


class EncodedEpisode:
    """An episode whose frames are encoded once each.

    Args:
        model: The loaded model.
        episode: With images.
        frames: Indices of the frames to encode.
        swapped: Exchange red and blue first.
        progress: Shows how far the job is.

    Raises:
        RecordingError: The model needs proprio or views that were not recorded.
    """

    def __init__(
        self,
        model: WorldModel,
        episode: Episode,
        frames: list[int],
        *,
        swapped: bool = False,
        progress: Progress = silent,
    ) -> None:
        assert episode.images is not None
        if model.spec.proprio.names and episode.proprio is None:
            raise RecordingError(
                f"{episode.name} lacks the state {', '.join(model.spec.proprio.names)}, which the "
                "model needs besides images: record it"
            )
        self.model = model
        self.episode = episode
        images = episode.images[..., ::-1] if swapped else episode.images
        proprio = episode.proprio if model.spec.proprio.names else None
        self._images, self._proprio = images, proprio
        self._latents: dict[int, Latent] = {}
        with progress("encoding images", len(frames)) as step:
            for first in range(0, len(frames), _BATCH):
                chosen = frames[first : first + _BATCH]
                state = None if proprio is None else proprio[chosen]
                latent = encode(model, images[chosen], state)
                for row, frame in enumerate(chosen):
                    self._latents[frame] = _row(latent, row)
                step(len(chosen))

    def frame(self, index: int) -> Latent:
        """Return the latent of one frame, B = 1."""
        return self._latents[index]

    @property
    def latents(self) -> list[Latent]:
        """The latents of all encoded frames."""
        return list(self._latents.values())

    def persistence_error(self, start: int, steps: int, objective: Objective) -> float:
        """Return the error of predicting that nothing changes in ``steps`` model steps."""
        return distance(self.model, self.frame(start), self.frame(start + steps), objective)

    def prediction_error(
        self, start: int, actions: Tensor, objective: Objective, *, frames: int = 1
    ) -> NDArray[np.float64]:
        """Return the error (N,) of the predictions after z-normalized actions (N, H, A).

        They are made from so many ``frames``, of which the last is the one at ``start``.
        """
        seen = self.frame(start) if frames == 1 else self._looking_back(start, frames)
        goal = self.frame(start + actions.shape[1])
        return rollout_cost(self.model, seen, goal, actions, objective)

    def _looking_back(self, newest: int, frames: int) -> Latent:
        """Return the latent of so many frames up to the newest, with the actions between them."""
        first = newest - frames + 1
        of = slice(first, newest + 1)
        proprio = None if self._proprio is None else self._proprio[of]
        return encode_together(
            self.model, self._images[of], proprio, self.actions(first, frames - 1)
        )

    def actions(self, start: int, steps: int) -> Tensor:
        """Return the recorded actions of a window, z-normalized, (1, steps, A)."""
        return normalized(self.model, self.episode.flat[start : start + steps])[None]


def _row(latent: Latent, row: int) -> Latent:
    proprio = None if latent.proprio is None else latent.proprio[row : row + 1]
    return Latent(latent.visual[row : row + 1], proprio)
