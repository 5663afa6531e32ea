"""Find the part of a dataset that given statistics were computed on."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.datasets.dataset import PARTS, QUANTITIES, Dataset
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.moments import of_moments, same, shift
from wm_planner.models.spec import Moments, Statistics


@dataclass(frozen=True)
class StatisticsMatch:
    """The statistics of one quantity compared with a dataset.

    Attributes:
        quantity: ``action``, ``proprio`` or ``state``.
        given: The statistics.
        parts: Parts of the dataset whose statistics they equal, up to rounding in float32.
        nearest: The part whose statistics are nearest.
        shifts: How far they move a value of one sigma, against each part [sigma].
        shift: The same against the part that the training used.
    """

    quantity: str
    given: Moments
    parts: tuple[str, ...]
    nearest: str
    shifts: dict[str, float]
    shift: float


def compare(statistics: Statistics, dataset: Dataset) -> list[StatisticsMatch]:
    """Compare statistics with those of each part of a dataset.

    Returns:
        One match for each quantity that ``statistics`` has.

    Raises:
        DatasetError: The dataset itself cannot be normalized.
    """
    given = {quantity: getattr(statistics, quantity) for quantity in QUANTITIES}
    return [_compare(name, moments, dataset) for name, moments in given.items() if moments]


def _compare(quantity: str, given: Moments, dataset: Dataset) -> StatisticsMatch:
    pair = of_moments(given)
    known = {}
    for part in PARTS:
        try:
            known[part] = of_moments(dataset.moments(quantity, part))
        except DatasetError:
            if part == dataset.training_part:
                raise  # any other part may be too small to have statistics
    shifts = {part: float(shift(pair, other)) for part, other in known.items()}
    return StatisticsMatch(
        quantity=quantity,
        given=given,
        parts=tuple(part for part, other in known.items() if same(pair, other)),
        nearest=min(shifts, key=lambda part: (shifts[part], part != dataset.training_part)),
        shifts=shifts,
        shift=shifts[dataset.training_part],
    )
