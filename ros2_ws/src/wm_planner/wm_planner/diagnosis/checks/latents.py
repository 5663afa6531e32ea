"""``latents``: whether the recording's latents are like those of the training."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.examined import Predictions

COLLAPSED = 0.01
"""Spread of a recording's latents, in the training's, below which they are all the same."""
ROUNDING = 1e-3
"""Of the distance of the most unusual image of the training, when it is encoded again."""


def run(predictions: Predictions) -> Iterator[Result]:
    """Compare the latents with the calibration, if the model has one of latents."""
    calibration = predictions.spec.calibration
    if calibration is None or calibration.latent is None:
        return
    latents = predictions.encoded.latents
    pooled = torch.stack([latent.visual[0, -1].double().mean(0) for latent in latents])
    mean, std = (
        torch.tensor(values, dtype=torch.float64, device=pooled.device)
        for values in (calibration.latent.mean, calibration.latent.std)
    )
    z = (pooled - mean) / std
    far = float(z.square().mean(1).sqrt().max()) / calibration.latent_limit
    spread = float(z.std(0, unbiased=False).square().mean().sqrt())
    collapsed = spread < COLLAPSED
    yield judge(
        "latents",
        spread if collapsed else far,
        COLLAPSED if collapsed else 1.0,
        STOP if collapsed else WARN if far > 1.0 + ROUNDING else OK,
        f"All images have nearly the same latent (spread {spread:.2g} of the training's): the "
        "encoder does not see what moves. Its weights are not those of the training: convert the "
        "model again with the encoder file that the training loaded."
        if collapsed
        else f"An image's latent is {far:.1f} times as unusual as any of the training: the images "
        "(camera, light, colors) or the encoder's weights are not those of the training. Compare "
        "an image with the training's, then check 'encoder_file'.",
        f"at most {far:.2f} times as unusual as in training, spread {spread:.2f} of it",
    )


CHECK = Check(("latents",), Predictions, run)
