"""Which part of a data set given statistics belong to, and what explains them if none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wm_planner.models.dino_wm.datasets.data import PARTS, Data
from wm_planner.models.dino_wm.datasets.explain import explain
from wm_planner.models.dino_wm.datasets.files import DataError
from wm_planner.models.dino_wm.datasets.moments import of_moments, same, shift
from wm_planner.models.spec import CONSTANTS, Moments, Provenance, Statistics

QUANTITIES = ("action", "proprio", "state")


@dataclass(frozen=True)
class QuantityMatch:
    """The statistics of one quantity against a data set.

    Attributes:
        quantity: ``action``, ``proprio`` or ``state``.
        parts: Parts whose statistics they equal, up to rounding in float32.
        nearest: The part they are nearest to.
        shift: How far they move a number of one sigma against what the training used [sigma].
        shifts: The same against each part.
        explanation: What they are instead of the training's statistics; empty: they are the
            training's, or nothing explains them.
    """

    quantity: str
    parts: tuple[str, ...]
    nearest: str
    shift: float
    shifts: dict[str, float]
    explanation: str


@dataclass(frozen=True)
class Match:
    """Statistics against a data set.

    Attributes:
        part: The part that all quantities match: the training's where it is one of them, else
            ``all``, ``train``, ``validation`` or ``none``.
        training_part: The part whose statistics upstream's training used.
        nearest: The part that the action's statistics are nearest to.
        shift: How far they move an action of one sigma against the training's [sigma].
        quantities: Each quantity by itself.
        evidence: What was found, in sentences.
    """

    part: str
    training_part: str
    nearest: str
    shift: float
    quantities: tuple[QuantityMatch, ...]
    evidence: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether they are the statistics that the training used."""
        return self.part == self.training_part

    @property
    def explanations(self) -> tuple[str, ...]:
        """What explains quantities that are not the training's."""
        return tuple(found.explanation for found in self.quantities if found.explanation)


def compare(statistics: Statistics, data: Data) -> Match:
    """Find what part of ``data`` the statistics were computed on.

    Raises:
        DataError: The data set cannot be normalized itself.
    """
    found = []
    for quantity in QUANTITIES:
        given: Moments | None = getattr(statistics, quantity)
        if given is not None:
            found.append(_compare(quantity, given, data))
    common = [part for part in PARTS if all(part in match.parts for match in found)]
    part = data.training_part if data.training_part in common else (*common, "none")[0]
    evidence = tuple(_sentence(match, data) for match in found)
    if statistics.provenance and statistics.provenance.split != CONSTANTS:
        evidence += tuple(_provenance(statistics.provenance, data))
    action = found[0]
    return Match(part, data.training_part, action.nearest, action.shift, tuple(found), evidence)


def _compare(quantity: str, given: Moments, data: Data) -> QuantityMatch:
    pair = of_moments(given)
    known = {}
    for part in PARTS:
        try:
            known[part] = of_moments(data.moments(quantity, part))
        except DataError:
            if part == data.training_part:
                raise  # any other part may be too small to have statistics
    shifts = {part: float(shift(pair, other)) for part, other in known.items()}
    parts = tuple(part for part, other in known.items() if same(pair, other))
    right = data.training_part in parts
    return QuantityMatch(
        quantity=quantity,
        parts=parts,
        nearest=min(shifts, key=lambda part: (shifts[part], part != data.training_part)),
        shift=shifts[data.training_part],
        shifts=shifts,
        explanation="" if right else explain(quantity, pair, data, parts),
    )


def _provenance(recorded: Provenance, data: Data) -> Iterator[str]:
    """What the provenance says and the data set contradicts."""
    if recorded.dataset_sha256 != data.sha256:
        yield (
            f"the statistics record the data digest {recorded.dataset_sha256[:12]}…, "
            f"{data.directory} has {data.sha256[:12]}…: its files are not those they came from"
        )
    indices = data.parts.get(recorded.split, [])
    steps = sum(data.lengths[i] for i in indices)
    if indices and (recorded.episodes, recorded.steps) != (len(indices), steps):
        yield (
            f"the statistics record {recorded.episodes} episodes of {recorded.steps} steps, part "
            f"'{recorded.split}' of {data.directory} has {len(indices)} of {steps} steps"
        )


def _sentence(match: QuantityMatch, data: Data) -> str:
    name, part = match.quantity, data.training_part
    if part in match.parts:
        return f"{name}: the statistics are those the training used ({data.rule.words})"
    far = f"they move a value of one sigma by up to {match.shift:.2g} sigma"
    if match.explanation:
        return f"{name}: not what the training used: {match.explanation}; {far}"
    return (
        f"{name}: the statistics match no part of {data.directory}; nearest is '{match.nearest}', "
        f"and {far}: they come from other data"
    )
