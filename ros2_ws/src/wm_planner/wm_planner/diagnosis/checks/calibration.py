"""``calibration``: whether the networks contradict the calibration in ``model.yaml``."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, Result
from wm_planner.diagnosis.examined import LoadedModel
from wm_planner.models.calibration_check import check_calibration
from wm_planner.models.spec import SpecError


def run(loaded: LoadedModel) -> Iterator[Result]:
    """Compare the calibration with the distances of unrelated images."""
    if loaded.spec.calibration is None:
        return
    try:
        check_calibration(loaded.model)
    except SpecError as error:
        yield Result("calibration", 1.0, 0.0, STOP, f"{error}.")
    else:
        yield Result("calibration", 0.0, 0.0, OK)


# No plan depends on the calibration, and wrong weights contradict it: another check names these.
CHECK = Check(("calibration",), LoadedModel, run, effects=("calibration",))
