"""Measure on recorded episodes what latents and their distances mean.

``wm_planner_sim.calibration`` measures the same on images that a simulator renders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.training_images import spread
from wm_planner.models.protocol import Latent, ObservationBatch, WorldModel
from wm_planner.models.spec import Calibration, ModelSpec, Moments
from wm_planner.progress import Progress, silent

SENSOR_NOISE = 0.01
"""Standard deviation of the noise that is added to an image, in [0, 1]."""
STARTS = 8
"""Start frames per episode, evenly spread."""
SMALL = 0.01
"""Motion that is too small to be compared with the distance [m or rad]."""


@dataclass(frozen=True)
class _Frames:
    """Images uint8 (B, H, W, 3), RGB, and proprio float32 (B, P)."""

    images: NDArray[np.uint8]
    proprio: NDArray[np.float32]

    def at(self, indices: NDArray[np.int64]) -> _Frames:
        return _Frames(self.images[indices], self.proprio[indices])

    def noisy(self, rng: np.random.Generator) -> _Frames:
        noise = rng.normal(0.0, 255 * SENSOR_NOISE, self.images.shape)
        return _Frames(np.clip(self.images + noise, 0, 255).astype(np.uint8), self.proprio)


def calibrate(
    model: WorldModel,
    dataset: Dataset,
    *,
    horizon: int = 5,
    episodes: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> Calibration:
    """Measure distances and latents on training episodes.

    * ``noise_floor``: median distance of an image to itself with sensor noise.
    * ``typical_distance``: mean distance of images ``horizon`` model steps apart.
    * ``tolerance``: median distance of images one model step apart, or the noise floor if that
      is larger, as a fraction of the typical distance. So a goal counts as reached when at most
      one step is left.
    * ``latent``: moments of the visual latents of all these images, each averaged over its tokens.
    * ``latent_limit``: the largest root mean square of these latents, normalized.
    * ``distance_per_motion``: the largest distance of these images beyond the noise floor, per
      motion of the arm, if the proprio has the positions that the model commands (joints by their
      names; or x, y and z).

    Args:
        model: The model; its spec gives frameskip, proprio and color order.
        dataset: The dataset it was trained on, with images.
        horizon: Model steps between start and goal.
        episodes: Largest number of training episodes used, evenly spread.
        seed: Seed of the noise.
        progress: Shows how far the job is.

    Raises:
        DatasetError: There are no images, or no episode has ``horizon`` model steps.
        ValueError: One step changes the latent as much as ``horizon`` steps do: the model cannot
            detect that a goal is reached, or the recorded images hardly change.
    """
    rng = np.random.default_rng(seed)
    noise, steps, ways, pooled, motions = [], [], [], [], []
    columns = _position_columns(model.spec)
    chosen = spread(len(dataset.parts["train"]), episodes)
    with progress("encoding images for the calibration", len(chosen)) as step:
        for index in chosen:
            frames = _frames(model, dataset, index)
            step()
            if frames is None or len(frames.images) <= horizon:
                continue
            start = np.array(spread(len(frames.images) - horizon, STARTS))
            here = _encode(model, frames.at(start))
            there = _encode(model, frames.at(start + horizon))
            noise.append(_distances(model, here, _encode(model, frames.at(start).noisy(rng))))
            steps.append(_distances(model, here, _encode(model, frames.at(start + 1))))
            ways.append(_distances(model, here, there))
            pooled += [_pool(here), _pool(there)]
            places = frames.proprio[:, columns].astype(np.float64)
            motions += [places[start + 1] - places[start], places[start + horizon] - places[start]]
    if not ways:
        raise DatasetError(
            f"{dataset.directory}: no training episode has images and {horizon + 1} model steps of "
            f"{model.spec.frameskip} environment steps: calibrate with a shorter horizon"
        )
    floor, typical = float(np.median(np.concatenate(noise))), float(np.mean(np.concatenate(ways)))
    reached = max(float(np.median(np.concatenate(steps))), floor)
    if not reached < typical:
        raise ValueError(
            f"images one step apart differ by {reached:.3g} in the latent space, {horizon} steps "
            f"apart by {typical:.3g}: no distance tells a reached goal from one that is not"
        )
    changes = [way for pair in zip(steps, ways, strict=True) for way in pair]
    latents = np.concatenate(pooled)
    mean, std = latents.mean(axis=0), np.maximum(latents.std(axis=0), 1e-9)
    return Calibration(
        noise_floor=floor,
        typical_distance=typical,
        tolerance=reached / typical,
        latent=Moments(mean.tolist(), std.tolist()),
        latent_limit=float(np.sqrt((((latents - mean) / std) ** 2).mean(axis=1)).max()),
        distance_per_motion=_slope(
            (np.concatenate(changes) - floor) / typical, np.concatenate(motions), model.spec
        ),
    )


def _position_columns(spec: ModelSpec) -> list[int]:
    """Return where the proprio has the commanded positions; empty if it does not."""
    command = spec.action.command
    if command is None:
        return []
    names, unit = (command.joints, "rad") if command.joints else (["x", "y", "z"], "m")
    columns = {n: i for i, n in enumerate(spec.proprio.names) if spec.proprio.units[i] == unit}
    return [columns[name] for name in names] if set(names) <= set(columns) else []


def _slope(
    changes: NDArray[np.float64], motions: NDArray[np.float64], spec: ModelSpec
) -> float | None:
    """Return the largest change (B,) per motion (B, n); None if nothing is known to move."""
    if not motions.shape[1]:
        return None
    assert spec.action.command
    sizes = np.linalg.norm(motions, axis=1, ord=np.inf if spec.action.command.joints else 2)
    slopes = changes[sizes > SMALL] / sizes[sizes > SMALL]
    return float(slopes.max()) if slopes.max(initial=0.0) > 0 else None


def _frames(model: WorldModel, dataset: Dataset, index: int) -> _Frames | None:
    """Return every ``frameskip``-th frame of a training episode; None if it has no images."""
    episode = dataset.episode(index, "train")
    if (images := episode.images) is None:
        return None
    if model.spec.image.color_order == "bgr":  # the model takes RGB, and swaps it
        images = images[..., ::-1]
    skip = model.spec.frameskip
    return _Frames(images[::skip], episode.proprio[::skip])


def _encode(model: WorldModel, frames: _Frames) -> Latent:
    proprio = torch.from_numpy(frames.proprio)[:, None].to(model.device)
    with torch.inference_mode():
        return model.encode(
            ObservationBatch(
                torch.from_numpy(np.ascontiguousarray(frames.images))[:, None].to(model.device),
                proprio if model.spec.proprio.names else None,
            )
        )


def _distances(model: WorldModel, one: Latent, other: Latent) -> NDArray[np.float64]:
    with torch.inference_mode():
        return model.distance(one, other).flatten().sqrt().double().cpu().numpy()


def _pool(latent: Latent) -> NDArray[np.float64]:
    return latent.visual[:, -1].mean(dim=1).double().cpu().numpy()
