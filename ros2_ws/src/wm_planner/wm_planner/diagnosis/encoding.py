"""Does the encoder give what the predictor, and the calibration, were made with."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from wm_planner.diagnosis.frames import Encoded, Windows
from wm_planner.diagnosis.result import OK, STOP, WARN, Result, first_mend, judge
from wm_planner.models.spec import Calibration

COLLAPSED = 0.01
"""Spread of a recording's latents, in the training's, below which they are all the same."""


def gap(encoded: Encoded, windows: Windows, causes: Sequence[str] = ()) -> Result:
    """Are predicted features distributed like encoded ones.

    A predictor trained with other encoder weights answers in their language: the mean of each
    feature over images and tokens differs by more than the features vary.
    """
    model = encoded.model
    real, dreamt = [], []
    with torch.inference_mode():
        for start in windows.starts:
            latent = encoded.frame(start)
            rolled = model.rollout(latent, encoded.actions(start, 1)[None])
            dreamt.append(rolled.visual[0, 0, -1].double())
            real.append(encoded.frame(start + 1).visual[0, -1].double())
    truth, dream = torch.cat(real), torch.cat(dreamt)
    spread = truth.std(0, unbiased=False)
    apart = (dream.mean(0) - truth.mean(0)).square().mean().sqrt()
    score = float(apart / spread.square().mean().sqrt().clamp(min=1e-30))
    cure = (
        first_mend(causes)
        if causes
        else (
            "The encoder's weights are not the ones the predictor was trained with, or the "
            "predictor is untrained. Convert again with the encoder file that the training loaded."
        )
    )
    return judge(
        "encoder",
        score,
        1.0,
        STOP if score > 1.0 else OK,
        f"Predicted features lie {score:.1f} standard deviations from those the encoder gives. "
        f"{cure}",
        f"predicted features lie {score:.2f} standard deviations from the encoder's",
    )


def latent_range(encoded: Encoded, calibration: Calibration) -> list[Result]:
    """Hold the recording's latents against those of the training's images.

    Args:
        encoded: The episode, encoded.
        calibration: The model's; nothing is returned where it has no latents.
    """
    if calibration.latent is None:
        return []
    pooled = torch.stack([latent.visual[0, -1].double().mean(0) for latent in encoded.latents])
    mean, std = (
        torch.tensor(values, dtype=torch.float64, device=pooled.device)
        for values in (calibration.latent.mean, calibration.latent.std)
    )
    z = (pooled - mean) / std
    far = float(z.square().mean(1).sqrt().max()) / calibration.latent_limit
    spread = float(z.std(0, unbiased=False).square().mean().sqrt())
    collapsed = spread < COLLAPSED
    return [
        judge(
            "latents",
            spread if collapsed else far,
            COLLAPSED if collapsed else 1.0,
            STOP if collapsed else WARN if far > 1.0 else OK,
            f"All images get nearly the same latent (spread {spread:.2g} of the training's): the "
            "encoder does not see what moves; its weights are not those of the training."
            if collapsed
            else f"An image's latent is {far:.1f} times as unusual as any of the training: other "
            "images (camera, light, colors), or other encoder weights than in training.",
            f"at most {far:.2f} times as unusual as in training, spread {spread:.2f} of it",
        )
    ]
