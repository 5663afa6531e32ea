"""What latents and their distances mean: noise floor, typical distance, tolerance, range."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.spec import Calibration, Moments
from wm_planner.types import RgbImage
from wm_planner_sim import scene, seeds
from wm_planner_sim.collect import Dataset
from wm_planner_sim.evaluation import SUCCESS_RADIUS, Episode, start_episode
from wm_planner_sim.simulation import Simulation
from wm_planner_sim.train import encode_all

SENSOR_NOISE = 0.01
"""Standard deviation of the noise added to one of two images of one state, in [0, 1]."""
CONFIDENCE = 0.99
"""Share of goals that must get below the tolerance, and be truly reached when they do."""
CLOSE = SUCCESS_RADIUS / 2
"""Where the hand must truly be [m]; the other half is left to delays of a running system."""


def root_distance(model: LatentWorldModel, first: RgbImage, second: RgbImage) -> float:
    """Root of the model's distance between two images, in the latent's unit."""
    one, two = (
        model.encode(ObservationBatch(torch.from_numpy(image)[None, None]))
        for image in (first, second)
    )
    return float(model.distance(one, two).sqrt().item())


def noise_floor(model: LatentWorldModel, simulation: Simulation, scenes: int = 60) -> float:
    """Median distance between two images of one place of the hand.

    Between the two the cube lies elsewhere and the sensor's noise differs; that is all that can
    change while the arm is at the goal.
    """
    distances = []
    for seed in seeds.CALIBRATION[:scenes]:
        rng = np.random.default_rng([seed, 4])
        place = rng.uniform(scene.WORKSPACE_MIN, scene.WORKSPACE_MAX)
        simulation.reset(seed)
        first = simulation.goal_image(place).image
        simulation.reset(seed + scenes)
        second = simulation.goal_image(place).image
        noise = rng.normal(0.0, 255 * SENSOR_NOISE, second.shape)
        noisy = np.clip(second + noise, 0, 255).astype(np.uint8)
        distances.append(root_distance(model, first, noisy))
    return float(np.median(distances))


def typical_distance(model: LatentWorldModel, simulation: Simulation, scenes: int = 60) -> float:
    """Mean distance between start and goal."""
    distances = []
    for seed in seeds.CALIBRATION[:scenes]:
        goal = start_episode(simulation, seed)
        distances.append(root_distance(model, simulation.render(), goal.image))
    return float(np.mean(distances))


def tolerance(episodes: Iterable[Episode]) -> float:
    """Latent distance under which a goal counts as reached.

    The largest one for which, at the first image below it, the hand is within ``CLOSE`` of the
    goal in ``CONFIDENCE`` of the episodes; so goals end as early as is safe.

    Args:
        episodes: Closed-loop runs with ``model_distances``.

    Raises:
        ValueError: There is none that ``CONFIDENCE`` of the episodes get below: the model is not
            good enough to tell.
    """
    runs = [(np.array(e.model_distances), np.array(e.distances)) for e in episodes]
    for threshold in np.unique(np.concatenate([seen for seen, _ in runs]))[::-1]:
        crossings = _first_crossings(runs, threshold)
        if len(crossings) < CONFIDENCE * len(runs):
            break
        if np.mean(crossings < CLOSE) >= CONFIDENCE:
            return float(threshold)
    raise ValueError("no latent distance tells a reached goal from one that is not")


def _first_crossings(
    runs: list[tuple[NDArray[np.float64], NDArray[np.float64]]], threshold: float
) -> NDArray[np.float64]:
    """True distances [m] at the first step whose latent distance is below ``threshold``."""
    return np.array(
        [true[np.argmax(seen < threshold)] for seen, true in runs if seen.min() < threshold]
    )


def latent_range(model: LatentWorldModel, data: Dataset) -> tuple[Moments, float]:
    """Mean and deviation of the training images' latents, and the most unusual one's distance.

    Returns:
        The moments, and the largest root mean square of the latents normalized with them.
    """
    codes = encode_all(model, data)
    latents = codes.reshape(-1, codes.shape[-1]).astype(np.float64)
    mean, std = latents.mean(0), latents.std(0)
    unusual = np.sqrt(np.mean(((latents - mean) / std) ** 2, axis=1)).max()
    return Moments(mean.tolist(), std.tolist()), float(unusual)


def calibrate(
    model: LatentWorldModel, simulation: Simulation, episodes: Iterable[Episode], data: Dataset
) -> Calibration:
    """Everything that ``model.yaml`` holds; ``episodes`` as for ``tolerance``."""
    typical = typical_distance(model, simulation)
    latent, limit = latent_range(model, data)
    return Calibration(
        noise_floor=noise_floor(model, simulation),
        typical_distance=typical,
        tolerance=tolerance(episodes) / typical,
        latent=latent,
        latent_limit=limit,
    )
