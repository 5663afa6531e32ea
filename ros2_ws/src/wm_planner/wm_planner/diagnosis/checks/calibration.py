"""``calibration``: whether the networks contradict the calibration in ``model.yaml``."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.examined import LoadedModel
from wm_planner.models.calibration_check import check_calibration
from wm_planner.models.spec import SpecError

FAR = 0.5
"""Tolerance, in typical distances, above which a goal counts as reached too early."""


def run(loaded: LoadedModel) -> Iterator[Result]:
    """Compare the calibration with the distances of unrelated images."""
    if loaded.spec.calibration is None:
        return
    tolerance = loaded.spec.calibration.tolerance
    try:
        check_calibration(loaded.model)
    except SpecError as error:
        yield Result("calibration", tolerance, FAR, STOP, f"{error}.")
        return
    yield judge(
        "calibration",
        tolerance,
        FAR,
        WARN if tolerance > FAR else OK,
        f"A goal counts as reached with {tolerance:.0%} of the usual way left, because the model "
        "hardly tells one step from many: train it longer, or calibrate with a longer horizon.",
        f"a goal counts as reached with {tolerance:.1%} of the usual way left",
    )


# No plan depends on the calibration, and wrong weights contradict it: another check names these.
CHECK = Check(("calibration",), LoadedModel, run, effects=("calibration",))
