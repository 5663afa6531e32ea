"""Trains the networks of the embedded model: encoder first, then predictor and decoder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.models.latent import LatentWorldModel
from wm_planner.progress import Progress, silent
from wm_planner_sim.training.collect import Dataset
from wm_planner_sim.training.recipes import Recipe, Schedule


def fit(
    network: nn.Module,
    loss: Callable[[NDArray[np.int64]], Tensor],
    samples: int,
    schedule: Schedule,
    rng: np.random.Generator,
    label: str,
    progress: Progress = silent,
) -> float:
    """Minimize ``loss`` over random batches with Adam and a one-cycle learning rate.

    Args:
        network: Network to train; it is left in evaluation mode, frozen.
        loss: From the indices of a batch to a scalar.
        samples: Number of samples to draw from.
        schedule: Length of the training.
        rng: Draws the batches.
        label: What is trained.
        progress: Shows how far the job is.

    Returns:
        Mean loss of the last tenth of the steps.
    """
    network.train().requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), lr=schedule.rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.rate, total_steps=schedule.steps, pct_start=0.15
    )
    tail: list[float] = []
    with progress(f"training the {label}", schedule.steps) as done:
        for step in range(schedule.steps):
            batch = rng.integers(0, samples, schedule.batch)
            value = loss(batch)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
            cycle.step()
            if step >= 0.9 * schedule.steps:
                tail.append(value.item())
            done()
    network.eval().requires_grad_(False)
    return float(np.mean(tail))


def train_encoder(
    model: LatentWorldModel, data: Dataset, seed: int, schedule: Schedule,
    progress: Progress = silent,
) -> float:  # fmt: skip
    """Teach the encoder the positions of the dataset, see ``true_latents``.

    The labels come from the simulator; none are needed at run time. Images are varied in
    brightness, tint and noise, as those of real cameras are.

    Returns:
        The final training loss (smooth L1).
    """
    images = torch.from_numpy(data.images).flatten(0, 1)
    labels = torch.from_numpy(true_latents(model, data)).flatten(0, 1)
    rng = np.random.default_rng([seed, 10])
    encoder = model.networks["encoder"]
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss(batch: NDArray[np.int64]) -> Tensor:
        inputs = vary(model.normalize(images[batch]), rng)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        return functional.smooth_l1_loss(encoder(inputs), labels[batch], beta=0.05)

    return fit(encoder, loss, len(images), schedule, rng, "encoder", progress)


def true_latents(model: LatentWorldModel, data: Dataset) -> NDArray[np.float32]:
    """Return what the encoder is taught, (E, T + 1, latent_dim): the normalized labels."""
    state = model.spec.statistics.state
    assert state is not None
    return ((data.positions - np.array(state.mean)) / np.array(state.std)).astype(np.float32)


def vary(inputs: Tensor, rng: np.random.Generator) -> Tensor:
    """Vary brightness (10 %), tint (3 %) and noise (1 %) of normalized images (N, 3, S, S)."""
    count = len(inputs)
    gain = rng.uniform(0.9, 1.1, (count, 1, 1, 1)) * rng.uniform(0.97, 1.03, (count, 3, 1, 1))
    noise = rng.standard_normal(inputs.shape, dtype=np.float32)
    factor = torch.from_numpy(gain.astype(np.float32))
    return (inputs + 1.0) * factor - 1.0 + 0.02 * torch.from_numpy(noise)


@torch.inference_mode()
def encode_all(model: LatentWorldModel, data: Dataset) -> NDArray[np.float32]:
    """Return the latents (E, T + 1, latent_dim) of all images."""
    images = torch.from_numpy(data.images)
    encoder = model.networks["encoder"]
    rows = [encoder(model.normalize(episode)).numpy() for episode in images]
    return np.stack(rows)


def train_predictor(
    model: LatentWorldModel, latents: NDArray[np.float32], actions: NDArray[np.float32], seed: int,
    recipe: Recipe, progress: Progress = silent,
) -> float:  # fmt: skip
    """Teach the predictor to roll out ``recipe.rollout`` steps from a latent.

    Args:
        model: Its networks.
        latents: Latents (E, T + 1, latent_dim) from ``encode_all`` or ``true_latents``.
        actions: Actions (E, T, A) [m].
        seed: Seed of the batches.
        recipe: Its ``predictor``, ``rollout`` and ``noise``.
        progress: Shows how far the job is.

    Returns:
        The final training loss: smooth L1, beta 0.02, mean over steps.
    """
    normalized = model.spec.normalize_actions(actions).astype(np.float32)
    windows = actions.shape[1] - recipe.rollout + 1
    rng = np.random.default_rng([seed, 11])
    predictor = model.networks["predictor"]
    span = np.arange(recipe.rollout + 1)

    def loss(batch: NDArray[np.int64]) -> Tensor:
        episode, start = batch // windows, batch % windows
        seen = torch.from_numpy(latents[episode[:, None], start[:, None] + span])
        moves = torch.from_numpy(normalized[episode[:, None], start[:, None] + span[:-1]])
        state, predicted = seen[:, 0], []
        if recipe.noise:
            drawn = rng.standard_normal(state.shape, dtype=np.float32)
            state = state + recipe.noise * torch.from_numpy(drawn)
        for step in range(recipe.rollout):
            state = predictor(state, moves[:, step])
            predicted.append(state)
        return functional.smooth_l1_loss(torch.stack(predicted, 1), seen[:, 1:], beta=0.02)

    return fit(
        predictor, loss, len(latents) * windows, recipe.predictor, rng, "predictor", progress
    )


def train_decoder(
    model: LatentWorldModel, data: Dataset, latents: NDArray[np.float32], seed: int,
    schedule: Schedule, progress: Progress = silent,
) -> float:  # fmt: skip
    """Teach the decoder to draw the image of a latent.

    What the latent does not hold, such as the cube in ``reach``, is drawn as its average.

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

    return fit(decoder, loss, len(images), schedule, rng, "decoder", progress)
