"""``encoder``: whether predicted features are distributed like encoded ones."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, Note, Result, fix_first, judge
from wm_planner.diagnosis.examined import Predictions

LIMIT = 1.0
"""Largest distance of the means, in standard deviations of the encoded features."""
LEAST = 5
"""Windows from which the spread of features is judged."""


def run(predictions: Predictions) -> Iterator[Result | Note]:
    """Compare the mean of each predicted feature, over images and tokens, with the encoded one.

    The features of a predictor that was trained with other encoder weights differ in the mean by
    more than they vary.
    """
    starts = predictions.recording.windows.starts
    if len(starts) < LEAST:
        yield Note(
            "The recording is too short to compare predicted features with the encoder's: it has "
            f"{len(starts)} windows of the {LEAST} that are needed."
        )
        return
    encoded = predictions.encoded
    true_features, predicted_features = [], []
    with torch.inference_mode():
        for start in starts:
            actions = encoded.actions(start, 1)[None]
            rolled = encoded.model.rollout(encoded.frame(start), actions)
            predicted_features.append(rolled.visual[0, 0, -1].double())
            true_features.append(encoded.frame(start + 1).visual[0, -1].double())
    truth, predicted = torch.cat(true_features), torch.cat(predicted_features)
    spread = truth.std(0, unbiased=False)
    apart = (predicted.mean(0) - truth.mean(0)).square().mean().sqrt()
    width = spread.square().mean().sqrt()
    if width <= 1e-6 * truth.square().mean().sqrt():  # all the same: 'latents' says so
        return
    score = float(apart / width)
    cure = (
        fix_first(predictions.causes)
        if predictions.causes
        else (
            "The encoder's weights are not those that the predictor was trained with, or the "
            "predictor is untrained: convert the model again with the encoder file that the "
            "training loaded."
        )
    )
    yield judge(
        "encoder",
        score,
        LIMIT,
        STOP if score > LIMIT else OK,
        f"Predicted features lie {score:.1f} standard deviations from the encoder's. {cure}",
        f"predicted features lie {score:.2f} standard deviations from the encoder's",
    )


CHECK = Check(("encoder",), Predictions, run)
