"""``angle_units``: whether the statistics of angles are possible in radians."""

from __future__ import annotations

import math
from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.examined import ModelDescription
from wm_planner.models.spec import CONSTANTS, ModelSpec, Moments

FAST, FASTEST = 1.0, 2.5
"""Typical angular speeds of actions above which it warns, and stops [rad/s]; the second is the
FR3's limit (Franka Robotics, Robot and interface specifications)."""


def compare_angles(spec: ModelSpec) -> Result | None:
    """Judge the angles of the action and the proprio by their statistics.

    None if there are no angles, or if the statistics were chosen by hand and not computed. An
    orientation in radians lies between -pi and pi. A turn is judged by its angular speed.
    """
    provenance = spec.statistics.provenance
    if provenance and provenance.split == CONSTANTS:
        return None
    shares = [*_turns(spec), *_orientations(spec)]
    if not shares:
        return None
    share, what = max(shares)
    verdict = STOP if share > 1 else WARN if share > FAST / FASTEST else OK
    return judge(
        "angle_units",
        share,
        FAST / FASTEST,
        verdict,
        f"{what}: these look like degrees. Convert the training data to radians and train again, "
        "or, if the data are in radians and only the statistics are not, correct these.",
        "angles are possible in radians",
    )


def _turns(spec: ModelSpec) -> Iterator[tuple[float, str]]:
    """Yield the typical angular speed of the action, as a share of the largest possible one."""
    command = spec.action.command
    rotation = command.rotation if command else None
    if command is None or rotation is None or rotation.form.count != 3:
        return
    mode = rotation.mode or command.mode
    for name, mean, std in _moments(spec.action.names, spec.statistics.action, rotation.names):
        if mode == "absolute":
            yield _orientation(f"action {name}", mean, std)
            continue
        speed = math.hypot(mean, std) * (1.0 if mode == "velocity" else 1 / spec.step_time)
        what = f"action {name} is {mean:.3g} ± {std:.3g}, which turns the hand by {speed:.3g} rad/s"
        yield speed / FASTEST, what


def _orientations(spec: ModelSpec) -> Iterator[tuple[float, str]]:
    rotation, moments = spec.proprio.rotation, spec.statistics.proprio
    if rotation is None or moments is None or len(rotation.names) != 3:
        return
    for name, mean, std in _moments(spec.proprio.names, moments, rotation.names):
        yield _orientation(f"proprio {name}", mean, std)


def _orientation(what: str, mean: float, std: float) -> tuple[float, str]:
    share = max(abs(mean), std) / math.pi
    # Up to pi nothing is odd: the roll of a hand that points down jumps between -pi and pi.
    return share if share > 1 else 0.0, f"{what} is {mean:.3g} ± {std:.3g}, beyond pi"


def _moments(
    names: list[str], moments: Moments, wanted: list[str]
) -> Iterator[tuple[str, float, float]]:
    """Yield name, mean and standard deviation of the wanted numbers."""
    for name in wanted:
        i = names.index(name)
        yield name, float(moments.mean[i]), float(moments.std[i])


def run(description: ModelDescription) -> Iterator[Result]:
    """Judge the angles of the action and the proprio."""
    if (result := compare_angles(description.spec)) is not None:
        yield result


CHECK = Check(("angle_units",), ModelDescription, run)
