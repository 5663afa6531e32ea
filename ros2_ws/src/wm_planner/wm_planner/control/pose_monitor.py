"""The newest measured pose that can be believed; one that only repeats is not new."""

from __future__ import annotations

import math

import numpy as np

from wm_planner.control.gate import CommandGate
from wm_planner.control.motion_check import PoseHistory
from wm_planner.control.rotation import angle_between
from wm_planner.types import Pose, Vector

STUCK = 0.25  # times the lead: after a commanded move this long the pose must differ
# The fastest motion of an arm. Cartesian: the limits of Franka Robotics' FR3, of which the arm's
# own control allows no more; joints: the wrist of Universal Robots' arms, 360 degrees per second.
SPEED, TURN, JOINT_SPEED = 3.0, 2.5, 2 * math.pi  # [m/s], [rad/s], [rad/s]
FACTOR = 2.0  # times the fastest motion, so that noise is no jump
SLACK = 0.02  # [s] error of the time between two poses, and of several that arrive together
LONGEST = 0.1  # [s] a longer pause allows no larger jump
CONFIRMING = 3  # poses in a row, over the time below, that confirm a pose after a jump
CONFIRMING_TIME = 0.2  # [s]


class PoseMonitor:
    """Remembers the newest measured pose that can be believed.

    A pose agrees with another if an arm can have moved from one to the other. A pose is believed if
    it agrees with the believed one before it, or once several poses in a row agree: two after the
    start, ``CONFIRMING`` over ``CONFIRMING_TIME`` after a jump. A single wrong pose is skipped.

    A pose that repeats the last one although the arm was commanded to move is not new,
    whatever its stamp: its driver has lost the arm, or the arm does not follow its commands.

    Attributes:
        pose: The newest believed pose; None before the first.
        settled: Whether all recent poses agree, so that a goal may start from the newest.
        steady: When the newest believed pose arrived that settled them [s, steady clock]; -inf
            before the first.
        problem: A sentence on the last jump until the poses are settled, else an empty string.
        history: The believed poses.
    """

    def __init__(self) -> None:
        self.pose: Pose | None = None
        self.settled, self.steady, self.problem = False, -math.inf, ""
        self.history = PoseHistory()
        self._commanded: Vector | None = None  # the command when the pose last changed
        self._last: Pose | None = None  # believed or not
        self._agreeing, self._since = 0, 0.0  # poses in a row; when the first arrived
        self._needed = 2, 0.0  # poses and time that settle them
        self._trusted = False  # whether the poses in a row began with one that can be believed

    def take(self, pose: Pose, commanded: Vector | None, gate: CommandGate) -> bool:
        """Take a pose; return whether it is believed and new.

        Args:
            pose: The measured pose.
            commanded: The last commanded point (n,) of the gate's space; None if no goal has
                started.
            gate: Its leads determine after which commanded move the pose must differ.
        """
        self._compare(pose, gate)
        if not (self.settled or self._trusted):
            return False
        self.history.add(pose)
        moved = self.pose is None or _differ(pose, self.pose)
        if moved:
            self._commanded = commanded
        elif commanded is not None and self._commanded is not None:
            stuck = gate.leads(self._commanded, commanded) > STUCK
            pose = self.pose if stuck and self.pose else pose
        new = pose is not self.pose
        self.pose = pose
        if self.settled:
            self.steady = pose.steady
        return new

    def restart(self, commanded: Vector) -> None:
        """Start a goal at this commanded point (n,)."""
        self._commanded = commanded

    def fresh(self, steady: float, max_age: float) -> Pose | None:
        """Return the newest pose if it is settled and no older than ``max_age`` [s], or None."""
        return self.pose if self.settled and steady - self.steady <= max_age else None

    def _compare(self, pose: Pose, gate: CommandGate) -> None:
        """Compare a pose with the one before it, believed or not."""
        last, self._last = self._last, pose
        jump = _jump(last, pose, gate) if last else ""
        if jump:
            self._needed, self.problem = (CONFIRMING, CONFIRMING_TIME), jump
            self._trusted = self.pose is not None and not _jump(self.pose, pose, gate)
        if jump or not last:
            self._agreeing, self._since = 0, pose.steady
        self._agreeing += 1
        count, seconds = self._needed
        self.settled = self._agreeing >= count and pose.steady - self._since >= seconds
        if self.settled:
            self.problem = ""


def _differ(first: Pose, second: Pose) -> bool:
    """Return whether two poses differ in any number."""
    same = np.array_equal(first.position, second.position)
    return not (same and np.array_equal(first.orientation, second.orientation))


def _jump(first: Pose, second: Pose, gate: CommandGate) -> str:
    """Return that no arm can move from one pose to the next, as a sentence, or an empty string."""
    passed = second.stamp - first.stamp
    if math.isnan(passed):
        passed = second.steady - first.steady
    time = FACTOR * (min(max(passed, 0.0), LONGEST) + SLACK)
    limits = gate.limits
    moved = limits.size(second.position - first.position)
    turned = angle_between(first.orientation, second.orientation)
    if moved <= (JOINT_SPEED if limits.joints else SPEED) * time and turned <= TURN * time:
        return ""
    what = f"{moved:.3f} {limits.unit}"
    if not limits.joints:
        what += f" and {math.degrees(turned):.0f} degrees"
    return (
        f"{limits.measured_by} jumps by {what} within "
        f"{passed:.3f} s, faster than an arm moves: does another node publish it too, or was the "
        "arm or its simulator reset?"
    )
