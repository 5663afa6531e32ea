"""``object_seen``: whether the latent changes when only the object is moved."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Fact, Note, Result, graded, judge
from wm_planner.diagnosis.examined import MovedObject
from wm_planner.diagnosis.model_calls import distance, encode
from wm_planner.diagnosis.moved_frames import CHANGED, MOST
from wm_planner.diagnosis.prediction_errors import VISUAL

WEAK, BLIND = 1.5, 1.0
"""Distance of the two images, in tolerances, below which the object is hardly seen, or not."""
_MEANING = {
    OK: "",
    WARN: "The model barely tells the two images apart, so goals may count as reached too early",
    STOP: "The model does not tell the two images apart, so it cannot plan with this object",
}


def run(moved: MovedObject) -> Iterator[Result | Fact | Note]:
    """Compare the distance of the two images with that at which a goal counts as reached."""
    spec, model = moved.spec, moved.loaded.model
    images = np.stack([moved.before, moved.after])
    if moved.frames is None:
        different = np.abs(np.diff(images.astype(np.float32), axis=0)).max(axis=-1) > CHANGED
        share = float(different.mean())
        yield Fact("pixels changed", f"{share:.1%}")
        if share > MOST:
            yield Note(
                f"More than one object seems to have changed ({share:.0%} of the pixels): keep "
                "arm, camera and light unchanged, or the result does not describe the object."
            )
    calibration = spec.calibration
    if calibration is None:
        yield Note("Without calibration in model.yaml, there is no tolerance to compare with.")
        return
    moments = spec.statistics.proprio if spec.proprio.names else None
    state = np.array([moments.mean] * 2) if moments else None
    before, after = (
        encode(model, images[i : i + 1], None if state is None else state[i : i + 1])
        for i in range(2)
    )
    apart = math.sqrt(distance(model, before, after, VISUAL)) / calibration.typical_distance
    score = calibration.tolerance / max(apart, 1e-30)
    verdict, limit = graded(score, 1 / WEAK, 1 / BLIND)
    what, otherwise = "with the object moved, the distance is", ""
    if moved.frames is not None:
        one, other = moved.frames
        what = (
            f"in frames {one} and {other} the arm is at the same place and a part of the image "
            "changed: their distance is"
        )
        otherwise = " (if it was not the object that moved, use --moved)"
    evidence = (
        f"{what} {apart:.3g}; a goal counts as reached at {calibration.tolerance:.3g}{otherwise}"
    )
    if moved.frames is not None and verdict == STOP:
        verdict = WARN  # it may have been something else
    yield judge(
        "object_seen",
        score,
        limit,
        verdict,
        f"{_MEANING[verdict]}: {evidence}. Use a model with image tokens (DINO-WM), or train with "
        "images in which the object moves and is large.",
        evidence,
    )


CHECK = Check(("object_seen",), MovedObject, run)
