"""Encoded frames of an episode, and what the model makes of actions from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.diagnosis.episode import Episode, RecordingError
from wm_planner.models.protocol import Latent, ObservationBatch, WorldModel
from wm_planner.planning import Objective

_BATCH = 8  # images encoded at once; a ViT on the CPU gains nothing from more


@dataclass(frozen=True)
class Windows:
    """Stretches of an episode: where each begins, and how long they are.

    Attributes:
        starts: Index of the first frame of each.
        horizon: H, model steps.
    """

    starts: tuple[int, ...]
    horizon: int

    @property
    def frames(self) -> list[int]:
        """All frames that begin, follow or end a window, in order, each once."""
        ends = {s + k for s in self.starts for k in (0, 1, self.horizon)}
        return sorted(ends)


def windows(episode: Episode, horizon: int, count: int) -> Windows:
    """Spread at most ``count`` windows evenly over an episode.

    Raises:
        RecordingError: The episode has no images, or less than one model step.
    """
    if episode.images is None:
        raise RecordingError(
            f"{episode.name} has no images: predictions cannot be compared with what came"
        )
    if episode.steps < 1:
        raise RecordingError(f"{episode.name} is shorter than one model step: record a longer one")
    horizon = min(horizon, episode.steps)
    places = np.linspace(0, episode.steps - horizon, count).round().astype(int)
    return Windows(tuple(int(i) for i in np.unique(places)), horizon)


class Encoded:
    """Encodes an episode's frames, each once, and answers questions about windows.

    Args:
        model: The loaded model.
        episode: With images.
        frames: Indices of the frames needed.
        swapped: Exchange red and blue first.

    Raises:
        RecordingError: The model needs a state, or views, that were not recorded.
    """

    def __init__(
        self, model: WorldModel, episode: Episode, frames: list[int], *, swapped: bool = False
    ) -> None:
        assert episode.images is not None
        if model.spec.proprio.names and episode.proprio is None:
            raise RecordingError(
                f"{episode.name} lacks the state {', '.join(model.spec.proprio.names)}, which the "
                "model needs beside images: record it"
            )
        self.model = model
        self.episode = episode
        images = episode.images[..., ::-1] if swapped else episode.images
        proprio = episode.proprio if model.spec.proprio.names else None
        self._latents: dict[int, Latent] = {}
        for first in range(0, len(frames), _BATCH):
            chosen = frames[first : first + _BATCH]
            latent = encode(model, images[chosen], None if proprio is None else proprio[chosen])
            for row, frame in enumerate(chosen):
                self._latents[frame] = _row(latent, row)

    def frame(self, index: int) -> Latent:
        """The latent of one frame, B = 1."""
        return self._latents[index]

    @property
    def latents(self) -> list[Latent]:
        """Of all frames encoded."""
        return list(self._latents.values())

    def moved(self, start: int, steps: int, objective: Objective) -> float:
        """Error of predicting that nothing changes in ``steps`` model steps."""
        return distance(self.model, self.frame(start), self.frame(start + steps), objective)

    def predicted(self, start: int, actions: Tensor, objective: Objective) -> NDArray[np.float64]:
        """Error (N,) of the prediction after the z-normalized actions (N, H, A)."""
        return rollout_cost(
            self.model, self.frame(start), self.frame(start + actions.shape[1]), actions, objective
        )

    def actions(self, start: int, steps: int) -> Tensor:
        """The recorded actions of a window, z-normalized, (1, steps, A)."""
        return normalized(self.model, self.episode.flat[start : start + steps])[None]


@torch.inference_mode()
def encode(
    model: WorldModel, frames: NDArray[np.uint8], proprio: NDArray[np.float64] | None
) -> Latent:
    """Latents of single frames: images (B, height, width, 3) and states (B, P).

    Raises:
        RecordingError: The model sees several views, and there is only one.
    """
    if len(model.spec.views) > 1:
        raise RecordingError(
            f"The model sees {len(model.spec.views)} views ({', '.join(model.spec.views)}); "
            "recordings and tasks are examined for models with one"
        )
    images = torch.from_numpy(np.ascontiguousarray(frames)).to(model.device)[:, None]
    state = None
    if proprio is not None:
        state = torch.as_tensor(proprio, dtype=torch.float32, device=model.device)[:, None]
    return model.encode(ObservationBatch(images, state))


@torch.inference_mode()
def rollout_cost(
    model: WorldModel, start: Latent, goal: Latent, actions: Tensor, objective: Objective
) -> NDArray[np.float64]:
    """Cost (N,) of N candidates (N, H, A), z-normalized, from one start to one goal."""
    cost = model.distance(model.rollout(start, actions[None]), goal, objective)
    return np.asarray(cost[0].double().cpu().numpy())


@torch.inference_mode()
def distance(model: WorldModel, one: Latent, other: Latent, objective: Objective) -> float:
    """Distance between two encoded frames."""
    return float(model.distance(one, other, objective).item())


def normalized(model: WorldModel, actions: NDArray[np.float64]) -> Tensor:
    """Physical actions (..., frameskip * A) as the model takes them."""
    return torch.as_tensor(
        model.spec.normalize_actions(actions), dtype=torch.float32, device=model.device
    )


def _row(latent: Latent, row: int) -> Latent:
    proprio = None if latent.proprio is None else latent.proprio[row : row + 1]
    return Latent(latent.visual[row : row + 1], proprio)
