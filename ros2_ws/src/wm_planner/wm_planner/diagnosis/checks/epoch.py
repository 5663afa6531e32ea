"""``epoch``: how far the training went."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.examined import ModelDescription
from wm_planner.models.spec import Training

EARLY, LATE = 0.2, 0.5
"""Shares of the planned epochs: a checkpoint below the first stops, below the second warns."""


def compare_epochs(training: Training) -> Result | None:
    """Compare the checkpoint's epoch with the epochs planned; None if those are unknown."""
    if training.epochs < 1 or training.epoch < 0:
        return None
    share = training.epoch / training.epochs
    verdict = STOP if share < EARLY else WARN if share < LATE else OK
    return judge(
        "epoch",
        share,
        LATE,
        verdict,
        f"The checkpoint is from epoch {training.epoch} of {training.epochs} planned: its "
        "predictions are those of an unfinished training. Convert a later checkpoint "
        "(model_latest.pth), or continue the training.",
        f"epoch {training.epoch} of {training.epochs}",
    )


def run(description: ModelDescription) -> Iterator[Result]:
    """Compare the checkpoint's epoch with the epochs planned."""
    if (result := compare_epochs(description.spec.training)) is not None:
        yield result


CHECK = Check(("epoch",), ModelDescription, run)
