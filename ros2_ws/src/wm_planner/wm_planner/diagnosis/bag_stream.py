"""The messages of one topic of a bag, as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.types import Vector

POSE, TWIST = "geometry_msgs/msg/PoseStamped", "geometry_msgs/msg/TwistStamped"
JOINTS, NUMBERS = "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray"


@dataclass
class Stream:
    """The messages of one topic.

    Attributes:
        topic: Its full name.
        kind: Message type.
        times: Stamp of each message, or the time of its recording if it has no stamp [s].
        stamps: Stamp of each message, 0 if it has none [s].
        received: Time of each message's recording [s].
        values: Numbers of each message: positions [m] of poses, velocities [m/s] of twists.
        names: Names of the joints.
        frames: All ``frame_id``s.
    """

    topic: str
    kind: str
    times: list[float] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)
    received: list[float] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    frames: set[str] = field(default_factory=set)

    @property
    def has_header(self) -> bool:
        """Whether its messages can have a stamp."""
        return self.kind != NUMBERS

    def add(self, message: Any, received: float) -> bool:
        """Add a message; of an image only its time is kept.

        Returns:
            False if it has other numbers than those before, or one that is not finite, and was
            left out. Joints need not all have a position.
        """
        values = self._values(message)
        finite = np.isfinite(values)
        if values and not (finite.any() if self.kind == JOINTS else finite.all()):
            return False
        if self.values and len(values) != len(self.values[0]):
            return False
        header = getattr(message, "header", None)
        stamp = 0.0 if header is None else header.stamp.sec + 1e-9 * header.stamp.nanosec
        if header is not None and header.frame_id:
            self.frames.add(header.frame_id)
        self.times.append(stamp or received)
        self.stamps.append(stamp)
        self.received.append(received)
        self.values.append(values)
        return True

    def at(self, times: Vector, column: int) -> Vector:
        """Return one number at these times, interpolated linearly; NaN if no message has it."""
        order = np.argsort(self.times, kind="stable")
        values = np.array(self.values)[order, column]
        known = np.isfinite(values)
        if not known.any():
            return np.full(len(times), np.nan)
        return np.interp(times, np.array(self.times)[order][known], values[known])

    def before(self, times: Vector) -> NDArray[np.intp]:
        """Return the index of the last message at or before each time."""
        order = np.argsort(self.times, kind="stable")
        rank = np.searchsorted(np.array(self.times)[order], times + 1e-9, side="right") - 1
        return order[np.maximum(rank, 0)]

    def _values(self, message: Any) -> list[float]:
        if self.kind == POSE:
            p = message.pose.position
            return [p.x, p.y, p.z]
        if self.kind == TWIST:
            v = message.twist.linear
            return [v.x, v.y, v.z]
        if self.kind == JOINTS:
            self.names = self.names or list(message.name)
            by_name = dict(zip(message.name, message.position, strict=False))
            return [float(by_name.get(name, np.nan)) for name in self.names]
        if self.kind == NUMBERS:
            return [float(value) for value in message.data]
        return []
