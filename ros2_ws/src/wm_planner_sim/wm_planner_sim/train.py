"""Trains the networks of the embedded model: encoder first, then predictor and decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.models.latent import LatentWorldModel
from wm_planner_sim.collect import Dataset
from wm_planner_sim.progress import track

LATENT_SCALE = 0.1
"""Meters of the hand's position per unit of the latent, the same for every axis."""
ROLLOUT = 5
"""Steps over which the predictor's rollout is compared with what was seen."""


@dataclass(frozen=True)
class Schedule:
    """Length of one training.

    Attributes:
        steps: Gradient steps.
        batch: Samples per step.
        rate: Peak learning rate of the one-cycle schedule (Smith and Topin, 2018).
    """

    steps: int
    batch: int
    rate: float


ENCODER = Schedule(steps=2000, batch=64, rate=2e-3)
PREDICTOR = Schedule(steps=3000, batch=256, rate=2e-3)
DECODER = Schedule(steps=1500, batch=32, rate=4e-3)


def fit(
    network: nn.Module,
    loss: Callable[[NDArray[np.int64]], Tensor],
    samples: int,
    schedule: Schedule,
    rng: np.random.Generator,
    label: str,
) -> float:
    """Minimizes ``loss`` over random batches with Adam and a one-cycle learning rate.

    Args:
        network: Its parameters are trained; it is left in evaluation mode, frozen.
        loss: From the indices of a batch to a scalar.
        samples: Number of samples to draw from.
        schedule: How long.
        rng: Draws the batches.
        label: Shown while it runs.

    Returns:
        Mean loss of the last tenth of the steps.
    """
    network.train().requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=schedule.rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.rate, total_steps=schedule.steps, pct_start=0.15
    )
    tail: list[float] = []
    for step in track(range(schedule.steps), schedule.steps, label):
        batch = rng.integers(0, samples, schedule.batch)
        value = loss(batch)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        cycle.step()
        if step >= 0.9 * schedule.steps:
            tail.append(value.item())
    network.eval().requires_grad_(False)
    return float(np.mean(tail))


def train_encoder(
    model: LatentWorldModel, data: Dataset, origin: NDArray[np.float64], seed: int,
    schedule: Schedule = ENCODER,
) -> float:  # fmt: skip
    """Teaches the encoder the position of the hand: ``(position - origin) / LATENT_SCALE``.

    The labels are the robot's own measurements; at run time none are needed. Images are varied
    in brightness, tint and noise, as cameras do.

    Returns:
        The final training loss (smooth L1).
    """
    images = torch.from_numpy(data.images).flatten(0, 1)
    labels = torch.from_numpy((data.positions.reshape(-1, 3) - origin) / LATENT_SCALE).float()
    rng = np.random.default_rng([seed, 10])
    encoder = model.networks["encoder"]
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss(batch: NDArray[np.int64]) -> Tensor:
        inputs = vary(model.normalize(images[batch]), rng)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        return functional.smooth_l1_loss(encoder(inputs), labels[batch], beta=0.05)

    return fit(encoder, loss, len(images), schedule, rng, "encoder")


def vary(inputs: Tensor, rng: np.random.Generator) -> Tensor:
    """Varies brightness (10 %), tint (3 %) and noise (1 %) of normalized images (N, 3, S, S)."""
    count = len(inputs)
    gain = rng.uniform(0.9, 1.1, (count, 1, 1, 1)) * rng.uniform(0.97, 1.03, (count, 3, 1, 1))
    noise = rng.standard_normal(inputs.shape, dtype=np.float32)
    factor = torch.from_numpy(gain.astype(np.float32))
    return (inputs + 1.0) * factor - 1.0 + 0.02 * torch.from_numpy(noise)


@torch.inference_mode()
def encode_all(model: LatentWorldModel, data: Dataset) -> NDArray[np.float32]:
    """Latents (E, T + 1, latent_dim) of every image."""
    images = torch.from_numpy(data.images)
    encoder = model.networks["encoder"]
    rows = [encoder(model.normalize(episode)).numpy() for episode in images]
    return np.stack(rows)


def train_predictor(
    model: LatentWorldModel, latents: NDArray[np.float32], actions: NDArray[np.float32], seed: int,
    schedule: Schedule = PREDICTOR,
) -> float:  # fmt: skip
    """Teaches the predictor to follow ``ROLLOUT`` steps from an image's latent.

    Args:
        model: Its encoder is trained.
        latents: (E, T + 1, latent_dim) of ``encode_all``.
        actions: Displacements (E, T, 3) [m].
        seed: Of the batches.
        schedule: How long.

    Returns:
        The final training loss: smooth L1, beta 0.02, mean over steps.
    """
    normalized = model.spec.normalize_actions(actions).astype(np.float32)
    windows = actions.shape[1] - ROLLOUT + 1
    rng = np.random.default_rng([seed, 11])
    predictor = model.networks["predictor"]
    span = np.arange(ROLLOUT + 1)

    def loss(batch: NDArray[np.int64]) -> Tensor:
        episode, start = batch // windows, batch % windows
        seen = torch.from_numpy(latents[episode[:, None], start[:, None] + span])
        moves = torch.from_numpy(normalized[episode[:, None], start[:, None] + span[:-1]])
        state, predicted = seen[:, 0], []
        for step in range(ROLLOUT):
            state = predictor(state, moves[:, step])
            predicted.append(state)
        return functional.smooth_l1_loss(torch.stack(predicted, 1), seen[:, 1:], beta=0.02)

    return fit(predictor, loss, len(latents) * windows, schedule, rng, "predictor")


def train_decoder(
    model: LatentWorldModel, data: Dataset, latents: NDArray[np.float32], seed: int,
    schedule: Schedule = DECODER,
) -> float:  # fmt: skip
    """Teaches the decoder to draw the image that belongs to a latent.

    The cube's place is not in the latent, so the drawing shows the average of its places.

    Returns:
        The final training loss (mean squared error, images in 0 to 1).
    """
    images = torch.from_numpy(data.images).flatten(0, 1)
    codes = torch.from_numpy(latents.reshape(-1, latents.shape[-1]))
    rng = np.random.default_rng([seed, 12])
    decoder = model.networks["decoder"]

    def loss(batch: NDArray[np.int64]) -> Tensor:
        wanted = images[batch].permute(0, 3, 1, 2).float() / 255.0
        drawn = decoder(codes[batch])
        small = functional.interpolate(
            wanted, size=drawn.shape[-2:], mode="bilinear", align_corners=False, antialias=True
        )
        return functional.mse_loss(drawn, small)

    return fit(decoder, loss, len(images), schedule, rng, "decoder")
