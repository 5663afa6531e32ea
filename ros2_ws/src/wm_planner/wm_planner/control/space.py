"""The space of the commands: poses of the end effector, or positions of joints.

A point is an array of seven numbers, x, y, z [m] and a quaternion (x, y, z, w), or one number per
joint [rad]. A move from a point to another has six numbers, a displacement [m] and a turn as a
rotation vector about the axes of the base frame [rad], or one per joint; a velocity is a move per
second.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wm_planner.control.rotation import same_sign, turn_between, turned
from wm_planner.types import Command, Pose, Vector

NO_ROTATION = np.array([0.0, 0.0, 0.0, 1.0])
"""Orientation of a pose in joint space, where it means nothing."""


class CommandSpace:
    """Points of the commands, and moves between them; all arrays may have leading axes.

    Args:
        joints: Number of joints; 0 for poses of the end effector.
        lever: Length by which an angle counts as a distance [m/rad].

    Attributes:
        moves: Numbers of a move.
    """

    def __init__(self, joints: int = 0, lever: float = 1.0) -> None:
        self.joints, self._lever = joints, lever
        self.moves = joints or 6

    def point(self, pose: Pose) -> Vector:
        """Return the point of a measured pose."""
        if self.joints:
            return pose.position if pose.joints is None else pose.joints
        length = np.linalg.norm(pose.orientation)
        return np.concatenate([pose.position, pose.orientation / length])

    def pose(self, point: Vector, like: Pose) -> Pose:
        """Return the pose of a point (n,), measured when another one was."""
        if self.joints:
            return replace(like, position=point)
        return replace(like, position=point[:3], orientation=point[3:])

    def command(self, point: Vector, velocity: Vector, *, stop: bool = False) -> Command:
        """Return the command to go to a point (n,), or with a velocity (m,)."""
        if self.joints:
            return Command(point, velocity, NO_ROTATION, stop)
        return Command(point[:3], velocity[:3], point[3:], stop, velocity[3:])

    def between(self, first: Vector, second: Vector) -> Vector:
        """Return the moves from points to others."""
        if self.joints:
            return np.asarray(second - first)
        turns = turn_between(first[..., 3:], second[..., 3:])
        return np.concatenate([second[..., :3] - first[..., :3], turns], axis=-1)

    def moved(self, point: Vector, move: Vector) -> Vector:
        """Return the points after moves."""
        if self.joints:
            return np.asarray(point + move)
        orientation = turned(point[..., 3:], move[..., 3:])
        return np.concatenate([point[..., :3] + move[..., :3], orientation], axis=-1)

    def aligned(self, point: Vector, near: Vector) -> Vector:
        """Return a point (n,) whose quaternion has the sign that is nearer to another point's."""
        if self.joints:
            return point
        return np.concatenate([point[:3], same_sign(point[3:], near[3:])])

    def distance(self, first: Vector, second: Vector) -> Vector:
        """Return distances (...) between points [m, or rad of joints]."""
        moves = self.between(first, second)
        if not self.joints:
            moves[..., 3:] *= self._lever
        return np.asarray(np.linalg.norm(moves, axis=-1))

    def along(self, times: Vector, points: Vector, at: Vector) -> Vector:
        """Return points (k, n) of a path at times (k,); constant beyond its ends.

        Between its points (j, n) the path is straight, and turns about one axis (slerp).
        """
        if len(times) == 1:
            return np.repeat(points, len(at), axis=0)
        left = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
        lengths = np.diff(times)[left]
        passed = np.clip(at - times[left], 0.0, lengths)
        shares = np.divide(passed, lengths, out=np.zeros_like(passed), where=lengths > 0)
        moves = self.between(points[:-1], points[1:])
        return self.moved(points[left], shares[:, None] * moves[left])

    def mean(self, points: Vector, weights: Vector) -> Vector:
        """Return the mean (n,) of points (k, n) that lie near each other, with weights (k,).

        For orientations it is the mean of the turns from the middle one.
        """
        middle = points[len(points) // 2]
        moves = self.between(np.broadcast_to(middle, points.shape), points)
        return self.moved(middle, np.asarray(weights @ moves / weights.sum()))
