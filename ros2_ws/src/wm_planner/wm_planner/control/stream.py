"""The stream of commanded positions between plans.

A plan is a path over time: it begins where the arm had been told to be when the image was taken.
By the time it arrives the arm has gone on, so it is played from the point of its path that is
nearest to where the arm is told to be now: what has been traveled is dropped, what has not is
played at the speed it was planned with. What remains between path and stream fades within one
model step. The path is played beyond its first model step, into the plan's horizon, until the next
plan comes, and no longer than ``play_on``; then the stream holds.

What is sent is the path's mean over the last ``blend`` seconds, so that the velocity is continuous
and changes by no more than (difference of two speeds) / ``blend``, at every corner, join and hold
(a path of straight lines with parabolic blends: Craig, Introduction to Robotics, ch. 7).

Positions are meters in the frame of the action, or radians; times are of the stream's own clock,
in seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector

SEARCH = 64  # points of a plan's path among which the nearest is looked for, per step


class CommandStream:
    """Turns plans into a commanded position for every moment.

    Args:
        frameskip: Actions in one model step.
        dt: Duration of one action [s].
        relative: Whether actions displace the position, rather than being it.
        play_on: How long a plan is played beyond its first model step [s].
        blend: Length of the mean [s]; 0: none.
    """

    def __init__(
        self, frameskip: int, dt: float, relative: bool, play_on: float, blend: float
    ) -> None:
        self._dt, self._step, self._relative = dt, dt * frameskip, relative
        self._play_on, self._blend = play_on, blend
        self.clear()

    @property
    def started(self) -> bool:
        """Whether a position was set since the last ``clear``."""
        return self._times.size > 0

    def clear(self) -> None:
        """Forget everything; the next goal starts from the measured position."""
        self._times, self._points = np.empty(0), np.empty((0, 0))

    def start(self, position: ArrayLike, time: float) -> None:
        """Begin at rest at a measured position (n,)."""
        self._times = np.array([time])
        self._points = np.asarray(position, dtype=np.float64)[None].copy()

    def hold(self, time: float) -> None:
        """Come to rest: the path ends where it is now."""
        self._continue(time, np.empty(0), np.empty((0, self._points.shape[1])))

    def at(self, time: float) -> Vector:
        """The commanded position (n,) at a moment from now on."""
        begin = time - self._blend
        if not begin < time:
            return self._path(time)
        inner = self._times[(self._times > begin) & (self._times < time)]
        knots: Vector = np.array([begin, *inner, time])
        points = _interpolate(self._times, self._points, knots)
        areas = (points[1:] + points[:-1]) / 2 * np.diff(knots)[:, None]
        return np.asarray(areas.sum(axis=0) / self._blend)

    def splice(self, actions: ArrayLike, basis: ArrayLike, latency: float, time: float) -> None:
        """Go over to a plan.

        Args:
            actions: What the plan does, one row (n,) per environment step, in time order.
            basis: Position (n,) that the arm had been told when the plan's image was taken.
            latency: Time since that image [s].
            time: Current time [s].
        """
        moves, start = np.asarray(actions, dtype=np.float64), np.asarray(basis, dtype=np.float64)
        points = np.vstack([start, start + np.cumsum(moves, axis=0) if self._relative else moves])
        times = self._dt * np.arange(len(points), dtype=np.float64)
        here = self._path(time)
        # The path runs half a blend ahead of what is sent, which is what the plan counts from.
        passed = nearest(times, points, here, latency + self._blend / 2)
        # What remains between the path and the stream fades within one model step.
        end = max(min(times[-1] - passed, self._step + self._play_on), self._step)
        inner = times - passed
        inner = inner[(inner > 0) & (inner < end)]
        knots: Vector = np.unique(np.array([*inner, self._step, end]))
        gap = here - _interpolate(times, points, np.array([passed]))[0]
        fading = np.clip(1 - knots / self._step, 0, 1)[:, None]
        path = _interpolate(times, points, knots + passed) + gap * fading
        self._continue(time, time + knots, path)

    def _path(self, time: float) -> Vector:
        return _interpolate(self._times, self._points, np.array([time]))[0]

    def _continue(self, time: float, times: Vector, points: Vector) -> None:
        """Replace the future, and keep as much of the past as the mean needs."""
        here = self._path(time)
        kept = (self._times < time) & (self._times > time - self._blend)
        begin = time - self._blend
        first = [self._path(begin)] if self._blend else []
        self._points = np.array([*first, *self._points[kept], here, *points])
        self._times = np.array([*([begin] if first else []), *self._times[kept], time, *times])


def _interpolate(times: Vector, points: Vector, at: Vector) -> Vector:
    """Points (k, n) of a path of straight lines at the times (k,); constant beyond its ends."""
    return np.stack([np.interp(at, times, column) for column in points.T], axis=1)


def nearest(times: Vector, points: Vector, here: Vector, latest: float) -> float:
    """The time, at most ``latest``, when a path is nearest to a position; the first of equals."""
    latest = min(max(latest, 0.0), times[-1])
    tried = np.linspace(0.0, latest, SEARCH * len(times))
    away = np.linalg.norm(_interpolate(times, points, tried) - here, axis=1)
    return float(tried[np.argmax(away <= away.min() + 1e-6)])
