"""Whose clock a stamp is of, if it is not that of ROS time."""

from __future__ import annotations

import time

DAYS = 1e9  # [s] the times of day since 1970 are larger, those since some start are smaller
NEAR = 5.0  # [s] a stamp so near to another clock is of it
_SET = "set the clocks of both computers by each other, e.g. with chrony"


def other_clock(stamp: float, now: float, clock_topic: bool | None = None) -> str:
    """Return which clock a stamp seems to be of and what to change, or an empty string.

    Args:
        stamp: The stamp [s], far from ROS time.
        now: ROS time [s].
        clock_topic: Whether somebody publishes ``/clock``; None: not known.
    """
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
    if now > DAYS > stamp:
        what = f"its stamp is {stamp:.2f} s, a time since some start"
        if clock_topic:
            return f"{what}, and /clock is published: start the planner with use_sim_time:=true"
        if min(abs(stamp - boot) for boot in since_boot) < NEAR:
            what = f"its stamp is {stamp:.2f} s, the time since this machine was started"
        return f"{what}: let its driver stamp with ROS time (or, in a simulation, publish /clock)"
    if stamp > DAYS > now:
        return (
            "its stamp is the time of day, but the planner takes its time from /clock: set "
            "use_sim_time for its publisher too, or for none of both"
        )
    if stamp - now > NEAR:
        return f"the clock of its publisher is {stamp - now:.0f} s ahead: {_SET}"
    if now - stamp > NEAR:
        return (
            f"the clock of its publisher is {now - stamp:.0f} s behind ({_SET}), or a recording is "
            "played (play it with --clock, and set use_sim_time), or it waited in a queue"
        )
    return ""
