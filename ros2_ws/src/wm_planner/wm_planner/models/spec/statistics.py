"""The ``statistics`` section of ``model.yaml``: normalization, its provenance and its digest."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass

from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.numbers import check, number

CONSTANTS = "constants"
"""``Provenance.split`` of statistics that were chosen by hand, not computed from data."""


@dataclass
class Moments:
    """Mean and standard deviation of each number, in physical units.

    Attributes:
        mean: The means, in the order of the numbers' names.
        std: The standard deviations, in the same order.
    """

    mean: list[float] = number(-1e6, 1e6)
    std: list[float] = number(1e-9, 1e4)

    def __post_init__(self) -> None:
        check(self, "statistics")
        if len(self.mean) != len(self.std):
            raise SpecError(f"{len(self.mean)} means but {len(self.std)} standard deviations")

    @property
    def spread(self) -> float:
        """Root mean square of the standard deviations."""
        return math.sqrt(sum(std * std for std in self.std) / max(1, len(self.std)))


@dataclass
class Provenance:
    """Where statistics come from, so that anyone can compute them again.

    Attributes:
        dataset: Name of the dataset.
        dataset_sha256: Digest of its files.
        split: Part of the data that the statistics were computed on: ``all``, ``train``, …, or
            ``constants`` if they were chosen by hand.
        formula: The formula in words (``ddof``, epsilon, scale).
        episodes: Number of episodes counted.
        steps: Number of environment steps counted.
        split_seed: Seed of the split; -1 if there was none.
    """

    dataset: str
    dataset_sha256: str
    split: str
    formula: str
    episodes: int = number(0, 1e9)
    steps: int = number(0, 1e12)
    split_seed: int = number(-1, 2**63, -1)

    def __post_init__(self) -> None:
        check(self, "statistics.provenance")


@dataclass
class Statistics:
    """The z-normalization that the model was trained with, and where it comes from.

    Attributes:
        action: Moments of one environment step's action.
        proprio: Moments of the proprio; None if the model takes none.
        state: Moments of the dataset's full state; None if unknown. No plan depends on it.
        provenance: Where the numbers come from; None if unknown.
        sha256: SHA-256 of the numbers at the export (``digest``), so that a later change is
            noticed.
    """

    action: Moments
    proprio: Moments | None = None
    state: Moments | None = None
    provenance: Provenance | None = None
    sha256: str = ""

    def __post_init__(self) -> None:
        check(self, "statistics")

    def digest(self) -> str:
        """Compute the SHA-256 of the moments, as canonical JSON of their float64 values."""
        numbers = {
            name: asdict(moments) if (moments := getattr(self, name)) is not None else None
            for name in ("action", "proprio", "state")
        }
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()

    def problem(self) -> str:
        """Say why these statistics cannot be trusted; an empty string if they can."""
        if self.provenance is None:
            return "model.yaml has no statistics.provenance"
        empty = [name for name, value in asdict(self.provenance).items() if value == ""]
        if self.provenance.split != CONSTANTS:
            empty += [name for name in ("episodes", "steps") if getattr(self.provenance, name) < 1]
        if empty:
            return f"statistics.provenance leaves out {', '.join(empty)}"
        if self.sha256 != self.digest():
            return (
                f"their digest is {self.digest()[:12]}…, model.yaml records "
                f"'{self.sha256[:12]}…': the numbers were changed after the export"
            )
        return ""
