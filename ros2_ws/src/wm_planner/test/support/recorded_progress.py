"""A ``Progress`` that remembers the phases of a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from wm_planner.progress import Step


@dataclass
class Phase:
    """A phase: what was announced, and what was done of it."""

    what: str
    total: float | None
    done: float = 0.0
    ended: bool = False


@dataclass
class RecordedProgress:
    """Phases in the order in which they began."""

    phases: list[Phase] = field(default_factory=list)

    @contextmanager
    def __call__(self, what: str, total: float | None = None) -> Iterator[Step]:
        """Begin a phase."""
        phase = Phase(what, total)
        self.phases.append(phase)

        def step(units: float = 1) -> None:
            assert not phase.ended
            phase.done += units

        try:
            yield step
        finally:
            phase.ended = True

    @property
    def names(self) -> list[str]:
        """What the phases are."""
        return [phase.what for phase in self.phases]

    def check(self) -> None:
        """Check that each phase ended, and that all units of those of known length were done."""
        assert all(phase.ended for phase in self.phases)
        for phase in self.phases:
            assert phase.total is None or phase.done == phase.total, phase
