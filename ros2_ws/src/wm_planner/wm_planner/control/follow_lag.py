"""How late the arm follows its commands, from where it was commanded to be and where it was."""

from __future__ import annotations

import numpy as np

from wm_planner.control.history import CommandHistory
from wm_planner.control.motion_check import PoseHistory

LAGS = np.linspace(0.0, 1.0, 51)  # [s] that are tried
NEAR = 5  # steps of them: so much away from the lag found, 0.1 s, the error must be larger
TELLING = 0.003  # [m or rad] by so much, as root mean square
SHARE = 0.3  # of the motion: the error that the lag found may leave
MOST = 250  # poses that count
TOLERANCE = 0.05  # [s] by which commands.lag may be wrong


def measured_lag(commands: CommandHistory, poses: PoseHistory) -> float | None:
    """Return how late the arm follows its commands [s], or None if its motion does not tell.

    It is the lag with which the measured positions differ least from the commanded ones, but for a
    constant, as between two frames of the hand. Orientations do not count.

    Args:
        commands: What was commanded, a goal or more.
        poses: What was measured; poses from before the commands and after them do not count.

    Returns:
        One of ``LAGS``; the largest if the arm follows at least as late.
    """
    times, points = commands.path()
    if not len(times):
        return None
    stamps, positions = poses.path(times[0], times[-1])
    if len(stamps) < 2:
        return None
    every = len(stamps) // MOST + 1
    stamps, positions = stamps[::every], positions[::every]
    columns = range(positions.shape[1])

    def error(lag: float) -> float:
        """Return the mean square of the error with a lag [m^2 or rad^2]."""
        wanted = np.array([np.interp(stamps - lag, times, points[:, i]) for i in columns]).T
        return float((positions - wanted).var(axis=0).sum())

    errors = np.array([error(lag) for lag in LAGS])
    best = int(np.argmin(errors))
    beside = [errors[i] for i in (best - NEAR, best + NEAR) if 0 <= i < len(errors)]
    tells = min(beside) - errors[best] >= TELLING**2
    follows = errors[best] <= SHARE**2 * positions.var(axis=0).sum()
    return float(LAGS[best]) if tells and follows else None


def lag_difference(measured: float, expected: float) -> str:
    """Return that ``commands.lag`` is not what was measured, as a sentence, or an empty string.

    Args:
        measured: The measured lag [s].
        expected: ``commands.lag`` [s].
    """
    if abs(measured - expected) < TOLERANCE:
        return ""
    more = " or more" if measured >= LAGS[-1] else ""
    return (
        f"the arm followed {measured:.2f} s{more} late, and commands.lag is {expected:.2f} s. It "
        "should be what was measured, less the lag of the arm in the training data if their "
        "actions are its commands"
    )
