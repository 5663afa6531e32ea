"""How old a message is when it arrives, in ROS time, and how long none came."""

from __future__ import annotations

import math
import time

from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import Header

from wm_planner.control.loop import FUTURE


def arrived(node: Node, header: Header, what: str, max_age: float, setting: str) -> float:
    """The stamp of a message that arrives [s]; the present where nobody stamped it.

    Args:
        node: Its clock is ROS time.
        header: The message's.
        what: What it is called in errors.
        max_age: How old it may be [s].
        setting: Name of the parameter that says so.

    Raises:
        ValueError: It is older, of the future, or of before 1970.
    """
    now = float(node.get_clock().now().nanoseconds * 1e-9)
    stamp = float(Time.from_msg(header.stamp).nanoseconds * 1e-9)
    if stamp == 0:
        return now
    if now - stamp > max_age:
        raise ValueError(
            f"{what} is {now - stamp:.2f} s old when it arrives; at most {max_age:.2f} s "
            f"({setting}) is allowed"
        )
    if stamp - now > FUTURE:
        raise ValueError(
            f"the stamp of {what} lies {stamp - now:.2f} s in the future: do its publisher and "
            "the node use the same clock (use_sim_time)?"
        )
    return stamp


def silence(node: Node, topic: str, since: float, allowed: float) -> str:
    """That nothing good came on a topic, as a sentence, or an empty string.

    Args:
        node: Knows who publishes.
        topic: The topic.
        since: When something came last [s, steady clock]; -inf: never.
        allowed: As long may it be silent [s].
    """
    age = time.monotonic() - since
    if age <= allowed:
        return ""
    how_long = f"for {age:.1f} s" if math.isfinite(age) else "yet"
    published = node.count_publishers(topic)
    why = "its publisher is silent" if published else "nobody publishes it"
    return f"nothing usable came on {topic} {how_long}: {why}"
