"""What follows when a model was converted: warnings on its bounds, and its calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wm_planner.conversion.calibration import calibrate
from wm_planner.datasets import Dataset
from wm_planner.models.loading import load
from wm_planner.models.spec import ModelSpec
from wm_planner.progress import Progress

OUTSIDE = 0.1
"""Share of the recorded actions outside the bounds above which the user is told."""
ROUNDING = 1e-3
"""Share of the bounds' range by which a recorded action may exceed them: it is rounded."""
_ROWS = 100_000  # of the actions that are compared


def bounds_warnings(spec: ModelSpec, dataset: Dataset | None) -> list[str]:
    """Return a warning if the bounds forbid much of what was recorded; the planner obeys them."""
    if dataset is None or not spec.action.lower:
        return []
    rows = np.concatenate([dataset.counted("action", i) for i in dataset.parts["all"]])
    rows = rows[:: 1 + len(rows) // _ROWS]
    warnings = []
    for name, low, high, column in zip(
        spec.action.names, spec.action.lower, spec.action.upper, rows.T, strict=True
    ):
        slack = ROUNDING * (high - low)
        share = float(np.mean((column < low - slack) | (column > high + slack)))
        if share > OUTSIDE:
            warnings.append(
                f"{share:.0%} of the recorded values of {name} lie outside its bounds, {low:g} to "
                f"{high:g} (recorded: {column.min():.3g} to {column.max():.3g}): the planner will "
                "not try them. Correct action.lower and action.upper, or their units."
            )
    return warnings


def measure_calibration(
    output: Path, spec: ModelSpec, dataset: Dataset, progress: Progress
) -> list[str]:
    """Measure the calibration of a written model and add it; return a warning if that fails.

    Raises:
        OSError: The spec cannot be written.
    """
    try:
        spec.calibration = calibrate(load(output), dataset, progress=progress)
    except ValueError as error:
        return [f"There is no calibration, so no goal can count as reached: {error}"]
    spec.save(output)
    return []
