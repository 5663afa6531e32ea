"""A check of the doctor: its name, what it needs, and its function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from wm_planner.diagnosis.check_result import Answer
from wm_planner.diagnosis.examined import Examined

T = TypeVar("T", bound=Examined)


@dataclass(frozen=True)
class Check(Generic[T]):
    """One check.

    Attributes:
        names: Names of its results. An exception is reported under the first one.
        needs: The class of ``examined`` that the function takes.
        run: Yields results, facts and notes; nothing if the check does not apply.
        essential: Skip the remaining checks of the same thing if a result is not ``ok``.
        effects: Those of ``names`` that have another cause, and are never named as one.
    """

    names: tuple[str, ...]
    needs: type[T]
    run: Callable[[T], Iterable[Answer]]
    essential: bool = False
    effects: tuple[str, ...] = ()
