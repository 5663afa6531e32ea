"""The ``calibration`` section of ``model.yaml``."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.numbers import check, number
from wm_planner.models.spec.statistics import Moments

ROUNDING = 1e-6
MOST_SPREADS = 64.0
"""Largest typical distance, in spreads of the latents averaged over their tokens.

It is at most 4 if a latent has one token. With more, the average hides most of what moves.
"""


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

    noise_floor: float = number(0, 1e4)
    typical_distance: float = number(1e-6, 1e4)
    tolerance: float = number(1e-6, 0.999)
    latent: Moments | None = None
    latent_limit: float = number(1e-3, 30, 1.0)
    distance_per_motion: float | None = number(1e-6, 1e3, None)

    def __post_init__(self) -> None:
        check(self, "calibration")
        if not self.noise_floor < self.typical_distance:
            raise SpecError("calibration.noise_floor must be below calibration.typical_distance")
        if not self.noise_floor <= self.tolerance * self.typical_distance * (1 + ROUNDING):
            raise SpecError(
                f"calibration.tolerance is {self.tolerance:.3g} of typical_distance, "
                f"{self.tolerance * self.typical_distance:.3g}: that is below "
                f"calibration.noise_floor ({self.noise_floor:.3g}), so no goal would be reached"
            )

    def check_spread(self) -> None:
        """Compare ``typical_distance`` with ``latent``, if the distance is of images alone.

        The networks say more; see ``models/calibration_check.py``.

        Raises:
            SpecError: No images with such latents are as far apart.
        """
        if self.latent is None or not self.latent.std:
            return
        if self.typical_distance > (largest := MOST_SPREADS * self.latent.spread):
            raise SpecError(
                f"calibration.typical_distance is {self.typical_distance:.3g}, but images whose "
                f"latents vary as calibration.latent.std says are at most {largest:.3g} apart: "
                "any image would count as the goal. Export the model again"
            )
