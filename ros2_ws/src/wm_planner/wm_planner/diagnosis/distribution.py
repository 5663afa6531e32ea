"""Is the state, of now and of the goal, one that the model has seen: deviations in sigma."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.result import OK, STOP, WARN, Result, graded, judge
from wm_planner.models.spec import ModelSpec, Moments

FAR, OUTSIDE = 2.5, 3.0
"""Deviations from the training's mean [sigma] that warn, and that stop. Of a normal distribution
1.2 % lie beyond the first and 0.3 % beyond the second; a uniform one ends at 1.7. A goal at 3.5
made plans useless in the run that DINO-WM users report (loss 0.97 that would not fall)."""
SLACK = 0.05
"""Share of the bounds' range by which an action may miss them: measured ones overshoot."""
SHARE = 0.01
"""Share of recorded numbers that may lie beyond ``OUTSIDE``, or beyond the actions' bounds."""


class ProprioError(ValueError):
    """The state given is not one that the model takes."""


def state(
    name: str, values: list[float], spec: ModelSpec, what: str, cure: str
) -> tuple[list[Result], NDArray[np.float64]]:
    """Hold one state against the training's statistics, number by number.

    Args:
        name: Name of the check, e.g. ``goal_proprio``.
        values: In the order and units of ``proprio.names``.
        spec: The model's.
        what: What the state is, for the sentence.
        cure: What to do about it, for the sentence.

    Returns:
        One result per number that is outside, or one for all; and the deviations [sigma].

    Raises:
        ProprioError: There is another number of numbers, or one is not finite.
    """
    names, moments = spec.proprio.names, spec.statistics.proprio
    if not names or moments is None:
        raise ProprioError(f"The {what} was given, but this model sees images only.")
    if len(values) != len(names) or not np.isfinite(values).all():
        raise ProprioError(
            f"The {what} needs {len(names)} finite numbers ({', '.join(names)}), not {values}."
        )
    sigma = deviations(values, moments)
    results: list[Result] = []
    for index in np.argsort(-np.abs(sigma), kind="stable"):
        verdict, limit = graded(abs(sigma[index]), FAR, OUTSIDE)
        if verdict == OK and results:
            break
        unit = spec.proprio.units[index]
        sentence = (
            f"{names[index]} of the {what} is {values[index]:.4g} {unit}, training had "
            f"{moments.mean[index]:.4g} ± {moments.std[index]:.4g} {unit}: {sigma[index]:+.2f} "
            f"sigma. {cure}"
        )
        evidence = f"largest: {names[index]} at {sigma[index]:+.2f} sigma"
        results.append(judge(name, abs(sigma[index]), limit, verdict, sentence, evidence))
        if verdict == OK:
            break
    return results, sigma


def deviations(values: list[float] | NDArray[np.float64], moments: Moments) -> NDArray[np.float64]:
    """(…, P) in units of the training's standard deviation, from its mean."""
    return np.asarray((np.asarray(values, dtype=np.float64) - moments.mean) / moments.std)


def recorded_states(proprio: NDArray[np.float64], spec: ModelSpec) -> Result:
    """Hold a recording's states (K, P) against the training's."""
    assert spec.statistics.proprio is not None
    sigma = np.abs(deviations(proprio, spec.statistics.proprio))
    return _recorded(
        "proprio",
        sigma > OUTSIDE,
        spec.proprio.names,
        f"beyond {OUTSIDE:g} sigma of the training (largest {sigma.max():.1f})",
        "The arm works where the model was not trained, or its state comes in another unit, frame "
        "or order: compare proprio.names in model.yaml with what is recorded.",
    )


def recorded_actions(rows: NDArray[np.float64], spec: ModelSpec) -> Result | None:
    """Hold a recording's actions (K, A) against the spec's bounds; None where it has none."""
    if not spec.action.lower:
        return None
    lower, upper = np.array(spec.action.lower), np.array(spec.action.upper)
    slack = SLACK * (upper - lower)
    return _recorded(
        "action_bounds",
        (rows < lower - slack) | (rows > upper + slack),
        spec.action.names,
        "outside action.lower and action.upper of model.yaml",
        "The recording's actions are not the model's: another unit, another order, another rate, "
        "or the bounds in model.yaml are wrong.",
    )


def _recorded(
    name: str, outside: NDArray[np.bool_], names: list[str], where: str, cure: str
) -> Result:
    shares = outside.mean(axis=0)
    worst = int(shares.argmax())
    verdict = OK if shares[worst] <= SHARE else WARN if shares[worst] <= 10 * SHARE else STOP
    evidence = f"{shares[worst]:.1%} of {names[worst]} {where}"
    return judge(name, float(shares[worst]), SHARE, verdict, f"{evidence}. {cure}", evidence)
