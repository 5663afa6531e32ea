"""``history``: whether the model predicts better with the images before the newest one.

That is ``model.history``: the papers' planning shows the model one image, its training several.
"""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, WARN, Answer, Note, judge
from wm_planner.diagnosis.examined import Predictions
from wm_planner.diagnosis.prediction_errors import VISUAL

WORSE, BETTER = 1.05, 0.95
"""Error with the images before, over that without, that differs from no difference."""


def run(predictions: Predictions) -> Iterator[Answer]:
    """Compare the errors over the windows that have enough frames before them."""
    encoded, windows = predictions.encoded, predictions.recording.windows
    seen, steps = predictions.spec.num_hist - 1, windows.horizon
    starts = [start for start in windows.starts if start >= seen]
    if not seen or not starts or predictions.causes:
        return
    errors = {
        frames: sum(
            float(encoded.prediction_error(s, encoded.actions(s, steps), VISUAL, frames=frames)[0])
            for s in starts
        )
        for frames in (1, seen + 1)
    }
    ratio = errors[seen + 1] / max(errors[1], 1e-30)
    used = predictions.loaded.config.model.history == "real"
    evidence = (
        f"the error after {steps} model steps is {errors[seen + 1] / len(starts):.3g} from "
        f"{seen + 1} images, and {errors[1] / len(starts):.3g} from the newest alone "
        f"({len(starts)} windows)"
    )
    sentence = f"Looking back makes predictions worse: {evidence}. Set model.history to none."
    yield judge("history", ratio, WORSE, WARN if used and ratio > WORSE else OK, sentence, evidence)
    if not used and ratio < BETTER:
        yield Note(
            f"Looking back makes predictions better: {evidence}. Try model.history=real, and "
            "compare how many goals are reached."
        )


CHECK = Check(("history",), Predictions, run)
