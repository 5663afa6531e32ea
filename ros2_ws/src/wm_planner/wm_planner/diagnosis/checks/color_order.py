"""``color_order``: whether the model predicts better with red and blue exchanged.

Needs no colors of the training in ``model.yaml``, only a model that sees color.
"""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, Result, judge
from wm_planner.diagnosis.encoded_episode import EncodedEpisode
from wm_planner.diagnosis.examined import Predictions
from wm_planner.diagnosis.prediction_errors import WEAK, PredictionErrors, measure

FASTER = 0.75
"""Share of the error below which exchanged colors are better."""


def run(predictions: Predictions) -> Iterator[Result]:
    """Compare the errors with those after exchanging red and blue."""
    recording = predictions.recording
    windows = recording.windows
    swapped = EncodedEpisode(
        recording.loaded.model,
        recording.episode,
        windows.frames,
        swapped=True,
        progress=recording.loaded.progress,
    )
    exchanged = _over_persistence(measure(swapped, windows, recording.loaded.progress))
    ratio = exchanged / max(_over_persistence(predictions.errors), 1e-30)
    yield judge(
        "color_order",
        ratio,
        FASTER,
        STOP if ratio < FASTER and exchanged < WEAK else OK,
        f"With red and blue exchanged, the model's error is {ratio:.2f} of the present one: the "
        "images are BGR where the model expects RGB, or image.color_order in model.yaml is wrong. "
        "Correct the recording's encoding, or convert the model again with the right color order.",
        f"error with red and blue exchanged is {ratio:.2f} times the present one",
    )


def _over_persistence(errors: PredictionErrors) -> float:
    still = errors.one_step_still + errors.rollout_still + 1e-30
    return (errors.one_step + errors.rollout) / still


CHECK = Check(("color_order",), Predictions, run)
