"""A gate that turns poses into joints, and an arm that follows it at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from arms import HOME, panda
from scipy.spatial.transform import Rotation

from wm_planner.config import LimitsConfig
from wm_planner.control.kinematic_gate import KinematicGate
from wm_planner.control.part_gate import Sent
from wm_planner.types import Pose

ARM = panda()
LINKS = ARM.links(0.01)
DOWN = [1.0, 0.0, 0.0, 0.0]
LIMITS = LimitsConfig(
    workspace_min=[0.1, -0.7, -0.1],
    workspace_max=[0.9, 0.7, 0.9],
    orientation=DOWN,
    max_tilt=1.2,
    max_twist=2.0,
    max_speed=0.25,
    max_acceleration=1.5,
    max_joint_acceleration=5.0,
)
SMALL = replace(
    LIMITS,
    workspace_min=[0.25, -0.15, 0.4],
    workspace_max=[0.45, 0.15, 0.55],
    max_tilt=0.3,
    max_twist=0.5,
)
DT = 0.02
SLACK = 1.0011
BENDING = 1.2  # times the speed of a hand whose joints slow alike on a bent way
NEARER = 1.01e-3  # [m] by which links may come nearer between two postures that are checked
OUTSIDE = 1e-3  # [m, rad] by which a hand may leave its region on a bent way


def pose_of(joints: np.ndarray) -> Pose:
    at = ARM.pose(joints)
    return Pose(at[:3], at[3:], 0.0, 0.0, joints)


class Follower:
    """A gate and an arm that follows it at once."""

    def __init__(self, limits: LimitsConfig = LIMITS, start: np.ndarray = HOME) -> None:
        self.gate, self.limits = KinematicGate(limits, ARM, turns=True, grips=False), limits
        self.stopped: int | None = None  # when it began to slow
        self.gate.pace = 1.0
        self.sent = Sent(self.gate.start(pose_of(start)), np.zeros(6))
        self.joints, self.velocities = [start], [np.zeros(7)]
        self.times, self.points = [DT], [self.sent.point]

    def go(self, wanted: np.ndarray, dt: float = DT) -> None:
        measured = self.gate.measure(pose_of(self.joints[-1]))
        self.sent = self.gate.check(wanted, previous=self.sent, measured=measured, dt=dt)
        self._note(dt)

    def slow(self, share: float, dt: float = DT) -> None:
        self.stopped = self.stopped or len(self.points) - 1
        wanted = self.gate.space.moved(self.sent.point, share * dt * self.sent.velocity)
        self.sent = self.gate.check(wanted, previous=self.sent, measured=None, dt=dt)
        self._note(dt)

    def _note(self, dt: float) -> None:
        joints, velocity, _ = self.gate.output(self.sent, None)
        self.joints.append(joints)
        self.velocities.append(velocity)
        self.points.append(self.sent.point)
        self.times.append(dt)

    def check(self) -> None:
        """The joints have kept their limits, and the hand its region."""
        limits = self.limits
        joints, times = np.array(self.joints), np.array(self.times)
        velocities = np.array(self.velocities)
        assert (joints >= ARM.limits.lower - 1e-6).all()
        assert (joints <= ARM.limits.upper + 1e-6).all()
        moves = velocities[1:] * times[1:, None]
        np.testing.assert_allclose(np.diff(joints, axis=0), moves, atol=1e-12)
        assert np.abs(velocities).max() <= SLACK * 1.0
        passed = np.maximum(times[1:], (times[1:] + times[:-1]) / 2)
        changes = np.abs(np.diff(velocities, axis=0)).max(axis=1)
        assert (changes <= SLACK * limits.max_joint_acceleration * passed + 1e-9).all()
        points = np.array(self.points)
        speeds = np.linalg.norm(np.diff(points[:, :3], axis=0), axis=1) / times[1:]
        moved = speeds if self.stopped is None else speeds[: self.stopped]
        assert moved.max() <= SLACK * limits.max_speed
        assert speeds.max() <= BENDING * limits.max_speed
        assert (points[:, :3] >= np.array(limits.workspace_min) - OUTSIDE).all()
        assert (points[:, :3] <= np.array(limits.workspace_max) + OUTSIDE).all()
        tilts = np.arccos(np.clip(-Rotation.from_quat(points[:, 3:]).as_matrix()[:, 2, 2], -1, 1))
        assert tilts.max() <= limits.max_tilt + OUTSIDE
        nearest = [LINKS.distances(posture).min() for posture in joints]
        assert min(nearest) >= limits.min_link_distance - NEARER
        hands = np.array([ARM.pose(posture) for posture in joints])
        np.testing.assert_allclose(hands[:, :3], points[:, :3], atol=1e-12)
