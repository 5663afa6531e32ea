"""The contract between the loop and a world model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from wm_planner.models.spec import ModelSpec
from wm_planner.planning import Objective


@dataclass(frozen=True)
class ObservationBatch:
    """What the robot sees and feels, oldest frame first, in raw units.

    Attributes:
        images: RGB images, uint8 (B, T, height, width, 3), of any size; the model resizes.
        proprio: Proprioceptive state, float32 (B, T, P) in the spec's order and units, or None.
        actions: The z-normalized actions that led from each frame to the next, (B, T - 1, A), for
            models that look back; None where T is 1.
        views: Images of the spec's other views, in its order, each like ``images``.
    """

    images: Tensor
    proprio: Tensor | None = None
    actions: Tensor | None = None
    views: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Latent:
    """Frames in the model's latent space.

    Attributes:
        visual: Float (B, T, tokens, features); after a rollout (B, N, T, tokens, features).
        proprio: Embedded proprio (B, T, features), after a rollout (B, N, T, features), or None.
        actions: The observation's actions (B, T - 1, A), which a rollout starts from, or None.
    """

    visual: Tensor
    proprio: Tensor | None = None
    actions: Tensor | None = None


class WorldModel(Protocol):
    """A trained model that predicts what the camera will see.

    An implementation is in evaluation mode, its parameters are frozen, and its methods are
    deterministic. Actions are z-normalized (``ModelSpec.normalize_actions``), one model step each.
    """

    spec: ModelSpec
    device: torch.device

    def encode(self, observation: ObservationBatch) -> Latent:
        """Encode B observations of T frames; called once per image, never once per candidate."""
        ...

    def rollout(self, latent: Latent, actions: Tensor) -> Latent:
        """Predict H frames for B problems of N candidates each.

        Args:
            latent: What ``encode`` returned for B observations.
            actions: (B, N, H, A); ``actions[:, :, 0]`` acts on the newest observed frame.

        Returns:
            Frames of the N rollouts in time order, the newest last, as the family's objective
            needs them (DINO-WM keeps the observed frame in front).
        """
        ...

    def distance(self, latent: Latent, goal: Latent, objective: Objective = Objective()) -> Tensor:
        """Distance (B, N) of B x N rollouts to B goals, never negative.

        Args:
            latent: What ``rollout`` returned. A plain ``encode`` result counts as N = 1.
            goal: What ``encode`` returned for the goal observation (T = 1).
            objective: How frames and proprio are combined; by default the last frame counts.
        """
        ...

    def decode(self, latent: Latent) -> Tensor | None:
        """Images uint8 (..., height, width, 3) of the frames; None without a decoder."""
        ...
