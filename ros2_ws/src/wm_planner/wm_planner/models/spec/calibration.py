"""The ``calibration`` section of ``model.yaml``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.statistics import Moments


@dataclass
class Calibration:
    """Distances in the model's latent space, measured at the export (root of ``distance``).

    Attributes:
        noise_floor: Distance between two images of the same state.
        typical_distance: Distance between start and goal of an episode.
        tolerance: Distance below which a goal counts as reached, as a fraction of
            ``typical_distance``.
        latent: Moments of the training images' visual latents, each averaged over its tokens;
            None if unknown.
        latent_limit: Largest root mean square of a training image's latent after normalization
            with ``latent``; the node reports images that exceed it.
        distance_per_motion: Largest change of the distance when the arm moves, in typical
            distances per m or rad of the command; None if unknown.
    """

    noise_floor: float
    typical_distance: float
    tolerance: float
    latent: Moments | None = None
    latent_limit: float = 1.0
    distance_per_motion: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.noise_floor < self.typical_distance:
            raise SpecError("calibration needs 0 <= noise_floor < typical_distance")
        if not 0 < self.tolerance < 1:
            raise SpecError("calibration.tolerance must lie between 0 and 1")
        if not self.latent_limit > 0:
            raise SpecError("calibration.latent_limit must be above 0")
        if self.distance_per_motion is not None and not 0 < self.distance_per_motion < math.inf:
            raise SpecError("calibration.distance_per_motion must be above 0 and finite")
