"""Checks commanded poses, turns them into joint positions, and checks those too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import LimitsError
from wm_planner.control.gate import CommandGate, LimitViolation
from wm_planner.control.hand_limits import HandLimits, joint_config
from wm_planner.control.part_gate import SLACK, PartGate, Sent
from wm_planner.kinematics import Arm, InverseKinematics, JointRange
from wm_planner.text import listed
from wm_planner.types import Pose, Vector

SLOW, STOP = 0.4, 0.1
"""Dexterities below which an arm slows, and at which it stops, on its way to a singularity."""
PULL, PULL_SPEED = 4.0, 0.5
"""Share of the way to the posture that joints go in a second while a plan is followed, if the pose
leaves freedom, and the largest speed of that [1/s], [rad/s]."""
SHARES = (1.0, 0.5, 0.25, 0.0)
"""Shares of the joints' move that are tried until the hand keeps its speeds; 0: they brake."""
INSET = 1e-3
"""How far inside of the edge of its region the hand is led [m, rad]."""
RESTING = 1e-5
"""A hand that is commanded to move by less rests [m, rad]."""
FOLLOWING = 0.9
"""Share of its moves from which a hand counts as following."""
NEAR_END = 0.02
"""How near to its limit a joint may have kept the hand behind [rad]."""


class KinematicGate(CommandGate):
    """A gate for poses whose receiver takes joints.

    A pose is checked as any other. Inverse kinematics lead the joints toward it, within the limits
    of URDF and settings, which are checked again. The pose of the joints that are sent counts as
    commanded. So where the joints cannot follow, the hand stays behind its path.

    Args:
        config: The limits and their policy, which joints follow as ``clamp``.
        arm: The arm.
        posture: Joints toward which freedom is used (J,) [rad]; empty: those of the start.
        turns: As ``CommandGate``.
        grips: As ``CommandGate``.

    Raises:
        LimitsError: The limits are missing or invalid, or leave a joint no room.
    """

    def __init__(
        self,
        config: LimitsConfig,
        arm: Arm,
        posture: Sequence[float] = (),
        *,
        turns: bool,
        grips: bool,
    ) -> None:
        super().__init__(_inset(config), turns=turns, grips=grips)
        self._arm, of_joints = arm, joint_config(config, arm)
        self._joints = _JointGate(of_joints, self, arm.joints)
        self._whole = CommandGate(config, turns=turns)  # whose region is not inset
        regions = [(gate.limits, at) for gate, at, _ in self._whole._parts]
        limits = self._limits = HandLimits(of_joints, arm.joints, regions, arm, "joint_")
        self._part, count = PartGate(limits), len(arm.joints)
        self._range = JointRange(
            limits.lower,
            limits.upper,
            np.full(count, limits.speed),
            np.full(count, limits.acceleration),
        )
        self._inverse = InverseKinematics(arm, self._range)
        self._given, self._posture = np.array(posture), np.zeros(count)
        if len(posture) not in (0, count):
            raise LimitsError(
                f"commands.posture has {len(posture)} numbers, but the arm has {count} joints from "
                f"commands.base to commands.tip: {listed(arm.joints)}"
            )
        self._sent = Sent(np.zeros(count), np.zeros(count))
        self._measured, self._problem = self._sent.point, ""
        self._orientation, self._turns = np.zeros(4), turns

    @property
    def receiver(self) -> CommandGate:
        """The limits of the joints."""
        return self._joints

    @property
    def unchecked(self) -> list[str]:
        """What could be checked of the arm but is not."""
        return self._limits.unchecked

    @property
    def problems(self) -> list[str]:
        """Why the joints do not follow the hand's path."""
        return [self._problem] if self._problem else []

    def start(self, pose: Pose) -> Vector:
        """Begin at rest at measured joints."""
        assert pose.joints is not None
        given = self._given if self._given.size else pose.joints
        self._posture = self._arm.near(given, pose.joints)
        self._inverse.stay_near(self._posture)
        self._sent, self._problem = Sent(pose.joints, 0 * pose.joints), ""
        self._limits.start_goal(pose.joints)
        point = self.measure(pose)
        self._orientation = point[3:]
        return point

    def measure(self, pose: Pose) -> Vector:
        """Take measured joints, and the pose that they give."""
        assert pose.joints is not None
        self._measured = self._arm.near(pose.joints, self._sent.point)
        return super().measure(pose)

    def basis(self, point: Vector) -> Vector:
        """Return a pose, turned as at the start if the actions do not turn the hand.

        Otherwise what the joints missed of its orientation would add up, plan by plan.
        """
        return point if self._turns else np.concatenate([point[:3], self._orientation])

    def rest(self) -> None:
        """Take the joints to rest where they were sent."""
        self._sent, self._problem = Sent(self._sent.point, 0 * self._sent.velocity), ""

    def followed(self, point: Vector, like: Pose) -> Pose:
        """Return the measured pose of joints that follow a command at once."""
        return replace(super().followed(point, like), joints=self._sent.point)

    def why_outside(self, pose: Pose) -> str:
        """Return why no goal may start at a measured pose, or an empty string."""
        return self._whole.why_outside(pose) or self._joints.why_outside(pose)

    def check(self, wanted: Vector, *, previous: Sent, measured: Vector | None, dt: float) -> Sent:
        """Return the pose of the joints that may be sent; see ``CommandGate.check``.

        While the arm slows down, all joints slow down alike.
        """
        if measured is None:
            return self._move(self._slower(wanted, previous, dt), previous, None, dt)
        if not (self._arm.complete or self._turns):  # it need not keep its orientation
            wanted = np.concatenate([wanted[:3], previous.point[3:]])
        try:
            inside = super().check(wanted, previous=previous, measured=measured, dt=dt)
        except LimitViolation as error:
            why = f"; before, {self._problem}" if self._problem else ""
            raise LimitViolation(f"{error}{why}") from error
        joints, why = self._toward(inside, dt)
        found = self._move(joints, previous, self._measured, dt)
        move, behind = (self._way(end, inside.point) for end in (previous.point, found.point))
        follows = move < RESTING or behind < (1 - FOLLOWING) * move
        self._problem = "" if follows else (why or self._stuck())
        return found

    def output(self, sent: Sent, error: Vector | None) -> tuple[Vector, Vector, Vector | None]:
        """Return positions, velocities and tracking error of the joints (J,) [rad, rad/s, rad]."""
        joints = self._sent.point
        if error is not None:
            apart = joints - self._measured
            error = self._arm.inverse(joints, error) + self._arm.free(joints, apart)
        return joints, self._sent.velocity, error

    def time_to_rest(self, velocity: Vector | None = None) -> float:
        """Return the least time for hand and joints to brake, see ``CommandGate``."""
        joints = self._joints.time_to_rest(None if velocity is None else self._sent.velocity)
        return max(super().time_to_rest(velocity), joints)

    def share_of_speed(self, velocity: Vector) -> float:
        """Return the velocity of hand or joints as a share of their largest speeds."""
        joints = self._joints.share_of_speed(self._sent.velocity)
        return max(super().share_of_speed(velocity), joints)

    def slow_joints(self, velocity: Vector) -> Vector:
        """Return a velocity of the joints (J,) at which the hand keeps its speeds."""
        excess = super().share_of_speed(self._arm.jacobian(self._sent.point) @ velocity)
        return np.asarray(velocity / max(excess, 1.0))

    def _move(self, joints: Vector, previous: Sent, measured: Vector | None, dt: float) -> Sent:
        """Send the joints (J,) as far toward others as the limits allow; return the hand's pose."""
        before = self._sent
        self._limits.start_command()
        if why := self._part.impossible(joints, before, measured):
            raise self._refuse(why)
        for share in SHARES if measured is not None else SHARES[:1]:
            wanted = before.point + share * (joints - before.point)
            sent, violation = self._part.nearest(wanted, before, measured, dt)
            point = self.space.aligned(self._arm.pose(sent.point), previous.point)
            found = Sent(point, self.space.between(previous.point, point) / dt, dt)
            if self._keeps_speeds(previous.velocity, found.velocity):
                break
        if violation:
            self.counters.limits[violation.limit] += 1
        self._sent = sent
        return found

    def _keeps_speeds(self, before: Vector, after: Vector) -> bool:
        """Return whether a velocity (6,) of the hand is allowed, or no larger than before."""
        for gate, _, of in self._parts:
            slower, faster = (gate.limits.size(velocity[of]) for velocity in (before, after))
            if faster > max(slower, SLACK * gate.limits.speed):
                return False
        return True

    def _way(self, first: Vector, second: Vector) -> float:
        """Return the way between two poses (7,), without orientations that an arm need not keep."""
        if self._arm.complete or self._turns:
            return float(self.space.distance(first, second))
        return float(np.linalg.norm(second[:3] - first[:3]))

    def _slower(self, wanted: Vector, previous: Sent, dt: float) -> Vector:
        """Return the joints of an arm that slows as its hand does."""
        move = self.space.between(previous.point, wanted)
        before = float(np.linalg.norm(previous.velocity))
        share = min(float(np.linalg.norm(move)) / (before * dt), 1.0) if before > 0 else 0.0
        return np.asarray(self._sent.point + share * dt * self._sent.velocity)

    def _toward(self, goal: Sent, dt: float) -> tuple[Vector, str]:
        """Return the joints (J,) on the way to a pose, and why they go slower, if they do."""
        here = self._sent
        way = float(np.abs(self._arm.free(here.point, self._posture - here.point)).max())
        pull = self.pace * dt * min(PULL, PULL_SPEED / max(way, RESTING))
        found = self._inverse.step(goal.point, here.point, here.velocity, dt, pull)
        if found is None:
            return here.point, "the arm holds: the inverse kinematics find no solution"
        after = self._arm.dexterity(found)
        share = min(max((after - STOP) / (SLOW - STOP), 0.0), 1.0)
        if share == 1.0 or after >= self._arm.dexterity(here.point):
            return found, ""
        return np.asarray(here.point + share * (found - here.point)), (
            "the arm is near a singularity, where its joints would turn too fast: it slows, and "
            "holds where it would come closer. Choose a goal where it is not stretched and no axes "
            "align, or move it to another posture"
        )

    def _stuck(self) -> str:
        """Return why the hand stays behind its path."""
        if self._limits.obstacle:
            return f"the hand stays behind its path: {self._limits.obstacle}"
        limits, at = self._range, self._sent.point
        near = np.minimum(at - limits.lower, limits.upper - at) < NEAR_END
        if names := [name for name, close in zip(self._arm.joints, near, strict=True) if close]:
            return (
                f"the hand stays behind its path: {listed(names)} can turn no further (limits of "
                "the URDF, limits.joint_min and joint_max)"
            )
        return (
            "the hand stays behind its path: the joints would be too fast for their limits "
            "(limits.max_joint_speed, max_joint_acceleration), or the arm cannot reach the pose in "
            "its orientation"
        )


def _inset(config: LimitsConfig) -> LimitsConfig:
    """Return limits whose region is smaller by ``INSET``, so that joints have room to follow."""
    low, high = np.array(config.workspace_min), np.array(config.workspace_max)
    if low.size == high.size == 3 and (high - low > 4 * INSET).all():
        low, high = low + INSET, high - INSET
    tilt, twist = (
        m if m < 4 * INSET or m > 3.14 else m - INSET for m in (config.max_tilt, config.max_twist)
    )
    inside = {"workspace_min": low.tolist(), "workspace_max": high.tolist()}
    return replace(config, **inside, max_tilt=tilt, max_twist=twist)


class _JointGate(CommandGate):
    """A gate for the joints of a hand whose speeds are limited."""

    def __init__(self, config: LimitsConfig, hand: KinematicGate, joints: Sequence[str]) -> None:
        super().__init__(config, joints)
        self._hand = hand

    def slow(self, velocity: Vector) -> Vector:
        """Return a velocity (J,) reduced to the largest speeds of joints and hand."""
        return super().slow(self._hand.slow_joints(velocity))
