"""Which moves would bring links of an arm together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from wm_planner.kinematics.shapes import Shape
from wm_planner.types import Vector

CROSSING = 1e-3
"""Largest distance of two axes that cross [m]."""
VARIES = 0.2
"""Links near one joint count if their distance varies by as much [m]; that of its own does not."""
ALWAYS = 0.5
"""Share of the postures of an arm in which shapes that are near by design are so."""
MAX_PAIRS = 2000
"""Most pairs of shapes that are compared."""
ERROR, ROUNDING = 1e-6, 1e-5
"""Error of a distance, and how much nearer than allowed is still allowed [m]."""
GRAIN = 2e-3
"""Largest way of two shapes against each other without comparing them again, if they are near [m].

So they may come nearer than allowed by half of it.
"""
BUDGET = 400
"""Most distances on the ways of one command. If none are left, a move counts as too near."""


class Links:
    """The links of an arm, whose distances are computed by Coal.

    Pairs of links between which there is one joint, or two whose axes cross, count only if their
    distance varies much, as that of a pedestal from the upper arm: the limits of the joints keep
    the others apart. Pairs that are nearer than allowed in most of the postures do not count.

    Args:
        model: Pinocchio's model of the arm.
        solids: The shapes of its links, each as a solid of Coal.
        postures: Joints (N, J) [rad] all over their range.
        least: Least distance that is allowed [m].

    Attributes:
        pairs: The links of each pair (P) of shapes that counts.
        near: The links that do not count because they are near in most of the postures.
        uncompared: How many pairs do not count because there are too many.
    """

    def __init__(
        self, model: Any, solids: Sequence[tuple[Shape, Any]], postures: Vector, least: float
    ) -> None:
        import pinocchio

        self._pin, self._model, self._data = pinocchio, model, model.createData()
        self._least, self._geometry = least, pinocchio.GeometryModel()
        for i, (shape, solid) in enumerate(solids):
            place = pinocchio.SE3(shape.place)
            self._geometry.addGeometryObject(
                pinocchio.GeometryObject(str(i), shape.group, place, solid)
            )
        groups = [shape.group for shape, _ in solids]
        pairs = [p for p in combinations(range(len(solids)), 2) if groups[p[0]] != groups[p[1]]]
        self.uncompared, pairs = max(len(pairs) - MAX_PAIRS, 0), pairs[:MAX_PAIRS]
        self._compare(pairs)
        found = np.array([self.distances(joints) for joints in postures])
        joined = np.array([self._joined(*sorted((groups[i], groups[j]))) for i, j in pairs], bool)
        apart = ~joined | (np.ptp(found, axis=0) >= VARIES)
        near = np.mean(found < least, axis=0) > ALWAYS
        names = [(solids[i][0].link, solids[j][0].link) for i, j in pairs]
        self.near = [names[i] for i in np.flatnonzero(apart & near)]
        self.pairs = [names[i] for i in np.flatnonzero(apart & ~near)]
        pairs = [pairs[i] for i in np.flatnonzero(apart & ~near)]
        self._compare(pairs)
        self._reach = np.zeros((len(pairs), model.nv))
        for row, (i, j) in zip(self._reach, pairs, strict=True):
            row[:] = self._reaches(*sorted((solids[i], solids[j]), key=lambda s: s[0].group))
        self._budget = BUDGET
        self.start_goal(postures[0])
        self._limit = np.full(len(pairs), least - ROUNDING)  # until a goal starts

    def distances(self, joints: Vector) -> Vector:
        """Return the distance of each pair (P,) [m] at joints (J,) [rad]; overlap is negative."""
        self._place(joints)
        self._pin.computeDistances(self._geometry, self._shapes)
        return np.array([found.min_distance for found in self._shapes.distanceResults])

    def distance(self, pair: int, joints: Vector) -> float:
        """Return the distance of a pair [m] at joints (J,) [rad]."""
        self._place(joints)
        return self._distance(pair)

    def start_goal(self, joints: Vector) -> None:
        """Begin at joints (J,) [rad]; pairs that are too near now come no nearer than that."""
        # The last distance of each pair that was computed (P,), and at which joints (P, J).
        self._known = self.distances(joints)
        self._where = np.tile(joints, (len(self.pairs), 1))
        self._limit = np.minimum(self._least, self._known) - ROUNDING

    def start_command(self) -> None:
        """Begin with another command."""
        self._budget = BUDGET

    def nearer(self, start: Vector, move: Vector) -> int | None:
        """Return the pair that a move of the joints would bring too near.

        No point of a link can move further than its distance from a joint times the turn of that
        joint; so a distance tells how small it can be after a part of the way (conservative
        advancement), and how small one that was computed earlier can be now.

        Args:
            start: The joints now (J,) [rad].
            move: The move (J,) [rad].

        Returns:
            None if all pairs keep their distance; -1 if there were too many to be computed.
        """
        ways = self._reach @ np.abs(move)
        now = self._known - (self._reach * np.abs(start - self._where)).sum(axis=1)
        risk = (now - ways < self._limit) & (ways > 0)
        if not risk.any():
            return None
        stale = np.flatnonzero(risk & (now < self._known)).tolist()
        if stale:
            self._place(start)
        for pair in stale[: max(self._budget, 0)]:
            self._known[pair] = now[pair] = self._distance(pair)
            self._where[pair] = start
        if self._budget <= 0:
            return -1
        # Each with its limit, its distance and its way. A pair that is nearer must come apart by
        # more than the error, which would otherwise add up.
        limits = np.where(now < self._limit, now + 2 * ERROR, self._limit)
        near = [
            (pair, float(limits[pair]), float(now[pair]), float(ways[pair]))
            for pair in np.flatnonzero(risk & (now - ways < limits)).tolist()
        ]
        done = 0.0
        while near:
            done = min(done + min(max(d - least, GRAIN) / way for _, least, d, way in near), 1.0)
            self._place(start + done * move)
            ahead = []
            for pair, least, _, way in near:
                if self._budget <= 0:
                    return -1
                distance = self._distance(pair)
                if distance < least:
                    return pair
                if distance - way * (1 - done) < least:
                    ahead.append((pair, least, distance, way))
            near = ahead if done < 1 else []
        return None

    def _compare(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Compute the distances of these pairs of shapes."""
        self._geometry.removeAllCollisionPairs()
        for pair in pairs:
            self._geometry.addCollisionPair(self._pin.CollisionPair(*pair))
        self._shapes = self._geometry.createData()

    def _place(self, joints: Vector) -> None:
        self._pin.updateGeometryPlacements(
            self._model, self._data, self._geometry, self._shapes, joints
        )

    def _distance(self, pair: int) -> float:
        self._budget -= 1
        found = self._pin.computeDistance(self._geometry, self._shapes, pair)
        return float(found.min_distance)

    def _joined(self, first: int, second: int) -> bool:
        """Return whether links that so many joints move have one joint or a crossing between."""
        if second - first != 2:
            return second - first == 1
        self._pin.computeJointJacobians(self._model, self._data, self._pin.neutral(self._model))
        lines = []
        for joint in (first + 1, second):
            jacobian = self._pin.getJointJacobian(
                self._model, self._data, joint, self._pin.ReferenceFrame.WORLD
            )
            lines.append(jacobian[:, joint - 1])
        (moment, axis), (other_moment, other_axis) = (np.split(line, 2) for line in lines)
        across = float(np.linalg.norm(np.cross(axis, other_axis)))
        apart = abs(float(axis @ other_moment + other_axis @ moment))
        return across > CROSSING and apart <= CROSSING * across

    def _reaches(self, near: tuple[Shape, Any], far: tuple[Shape, Any]) -> Vector:
        """Return how far joints (J,) move the shapes against each other at most [m/rad]."""
        (last, _), (shape, solid) = near, far
        solid.computeLocalAABB()
        center = shape.place[:3, :3] @ solid.aabb_center + shape.place[:3, 3]
        reach, reaches = float(np.linalg.norm(center)) + solid.aabb_radius, np.zeros(self._model.nv)
        for joint in range(shape.group, last.group, -1):
            reaches[joint - 1] = reach
            reach += float(np.linalg.norm(self._model.jointPlacements[joint].translation))
        return reaches
