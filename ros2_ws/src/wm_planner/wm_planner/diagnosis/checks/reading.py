"""``complete``, ``clocks``: whether all of a bag was read, and its stamps are of one clock."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import Result
from wm_planner.diagnosis.examined import Recording


def run(recording: Recording) -> Iterator[Result]:
    """Return what was found when the recording was read."""
    yield from recording.episode.findings


CHECK = Check(("complete", "clocks"), Recording, run)
