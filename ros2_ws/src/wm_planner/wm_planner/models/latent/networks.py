"""The networks of the latent family: encoder, predictor and decoder."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class KeypointEncoder(nn.Module):
    """A convolutional encoder from images to keypoints to a small latent.

    Convolutions compute ``maps`` score maps. Each gives a keypoint (spatial soft-argmax of Levine
    et al., "End-to-End Training of Deep Visuomotor Policies", JMLR 2016, section 5.1) and its
    maximum. A small head turns these numbers into the latent.

    Args:
        size: Side of the images [pixels].
        latent_dim: Numbers in the latent.
        maps: Number of score maps.
        width: Channels of the first convolution; later ones have two and three times as many.
    """

    def __init__(self, size: int, latent_dim: int, maps: int, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(2 * width, 3 * width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(3 * width, 3 * width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(3 * width, maps, 1),
        )
        side = math.ceil(size / 4)
        self.register_buffer("axis", torch.linspace(-1.0, 1.0, side), persistent=False)
        self.axis: Tensor
        self.head = nn.Sequential(
            nn.Linear(3 * maps, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
            nn.Linear(128, latent_dim),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Encode normalized images, float (N, 3, size, size), to latents (N, latent_dim)."""
        scores: Tensor = self.features(images)
        mass = scores.flatten(2).softmax(-1).view_as(scores)
        x = (mass.sum(2) * self.axis).sum(-1)
        y = (mass.sum(3) * self.axis).sum(-1)
        latent: Tensor = self.head(torch.cat([x, y, scores.amax((2, 3))], dim=-1))
        return latent


class GatedPredictor(nn.Module):
    """One step of the dynamics: ``z' = z + sigmoid(4 g - 1) * delta``.

    The gate starts nearly closed, so that the untrained network predicts little change.

    Args:
        latent_dim: Numbers in the latent.
        action_dim: Numbers in one model step's action.
        hidden: Width of the two hidden layers.
    """

    def __init__(self, latent_dim: int, action_dim: int, hidden: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.Sequential(
            nn.Linear(latent_dim + action_dim, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 2 * latent_dim),
        )  # fmt: skip

    def forward(self, latent: Tensor, action: Tensor) -> Tensor:
        """Predict the latents (..., latent_dim) after z-normalized actions (..., action_dim)."""
        delta, gate = self.layers(torch.cat([latent, action], dim=-1)).chunk(2, dim=-1)
        following: Tensor = latent + torch.sigmoid(4.0 * gate - 1.0) * delta
        return following


class ImageDecoder(nn.Module):
    """A decoder from latents to small images, for people to look at; planning does not use it.

    Its inputs include sines and cosines of the latent at several frequencies, because such networks
    blur without them (Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions
    in Low Dimensional Domains", NeurIPS 2020).

    Args:
        latent_dim: Numbers in the latent.
        size: Side of the images [pixels], a multiple of 8.
        width: Channels before the last layer.
    """

    FREQUENCIES = (0.7, 1.4, 2.8, 5.6)
    """Angular frequencies [rad per unit of the latent]."""

    def __init__(self, latent_dim: int, size: int, width: int) -> None:
        super().__init__()
        self.side = size // 8
        self.width = width
        self.register_buffer("frequencies", torch.tensor(self.FREQUENCIES), persistent=False)
        self.frequencies: Tensor
        self.seed = nn.Sequential(
            nn.Linear((1 + 2 * len(self.FREQUENCIES)) * latent_dim, 128), nn.ReLU(),
            nn.Linear(128, 4 * width * self.side**2), nn.ReLU(),
        )  # fmt: skip
        self.draw = nn.ModuleList(
            nn.Conv2d(channels_in, channels_out, 3, padding=1)
            for channels_in, channels_out in (
                (4 * width, 2 * width), (2 * width, width), (width, width),
            )
        )  # fmt: skip
        self.color = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        """Decode latents (N, latent_dim) to images, float (N, 3, size, size), about 0 to 1."""
        angles = (latent[..., None] * self.frequencies).flatten(-2)
        image = self.seed(torch.cat([latent, angles.sin(), angles.cos()], dim=-1))
        image = image.view(-1, 4 * self.width, self.side, self.side)
        for layer in self.draw:
            image = functional.interpolate(image, scale_factor=2.0, mode="nearest")
            image = functional.relu(layer(image))
        colored: Tensor = self.color(image)
        return colored
