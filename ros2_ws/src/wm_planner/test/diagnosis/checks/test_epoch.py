"""Unfinished trainings."""

from __future__ import annotations

import pytest

from wm_planner.diagnosis.checks.epoch import compare_epochs
from wm_planner.models.spec import Training


@pytest.mark.parametrize(
    ("epoch", "verdict"), [(9, "stop"), (19, "stop"), (20, "warn"), (49, "warn"), (50, "ok")]
)
def test_early_epochs_stop_and_half_trained_ones_warn(epoch: int, verdict: str) -> None:
    result = compare_epochs(Training(epoch, 100, 0))
    assert result is not None
    assert result.verdict == verdict
    assert f"{epoch} of 100" in result.evidence


def test_unknown_planned_epochs_say_nothing() -> None:
    assert compare_epochs(Training(9, 0, 0)) is None
