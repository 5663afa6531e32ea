"""A message on /clock that is no time is dropped; the node lives, and time goes on."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from builtin_interfaces.msg import Time
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from wm_planner.ros.guarded_clock import guard_clock
from wm_planner.ros.ros_time import now

SIM_TIME = Parameter("use_sim_time", value=True)
NO_TIMES = [Time(sec=-1), Time(sec=-(2**31)), Time(sec=2**31 - 1, nanosec=2**32 - 1)]


@pytest.mark.dds
@pytest.mark.parametrize("at_start", [True, False], ids=["at the start", "later"])
def test_no_time_is_dropped(
    make_node: Callable[..., Node],
    executor: SingleThreadedExecutor,
    spin_until: Callable[..., None],
    at_start: bool,
) -> None:
    space = f"/clock_{os.getpid()}_{at_start}"
    settings = {"parameter_overrides": [SIM_TIME]} if at_start else {}
    node = make_node("planner", cli_args=["--ros-args", "-r", f"/clock:={space}"], **settings)
    guard_clock(node)
    if not at_start:
        node.set_parameters([SIM_TIME])
    executor.add_node(node)
    clock = make_node("clock").create_publisher(Clock, space, 100)
    spin_until(lambda: clock.get_subscription_count() == 1)
    sent = 0

    def tick() -> bool:
        """Publish one message, as rclpy keeps only the newest: a time, or one that is none."""
        nonlocal sent
        sent += 1
        bad = NO_TIMES[sent // 2 % len(NO_TIMES)]
        clock.publish(Clock(clock=Time(sec=sent) if sent % 2 else bad))
        return now(node) > 20.0

    spin_until(tick)
    assert now(node) <= sent
