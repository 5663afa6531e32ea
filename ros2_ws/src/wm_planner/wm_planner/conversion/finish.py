"""Measures the calibration of a model that was converted and written."""

from __future__ import annotations

from pathlib import Path

from wm_planner.conversion.calibration import calibrate
from wm_planner.datasets import Dataset
from wm_planner.models.loading import load
from wm_planner.models.spec import ModelSpec


def measure_calibration(output: Path, spec: ModelSpec, dataset: Dataset) -> list[str]:
    """Measure the calibration of a written model and add it; return a note if that fails.

    Raises:
        OSError: The spec cannot be written.
    """
    try:
        spec.calibration = calibrate(load(output), dataset)
    except ValueError as error:
        return [f"There is no calibration, so no goal can count as reached: {error}"]
    spec.save(output)
    return []
