"""``action_stats``, ``proprio_stats``, ``state_stats``: whether the model's are the training's."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.datasets import compare
from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.examined import OpenDataset
from wm_planner.diagnosis.wrong_statistics.explain import explain

HARMLESS = 0.05
"""Shift of a value of one sigma [sigma] up to which wrong statistics only warn."""


def run(dataset: OpenDataset) -> Iterator[Result]:
    """Find which statistics of the dataset the model has, and what wrong ones would do.

    Raises:
        DatasetError: The dataset itself cannot be normalized.
    """
    data = dataset.data
    for found in compare(dataset.spec.statistics, data):
        shifts = ", ".join(f"{part} {value:.3g}" for part, value in found.shifts.items())
        wrong = data.training_part not in found.parts
        what = (wrong and explain(found, data)) or (
            f"they match no part of {data.directory}; the nearest is '{found.nearest}'"
        )
        yield judge(
            f"{found.quantity}_stats",
            found.shift if wrong else 0.0,
            HARMLESS,
            (STOP if found.shift > HARMLESS else WARN) if wrong else OK,
            f"The {found.quantity} statistics are not those of the training: {what}. They shift a "
            f"value of one sigma by up to {found.shift:.2g} sigma. If the model was trained on "
            f"this dataset, convert it again with --dataset {data.directory}.",
            f"shift of {found.quantity} in sigma against {shifts}",
        )


CHECK = Check(("action_stats", "proprio_stats", "state_stats"), OpenDataset, run)
