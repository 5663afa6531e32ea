"""Calibrates latent distances: noise, typical, per motion, tolerance; the latents' range."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.protocol import ObservationBatch, WorldModel
from wm_planner.models.spec import Calibration, Moments
from wm_planner.types import RgbImage, Vector
from wm_planner_sim.evaluation.episodes import Episode, start_episode
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.motion import move
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.training.collect import Dataset
from wm_planner_sim.training.train import encode_all

SENSOR_NOISE = 0.01
"""Standard deviation of the noise added to one of two images of one state, in [0, 1]."""
CONFIDENCE = 0.99
"""Share of the episodes below the tolerance that must truly be close to their goals."""
LEAST = 0.9
"""Share of the episodes that come close which must get below the tolerance."""

MOVES = 20
"""Random moves of the hand in a scene, to see how far the latent moves with it."""
SMALL = 0.01
"""Motion of the hand that is too small to be compared [m]."""


def root_distance(model: WorldModel, first: RgbImage, second: RgbImage) -> float:
    """Return the root of the model's distance between two images, in the latent's unit."""
    one, two = (
        model.encode(ObservationBatch(torch.from_numpy(image)[None, None]))
        for image in (first, second)
    )
    return float(model.distance(one, two).sqrt().item())


def noise_floor(model: LatentWorldModel, simulation: Simulation, scenes: int = 60) -> float:
    """Return the median distance between two images of one goal.

    The two differ in the sensor's noise and in what does not matter: in ``reach`` where the cube
    lies, in ``push`` on which side of it the hand is, in ``stack`` how the lower cube is turned.
    """
    distances = []
    for seed in seeds.CALIBRATION[:scenes]:
        rng = np.random.default_rng([seed, 4])
        simulation.reset(seed)
        place = simulation.task.draw_goal(simulation, rng)
        first = simulation.goal_image(place).image
        simulation.reset(seed + scenes)
        second = simulation.goal_image(place).image
        noise = rng.normal(0.0, 255 * SENSOR_NOISE, second.shape)
        noisy = np.clip(second + noise, 0, 255).astype(np.uint8)
        distances.append(root_distance(model, first, noisy))
    return float(np.median(distances))


def typical_distance(model: LatentWorldModel, simulation: Simulation, scenes: int = 60) -> float:
    """Return the mean distance between start and goal."""
    distances = []
    for seed in seeds.CALIBRATION[:scenes]:
        goal = start_episode(simulation, seed)
        distances.append(root_distance(model, simulation.render(), goal.image))
    return float(np.mean(distances))


def distance_per_motion(model: LatentWorldModel, simulation: Simulation, scenes: int = 30) -> float:
    """Return the largest distance per motion of the hand, in the latent's unit per m.

    The hand moves at random, and the images of each scene are compared with each other. Motions of
    less than ``SMALL`` are left out, because noise is as large as what they change.
    """
    slopes = []
    for seed in seeds.CALIBRATION[:scenes]:
        rng = np.random.default_rng([seed, 7])
        simulation.reset(seed)
        images, places = [], []
        for _ in range(MOVES):
            images.append(simulation.render())
            places.append(simulation.ee_position)
            move(simulation, rng.uniform(*simulation.task.actions.bounds))
        batch, positions = torch.from_numpy(np.stack(images))[:, None], np.array(places)
        for lag in range(1, MOVES):
            one, two = (
                model.encode(ObservationBatch(frames)) for frames in (batch[lag:], batch[:-lag])
            )
            changes = model.distance(one, two).flatten().sqrt().detach().double().numpy()
            motions = np.linalg.norm(positions[lag:] - positions[:-lag], axis=1)
            slopes += list(changes[motions > SMALL] / motions[motions > SMALL])
    return float(np.max(slopes))


def tolerance(episodes: Iterable[Episode], close: float) -> float:
    """Return the latent distance below which a goal counts as reached.

    It is the largest one for which, at the first image below it, ``CONFIDENCE`` of the episodes are
    truly close to their goals, so that goals end as early as is safe.

    Args:
        episodes: Closed-loop episodes with ``model_distances``.
        close: Share of the success radius that is close; the rest is for delays on a robot.

    Raises:
        ValueError: No distance does: the model is not good enough.
    """
    runs = [
        (np.array(e.model_distances), np.array(e.distances) / e.success_radius) for e in episodes
    ]
    near = sum(bool((true < close).any()) for _, true in runs)
    for threshold in np.unique(np.concatenate([seen for seen, _ in runs]))[::-1]:
        crossings = _first_crossings(runs, threshold)
        if not len(crossings) or len(crossings) < LEAST * near:
            break
        if np.mean(crossings < close) >= CONFIDENCE:
            return float(threshold)
    raise ValueError("no latent distance separates reached goals from others: train a better model")


def _first_crossings(runs: list[tuple[Vector, Vector]], threshold: float) -> Vector:
    """Return the true distances, in success radii, at the first steps below ``threshold``."""
    return np.array(
        [true[np.argmax(seen < threshold)] for seen, true in runs if seen.min() < threshold]
    )


def latent_range(model: LatentWorldModel, data: Dataset) -> tuple[Moments, float]:
    """Return the moments of the training images' latents, and how unusual the most unusual one is.

    Returns:
        Mean and standard deviation, and the largest root mean square of the latents normalized
        with them.
    """
    codes = encode_all(model, data)
    latents = codes.reshape(-1, codes.shape[-1]).astype(np.float64)
    mean, std = latents.mean(0), latents.std(0)
    unusual = np.sqrt(np.mean(((latents - mean) / std) ** 2, axis=1)).max()
    return Moments(mean.tolist(), std.tolist()), float(unusual)


def calibrate(
    model: LatentWorldModel,
    simulation: Simulation,
    data: Dataset,
    reached: float,
) -> Calibration:
    """Return the calibration for ``model.yaml``.

    Args:
        model: The model.
        simulation: Of its task.
        data: Episodes with images.
        reached: Distance below which a goal counts as reached [latent unit]; see ``tolerance``.
    """
    typical = typical_distance(model, simulation)
    slope = None
    if not simulation.task.carries:  # with an object the distance falls while the hand is anywhere
        slope = distance_per_motion(model, simulation) / typical
    latent, limit = latent_range(model, data)
    return Calibration(
        noise_floor=noise_floor(model, simulation),
        typical_distance=typical,
        tolerance=reached / typical,
        latent=latent,
        latent_limit=limit,
        distance_per_motion=slope,
    )
