"""The stream of commanded positions between plans.

A plan is played over one model step from the moment it arrives, towards the positions it chose for
the moment of its picture. As plans follow each other one step apart, the stream neither pauses nor
jumps, and moves no faster than the plan.
All times are ROS time in seconds, positions metres in the frame of the action.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wm_planner.models.spec import ModelSpec, SpecError

Vector = NDArray[np.float64]
HISTORY = 10.0  # [s] how far back the commanded position is remembered


class CommandStream:
    """Turns plans into a commanded position for every moment.

    Args:
        spec: Says what the numbers of an action mean and how long one step lasts.

    Raises:
        SpecError: The spec does not say how an action becomes a command.
    """

    def __init__(self, spec: ModelSpec) -> None:
        command = spec.action.command
        if command is None:
            raise SpecError(
                f"model {spec.name} has no action.command: model.yaml must say how its action "
                f"({', '.join(spec.action.names)}) becomes a command"
            )
        self._indices = [spec.action.names.index(name) for name in command.position]
        self._relative = command.mode == "relative"
        self._frameskip, self._dim = spec.frameskip, spec.action.dim
        self._dt = 1.0 / spec.control_rate
        self._times: list[float] = []
        self._waypoints: list[Vector] = []
        self._sent: deque[tuple[float, Vector]] = deque()

    @property
    def started(self) -> bool:
        """Whether a position was set since the last ``clear``."""
        return bool(self._waypoints)

    @property
    def busy_until(self) -> float:
        """When the last waypoint is reached [s]."""
        return self._times[-1] if self._times else -np.inf

    def clear(self) -> None:
        """Forget everything; the next goal starts from the measured position."""
        self._times, self._waypoints = [], []
        self._sent.clear()

    def start(self, position: ArrayLike, time: float) -> None:
        """Begin at a measured position (3,)."""
        self.hold(position, time)
        self._sent.clear()
        self.sent(self._waypoints[0], time)

    def hold(self, position: ArrayLike, time: float) -> None:
        """Stay at a position (3,) from now on."""
        self._times, self._waypoints = [time], [np.asarray(position, dtype=np.float64).copy()]

    def at(self, time: float) -> Vector:
        """The commanded position (3,) at a moment from now on."""
        i = bisect_right(self._times, time)
        if i == 0:
            return self._waypoints[0]
        if i == len(self._times):
            return self._waypoints[-1]
        start, end = self._times[i - 1], self._times[i]
        part = (time - start) / (end - start)
        return (1 - part) * self._waypoints[i - 1] + part * self._waypoints[i]

    def sent(self, position: Vector, time: float) -> None:
        """Remember what was sent, the basis of relative actions."""
        self._sent.append((time, position))
        while len(self._sent) > 1 and self._sent[0][0] < time - HISTORY:
            self._sent.popleft()

    def sent_at(self, time: float) -> Vector:
        """What had been sent by a moment in the past (3,)."""
        i = bisect_right(self._sent, time, key=lambda item: item[0])
        return self._sent[max(i - 1, 0)][1]

    def splice(self, actions: ArrayLike, stamp: float, now: float) -> None:
        """Play the first model step of a plan from now on.

        Args:
            actions: Physical actions (frameskip * dim,) of the first model step, in time order.
            stamp: Stamp of the image the plan was made from [s]: relative actions count from what
                had been sent by then.
            now: Current time [s].
        """
        steps = np.asarray(actions, dtype=np.float64).reshape(self._frameskip, self._dim)
        moves = steps[:, self._indices]
        waypoints = self.sent_at(stamp) + np.cumsum(moves, axis=0) if self._relative else moves
        times = now + self._dt * np.arange(1, self._frameskip + 1)
        self._waypoints = [self.at(now), *waypoints]
        self._times = [now, *times.tolist()]
