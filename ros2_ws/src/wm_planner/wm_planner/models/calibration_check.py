"""Checks the calibration in ``model.yaml`` against what the networks make of unrelated images."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from wm_planner.models.batch import observation_batch
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.models.spec import ModelSpec, SpecError
from wm_planner.types import Observation

BEYOND = 2.0
"""How many times further apart than unrelated images a training's start and goal may be.

Unrelated images can be nearer to each other than those of a training: an encoder that was trained
to find the hand may hardly see the difference of images without one.
"""
SPREADS = 4.0
"""Largest typical distance, in spreads of the training's latents, if these are all that counts.

Two groups of images are 2 spreads apart. The ends of a straight way through all images of the
training are 3.5 apart.
"""
NEAR = 0.2
"""Largest distance at which a goal may count as reached, as a share of the largest distance."""


@torch.inference_mode()
def check_calibration(model: WorldModel) -> None:
    """Check that the calibration can be true, so that not any image counts as the goal.

    Unrelated images (and states, if the model takes proprio) are encoded, 9 in all. Start and goal
    of an episode cannot be much further apart than these. Of a model with one token per image and
    without proprio, ``calibration.latent`` says more: see ``SPREADS``.

    Raises:
        SpecError: Names the number that cannot be true. A model without calibration passes.
    """
    spec, calibration = model.spec, model.spec.calibration
    if calibration is None:
        return
    latents = [model.encode(observation_batch(o, spec, model.device)) for o in _unrelated(spec)]
    apart = max(_distance(model, a, b) for i, a in enumerate(latents) for b in latents[:i])
    largest = BEYOND * apart
    tokens, features = latents[0].visual.shape[-2:]
    if calibration.latent is not None:
        if len(calibration.latent.mean) != features:
            raise SpecError(
                f"calibration.latent has {len(calibration.latent.mean)} numbers, but the model's "
                f"latents have {features}. Export the model again"
            )
        scale = spec.objective.distance_of_spread(tokens * features)
        spread = calibration.latent.spread * (scale or 0.0)
        if spread > largest:
            raise SpecError(
                f"calibration.latent.std cannot be true: the training images' latents differ by "
                f"{spread:.3g}, but the model sees unrelated images only {apart:.3g} apart. "
                "Export the model again, with these weights"
            )
        if scale and tokens == 1 and not spec.proprio.names:
            largest = min(largest, SPREADS * spread)
    typical, reached = calibration.typical_distance, calibration.tolerance
    for name, distance, limit in (
        ("typical_distance", typical, largest),
        ("tolerance", reached * typical, NEAR * largest),
    ):
        if not distance <= limit:  # NaN is not
            raise SpecError(
                f"calibration.{name} cannot be true, because any image would count as the goal: it "
                f"is {distance:.3g} in the latent space, where at most {limit:.3g} is possible "
                f"(the model sees unrelated images {apart:.3g} apart). Export the model again, "
                "with these weights"
            )


def _unrelated(spec: ModelSpec) -> Iterator[Observation]:
    """Yield observations that have nothing in common, always the same."""
    size, rng = spec.image.size, np.random.default_rng(0)
    row, column = np.indices((size, size)) / size
    red, noise = np.array([1.0, 0.0, 0.0]), rng.random((size, size, 3))
    shades = (row * 0, row * 0 + 1, row, row < 0.5, column < 0.5, column >= 0.5, column * 8 % 2 < 1)
    moments = spec.statistics.proprio if spec.proprio.names else None
    for shade in (*(s[..., None] for s in shades), red, noise):
        image = np.broadcast_to(255 * shade, (size, size, 3)).astype(np.uint8)
        state = None
        if moments is not None:
            signs = rng.choice([-1.0, 1.0], len(moments.mean))
            state = np.array(moments.mean) + signs * np.array(moments.std)
        yield Observation((image,) * len(spec.views), state)


def _distance(model: WorldModel, one: Latent, other: Latent) -> float:
    return math.sqrt(float(model.distance(one, other).item()))
