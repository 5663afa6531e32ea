"""The stream of commanded points between plans.

A plan is a path over time that begins where its image shows the arm: at the position commanded
``commands.lag`` before the image was taken. By the time the plan arrives the arm has moved on, so
the plan is played from the point of its path that is nearest to the commanded position: what the
arm has already traveled is skipped, and the rest is played at the planned speed. The gap between
path and stream fades within one model step. The path is played beyond its first model step, into
the horizon of the plan, until the next plan arrives, but no longer than ``extra_time``; then the
stream holds.

The stream sends the mean of the path over the last ``blend`` seconds. This makes the velocity
continuous, and limits its change at every corner, join and stop to (difference of two speeds) /
``blend`` (a path of straight lines with parabolic blends: Craig, Introduction to Robotics, ch. 7).

The orientation goes along with the position: it turns about one axis between two points of a plan,
and its mean is that of the turns within the blend.

Points are those of a ``CommandSpace``. Times are in seconds of the stream's own clock, which the
commander slows to slow the arm.
"""

from __future__ import annotations

import numpy as np

from wm_planner.control.space import CommandSpace
from wm_planner.types import Vector

SEARCH = 64  # points per environment step among which the nearest one is found


class CommandStream:
    """Turns plans into a commanded point at every time.

    Args:
        space: The space of the points.
        frameskip: Actions in one model step.
        dt: Duration of one action [s].
        extra_time: How long a plan is played beyond its first model step [s].
        blend: Time over which the mean is taken [s]; 0 disables it.

    Attributes:
        space: As above; one with another lever may replace it.
    """

    def __init__(
        self, space: CommandSpace, frameskip: int, dt: float, extra_time: float, blend: float
    ) -> None:
        self.space, self._dt, self._step = space, dt, dt * frameskip
        self._extra_time, self._blend = extra_time, blend
        self.clear()

    def clear(self) -> None:
        """Forget the path; the next goal starts from the measured pose."""
        self._times, self._points = np.empty(0), np.empty((0, 0))

    def start(self, point: Vector, time: float) -> None:
        """Start at rest at a point (n,)."""
        self._times, self._points = np.array([time]), point[None].copy()

    def at(self, time: float) -> Vector:
        """Return the commanded point (n,) at a time that is not before the last one."""
        begin = time - self._blend
        if not begin < time:
            return self._path(time)
        inner = self._times[(self._times > begin) & (self._times < time)]
        knots: Vector = np.array([begin, *inner, time])
        # The mean of a straight piece is its middle.
        middles = self._along(self._times, self._points, (knots[1:] + knots[:-1]) / 2)
        return self.space.mean(middles, np.diff(knots))

    def splice(
        self, plan: Vector, basis: Vector, latency: float, time: float
    ) -> tuple[float, float]:
        """Switch to a plan.

        Args:
            plan: Points (steps, n), one per environment step.
            basis: Point (n,) where the plan begins, at the time of its image.
            latency: Time of the stream since that image [s].
            time: Current time [s].

        Returns:
            Times of the stream at which commands would have begun to play the plan, and at which
            they will end [s].
        """
        points = np.vstack([basis, plan])
        times = self._dt * np.arange(len(points), dtype=np.float64)
        here = self._path(time)
        # Because of the mean, the path is half a blend ahead of the commands.
        passed = nearest(self.space, times, points, here, latency + self._blend / 2)
        # The gap between path and stream fades within one model step.
        end = max(min(times[-1] - passed, self._step + self._extra_time), self._step)
        inner = times - passed
        inner = inner[(inner > 0) & (inner < end)]
        knots: Vector = np.unique(np.array([*inner, self._step, end]))
        gap = self.space.between(self._along(times, points, np.array([passed]))[0], here)
        fading = np.clip(1 - knots / self._step, 0, 1)[:, None]
        path = self.space.moved(self._along(times, points, knots + passed), gap * fading)
        self._continue(time, time + knots, path)
        lag = self._blend / 2
        return time - passed + lag, time + end + lag

    def _path(self, time: float) -> Vector:
        return self._along(self._times, self._points, np.array([time]))[0]

    def _along(self, times: Vector, points: Vector, at: Vector) -> Vector:
        return self.space.along(times, points, at)

    def _continue(self, time: float, times: Vector, points: Vector) -> None:
        """Replace the future of the path, and keep as much of its past as the mean needs."""
        here = self._path(time)
        kept = (self._times < time) & (self._times > time - self._blend)
        begin = time - self._blend
        first = [self._path(begin)] if self._blend else []
        self._points = np.array([*first, *self._points[kept], here, *points])
        self._times = np.array([*([begin] if first else []), *self._times[kept], time, *times])


def nearest(
    space: CommandSpace, times: Vector, points: Vector, here: Vector, latest: float
) -> float:
    """Return the first time, up to ``latest``, at which a path is nearest to a point (n,)."""
    latest = min(max(latest, 0.0), times[-1])
    tried = np.linspace(0.0, latest, SEARCH * len(times))
    found = space.along(times, points, tried)
    away = space.distance(np.broadcast_to(here, found.shape), found)
    return float(tried[np.argmax(away <= away.min() + 1e-6)])
