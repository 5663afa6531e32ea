"""Errors of a check as findings."""

from __future__ import annotations

from wm_planner.camera_contract import STOP
from wm_planner.cli.report import Result, Section
from wm_planner.diagnosis.distribution import ProprioError
from wm_planner.diagnosis.episode import RecordingError
from wm_planner.images import ImageFormatError
from wm_planner.models.dino_wm.datasets import DataError
from wm_planner.models.loading import WeightsError
from wm_planner.models.spec import SpecError
from wm_planner.planning import PlanError

EXPECTED = (
    DataError,
    ImageFormatError,
    OSError,
    PlanError,
    ProprioError,
    RecordingError,
    SpecError,
    WeightsError,
    ValueError,  # devices, settings of planner and objective
)


class Told:
    """What keeps a check from being made becomes a finding of its section."""

    def __init__(self, section: Section, name: str) -> None:
        self._section, self._name = section, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, EXPECTED):
            return False
        sentence = f"{str(error).rstrip('.')}."
        self._section.results.append(Result(self._name, 1.0, 0.0, STOP, sentence))
        return True
