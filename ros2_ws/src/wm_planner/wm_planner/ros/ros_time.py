"""ROS time in seconds, and the age of messages."""

from __future__ import annotations

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


def arrival_stamp(node: Node, header: Header, what: str, max_age: float, setting: str) -> float:
    """Return the stamp of a message that has just arrived [s]; ROS time now if it has none.

    Args:
        node: Its clock is ROS time.
        header: The header of the message.
        what: Name of the message in errors.
        max_age: How old it may be [s].
        setting: Name of the parameter that sets ``max_age``.

    Raises:
        ValueError: The stamp is older, in the future, or before 1970.
    """
    present = now(node)
    stamp = stamp_seconds(header)
    if stamp == 0:
        return present
    if present - stamp > max_age:
        old = (
            f"{what} is {present - stamp:.2f} s old when it arrives; at most {max_age:.2f} s "
            f"({setting}) is allowed"
        )
        clock = other_clock(stamp, present, node.count_publishers("/clock") > 0)
        raise ValueError(f"{old}: {clock}" if clock else old)
    if stamp - present > MAX_FUTURE:
        clock = other_clock(stamp, present) or "do both clocks agree (chrony, use_sim_time)?"
        raise ValueError(f"the stamp of {what} lies {stamp - present:.2f} s in the future: {clock}")
    return stamp
