"""Distances between the links of an arm, by the collision shapes of its URDF."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from wm_planner.explain import explain
from wm_planner.kinematics.shapes import Shape
from wm_planner.kinematics.values import MAX_LENGTH, KinematicsError
from wm_planner.text import one_line, quoted
from wm_planner.types import Vector

MESHES = (".stl", ".obj")
"""Ends of the names of meshes that are read."""
CROSSING = 1e-3
"""Largest distance of two axes that cross [m]."""
ROUNDING = 1e-6
"""Error of a distance [m]."""
ALWAYS = 0.5
"""Share of the postures of an arm in which shapes that overlap by design do so."""


class Links:
    """The links of an arm as shapes, whose distances are computed.

    Coal computes the distance of two shapes; a mesh counts as its convex hull. Pairs of links
    between which there is one joint, or two whose axes cross, are left out, because the limits of
    the joints keep them apart. So are pairs that overlap in most of the postures.

    Args:
        model: Pinocchio's model of the arm.
        shapes: The shapes.
        find: Returns the path of the file that the URDF names as a mesh, or raises OSError.
        postures: Joints (N, J) [rad] all over their range.

    Attributes:
        pairs: The links of each pair (P) of shapes.
        unknown: The links of shapes that do not count, and why.
    """

    def __init__(
        self,
        model: Any,
        shapes: Sequence[Shape],
        find: Callable[[str], Path],
        postures: Vector,
    ) -> None:
        import pinocchio

        self._pin, self._model, self._data = pinocchio, model, model.createData()
        self.unknown: list[tuple[str, str]] = []
        self._geometry = pinocchio.GeometryModel()
        known: list[tuple[Shape, Any]] = []
        for shape in shapes:
            try:
                known.append((shape, _solid(shape, find)))
            except (OSError, KinematicsError) as error:
                why = explain(error) if isinstance(error, OSError) else str(error)
                self.unknown.append((shape.link, one_line(why, 500)))
        for i, (shape, solid) in enumerate(known):
            place = pinocchio.SE3(shape.place)
            self._geometry.addGeometryObject(
                pinocchio.GeometryObject(str(i), shape.group, place, solid)
            )
        apart = [
            (i, j)
            for (i, (first, _)), (j, (second, _)) in combinations(enumerate(known), 2)
            if not self._neighbours(*sorted((first.group, second.group)))
        ]
        self._choose(apart)
        if apart:
            overlap = np.mean([self.distances(joints) < 0 for joints in postures], axis=0)
            apart = [pair for pair, share in zip(apart, overlap, strict=True) if share <= ALWAYS]
            self._choose(apart)
        self.pairs = [(known[i][0].link, known[j][0].link) for i, j in apart]
        self._reach = np.array([self._reaches(known[i], known[j]) for i, j in apart])
        self._reach = self._reach.reshape(len(apart), model.nv)
        # The last distance of each pair that was computed (P,), and at which joints (P, J).
        self._known = self.distances(postures[0])
        self._where = np.tile(postures[0], (len(apart), 1))

    def distances(self, joints: Vector) -> Vector:
        """Return the distance of each pair (P,) [m] at joints (J,) [rad]; overlap is negative."""
        self._place(joints)
        self._pin.computeDistances(self._geometry, self._shapes)
        return np.array([found.min_distance for found in self._shapes.distanceResults])

    def at_risk(self, start: Vector, move: Vector, least: float) -> dict[int, float]:
        """Return which pairs a move (J,) [rad] of the joints could bring nearer than allowed.

        No point of a link can move further than its distance from a joint times the turn of that
        joint, so that a distance known before tells how small it may be now.

        Args:
            start: The joints now (J,) [rad].
            move: The move.
            least: Least distance that is allowed [m].

        Returns:
            The distance [m] that each of these pairs must keep, by its index: the least one, or
            that of now if it is smaller.
        """
        way = self._reach @ np.abs(move)
        now = self._known - (self._reach * np.abs(start - self._where)).sum(axis=1)
        stale = np.flatnonzero((now - way < least) & (now < self._known))
        if stale.size:
            self._place(start)
            for pair in stale.tolist():
                self._known[pair] = now[pair] = self._distance(pair)
                self._where[pair] = start
        risk = np.flatnonzero(now - way < least).tolist()
        return {pair: min(least, float(now[pair])) for pair in risk}

    def nearer(self, joints: Vector, distances: Mapping[int, float]) -> int | None:
        """Return a pair that is nearer than its distance [m] at joints (J,) [rad], if any is."""
        if distances:
            self._place(joints)
        return next(
            (i for i, least in distances.items() if self._distance(i) < least - ROUNDING), None
        )

    def _choose(self, pairs: Sequence[tuple[int, int]]) -> None:
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
        found = self._pin.computeDistance(self._geometry, self._shapes, pair)
        return float(found.min_distance)

    def _neighbours(self, first: int, second: int) -> bool:
        """Return whether links moved by so many joints need not be looked at."""
        if second - first != 2:
            return second - first < 2
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

    def _reaches(self, first: tuple[Shape, Any], second: tuple[Shape, Any]) -> Vector:
        """Return how far joints (J,) move the shapes against each other at most [m/rad]."""
        (near, _), (far, solid) = sorted((first, second), key=lambda pair: pair[0].group)
        solid.computeLocalAABB()
        center = far.place[:3, :3] @ solid.aabb_center + far.place[:3, 3]
        reach, reaches = float(np.linalg.norm(center)) + solid.aabb_radius, np.zeros(self._model.nv)
        for joint in range(far.group, near.group, -1):
            reaches[joint - 1] = reach
            reach += float(np.linalg.norm(self._model.jointPlacements[joint].translation))
        return reaches


def _solid(shape: Shape, find: Callable[[str], Path]) -> Any:
    """Return a shape of Coal.

    Raises:
        OSError: The file of a mesh cannot be read.
        KinematicsError: There is no such shape.
    """
    import coal

    size = shape.size
    if shape.kind == "box":
        return coal.Box(*size)
    if shape.kind == "sphere":
        return coal.Sphere(*size)
    if shape.kind == "cylinder":
        return coal.Cylinder(*size)
    if shape.kind == "capsule":
        return coal.Capsule(*size)
    if shape.kind != "mesh":
        raise KinematicsError(f"{quoted(shape.kind)} is no shape that is known")
    path = find(shape.mesh)
    if path.suffix.lower() not in MESHES:
        raise KinematicsError(
            f"{one_line(shape.mesh, 300)} is no {' or '.join(MESHES)} file: convert it"
        )
    try:
        mesh = coal.MeshLoader().load(str(path), np.array(size))
        mesh.buildConvexHull(True, "Qt")
    except (ValueError, RuntimeError) as error:
        why = ": ".join(str(error).rpartition("message: ")[2].splitlines()[:2])
        raise KinematicsError(
            f"{one_line(shape.mesh, 300)} is no mesh of a solid: {one_line(why, 200)}"
        ) from error
    if not np.abs(mesh.convex.points()).max() <= MAX_LENGTH:
        raise KinematicsError(
            f"{one_line(shape.mesh, 300)} has points further than {MAX_LENGTH:g} m from its "
            'origin: is it in millimeters? Give it scale="0.001 0.001 0.001" in the URDF'
        )
    return mesh.convex
