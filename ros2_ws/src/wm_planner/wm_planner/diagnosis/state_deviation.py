"""How far a state is from those of the training, in standard deviations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.check_result import OK, Fact, Result, graded, judge
from wm_planner.models.spec import ModelSpec, Moments

FAR, OUTSIDE = 2.5, 3.0
"""Deviations from the training's mean [sigma] above which a number warns, and stops. A normal
distribution has 1.2 % beyond the first and 0.3 % beyond the second; a uniform one ends at 1.7. A
goal at 3.5 made plans useless in a run that DINO-WM users report (the loss stayed at 0.97)."""


class ProprioError(ValueError):
    """A given state does not fit the model."""


def deviations(values: list[float] | NDArray[np.float64], moments: Moments) -> NDArray[np.float64]:
    """Return (…, P): distances from the training's mean in its standard deviations."""
    return np.asarray((np.asarray(values, dtype=np.float64) - moments.mean) / moments.std)


def compare_state(
    name: str, values: list[float], spec: ModelSpec, what: str, cure: str
) -> Iterator[Result | Fact]:
    """Compare each number of a state with the training's statistics.

    Args:
        name: Name of the results, e.g. ``goal_proprio``.
        values: In the order and units of ``proprio.names``.
        spec: The model's spec.
        what: What the state is, for the sentence.
        cure: What a deviation means and what to do, for the sentence.

    Yields:
        One result for each number that is outside, or one for all; a fact with all deviations.

    Raises:
        ProprioError: The model takes no state, or another number of finite numbers.
    """
    names, moments = spec.proprio.names, spec.statistics.proprio
    if not names or moments is None:
        raise ProprioError(f"The {what} was given, but this model takes images only: leave it out")
    if len(values) != len(names) or not np.isfinite(values).all():
        raise ProprioError(
            f"The {what} needs {len(names)} finite numbers ({', '.join(names)}), not {values}"
        )
    sigma = deviations(values, moments)
    first = True
    for index in np.argsort(-np.abs(sigma), kind="stable"):
        verdict, limit = graded(abs(sigma[index]), FAR, OUTSIDE)
        if verdict == OK and not first:
            break
        first, unit = False, spec.proprio.units[index]
        sentence = (
            f"{names[index]} of the {what} is {values[index]:.4g} {unit}, training had "
            f"{moments.mean[index]:.4g} ± {moments.std[index]:.4g} {unit}: {sigma[index]:+.2f} "
            f"sigma. {cure}"
        )
        evidence = f"largest: {names[index]} at {sigma[index]:+.2f} sigma"
        yield judge(name, abs(sigma[index]), limit, verdict, sentence, evidence)
        if verdict == OK:
            break
    shown = (f"{number} {value:+.2f} sigma" for number, value in zip(names, sigma, strict=True))
    yield Fact(what, "  ".join(shown))
