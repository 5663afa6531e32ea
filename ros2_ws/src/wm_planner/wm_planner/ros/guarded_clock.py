"""Keeps messages on /clock that are no time from ending the node."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from wm_planner.ros.problem_log import ProblemLog


def guard_clock(node: Node) -> None:
    """Have a node drop messages on /clock that are no time.

    rclpy subscribes to /clock itself if ``use_sim_time`` is set. A negative time raises an error
    that would end the node, and one beyond the range of stamps would do so when it is published.
    """
    source: Any = node._time_source  # rclpy gives no other access to the callback
    take, problem = source.clock_callback, ProblemLog(node, "/clock is ignored")

    def take_checked(message: Clock) -> None:
        time = message.clock
        if time.sec < 0 or time.nanosec >= 10**9:
            problem.report(f"{time.sec} s and {time.nanosec} ns are no time; who publishes it?")
            return
        problem.report("")
        take(message)

    source.clock_callback = take_checked
    if source._clock_sub is not None:
        source._clock_sub.callback = take_checked
