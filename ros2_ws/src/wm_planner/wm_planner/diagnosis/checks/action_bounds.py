"""``action_bounds``: the share of recorded actions outside the spec's bounds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import Result
from wm_planner.diagnosis.examined import Recording
from wm_planner.diagnosis.share_outside import judge_share
from wm_planner.models.spec import ModelSpec

SLACK = 0.05
"""Share of the bounds' range by which an action may exceed them: measured ones overshoot."""


def compare_bounds(rows: NDArray[np.float64], spec: ModelSpec) -> Result | None:
    """Compare recorded actions (K, A) with the spec's bounds; None if it has none."""
    if not spec.action.lower:
        return None
    lower, upper = np.array(spec.action.lower), np.array(spec.action.upper)
    slack = SLACK * (upper - lower)
    return judge_share(
        "action_bounds",
        (rows < lower - slack) | (rows > upper + slack),
        spec.action.names,
        "outside action.lower and action.upper of model.yaml",
        "The recorded actions have another unit, order or rate than the model's, or the bounds are "
        "wrong. Correct the recording, or the bounds in model.yaml.",
    )


def run(recording: Recording) -> Iterator[Result]:
    """Compare the recorded actions with the bounds."""
    if (result := compare_bounds(recording.episode.rows, recording.spec)) is not None:
        yield result


CHECK = Check(("action_bounds",), Recording, run)
