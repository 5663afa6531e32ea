"""ROS time in seconds, and the age of messages."""

from __future__ import annotations

import math

from builtin_interfaces.msg import Duration, Time
from rclpy.node import Node
from rclpy.time import Time as RosTime
from std_msgs.msg import Header

from wm_planner.control.clock import MAX_FUTURE
from wm_planner.control.stamps import other_clock


def now(node: Node) -> float:
    """Return the ROS time of a node's clock [s]."""
    return float(node.get_clock().now().nanoseconds * 1e-9)


def seconds_to_time(seconds: float) -> Time:
    """Return seconds as a stamp."""
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def seconds_to_duration(seconds: float) -> Duration:
    """Return seconds as a duration."""
    nanoseconds = round(seconds * 1e9)
    return Duration(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def duration_to_seconds(duration: Duration) -> float:
    """Return a duration in seconds."""
    return float(duration.sec + duration.nanosec * 1e-9)


def stamp_seconds(header: Header) -> float:
    """Return the stamp of a header [s]; 0 if it has none.

    Raises:
        ValueError: The stamp is negative.
    """
    return float(RosTime.from_msg(header.stamp).nanoseconds * 1e-9)


class ArrivalStamps:
    """Reads the stamps of the messages that arrive on a topic.

    Args:
        node: Its clock is ROS time.
        what: Name of the messages in errors.
        setting: Name of the parameter that sets how old they may be.
    """

    def __init__(self, node: Node, what: str, setting: str) -> None:
        self._node, self._what, self._setting = node, what, setting
        self._last = math.nan

    def read(self, header: Header, max_age: float) -> float:
        """Return the stamp of a message that has just arrived [s]; ROS time now if it has none.

        Args:
            header: The header of the message.
            max_age: How old it may be [s].

        Raises:
            ValueError: The stamp is older, in the future, or negative.
        """
        present, what = now(self._node), self._what
        if header.stamp.sec < 0:
            raise ValueError(f"the stamp of {what} is negative: let its driver stamp with ROS time")
        stamp = stamp_seconds(header)
        if stamp == 0:
            return present
        stands, self._last = stamp == self._last, stamp
        if present - stamp > max_age:
            old = (
                f"{what} is {present - stamp:.2f} s old when it arrives; at most {max_age:.2f} s "
                f"({self._setting}) is allowed"
            )
            clock = other_clock(stamp, present, self._node.count_publishers("/clock") > 0)
            if stands:
                clock = "its stamp does not advance: let its driver stamp each message"
            raise ValueError(f"{old}: {clock}" if clock else old)
        if stamp - present > MAX_FUTURE:
            clock = other_clock(stamp, present) or "do both clocks agree (chrony, use_sim_time)?"
            raise ValueError(
                f"the stamp of {what} lies {stamp - present:.2f} s in the future: {clock}"
            )
        return stamp
