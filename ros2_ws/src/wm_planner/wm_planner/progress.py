"""How far a long job is, whoever shows it: a terminal, a log or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """Takes how many of a phase's units were done: ``step()`` or ``step(3)``."""

    def __call__(self, units: float = 1) -> None:
        """Take the units that were done since the last call."""


class Progress(Protocol):
    """Shows the phases of a long job.

    ``with progress("encoding images", 20) as step`` begins a phase of 20 units; a phase of unknown
    length has no total. A phase may be inside another one.
    """

    def __call__(self, what: str, total: float | None = None) -> AbstractContextManager[Step]:
        """Begin a phase; ``what`` completes "it is …"."""


@contextmanager
def silent(what: str, total: float | None = None) -> Iterator[Step]:
    """Show nothing, as a ``Progress``."""

    def step(units: float = 1) -> None:
        pass

    yield step
