"""Solids of Coal from the collision shapes of a URDF."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wm_planner.explain import explain
from wm_planner.kinematics.shapes import Shape
from wm_planner.kinematics.values import KinematicsError
from wm_planner.text import one_line
from wm_planner.types import Vector

MAX_SHAPES = 100
"""Most shapes of an arm that are compared."""
MAX_CORNERS, MAX_ALL_CORNERS = 10_000, 50_000
"""Most different corners of a mesh, and of all meshes of an arm."""
LARGEST, THINNEST = 10.0, 1e-4
"""How far the points of a mesh may be from its origin, and its least thickness [m]."""

Find = Callable[[str], bytes]
"""Returns the content of the file that a URDF names as a mesh, or raises OSError."""


class Solids:
    """What is known of the shapes of an arm.

    Args:
        shapes: The shapes.
        find: Finds meshes.

    Attributes:
        known: The shapes, each as a solid of Coal. A mesh is its convex hull.
        unknown: The links of the other shapes, each with the reason.
    """

    def __init__(self, shapes: Sequence[Shape], find: Find) -> None:
        self.known: list[tuple[Shape, Any]] = []
        self.unknown: list[tuple[str, str]] = []
        self._find, self._corners = find, 0
        self._hulls: dict[tuple[str, tuple[float, ...]], Any] = {}  # solids, or why there is none
        for shape in shapes:
            try:
                if shape.why:
                    raise KinematicsError(shape.why)
                if len(self.known) == MAX_SHAPES:
                    raise KinematicsError(f"only {MAX_SHAPES} shapes are compared; merge some")
                self.known.append((shape, self._solid(shape)))
            except (OSError, KinematicsError) as error:
                self.unknown.append((shape.link, one_line(explain(error), 500)))

    def _solid(self, shape: Shape) -> Any:
        import coal

        match shape.kind:
            case "box":
                return coal.Box(*shape.size)
            case "sphere":
                return coal.Sphere(*shape.size)
            case "cylinder":
                return coal.Cylinder(*shape.size)
            case "capsule":
                return coal.Capsule(*shape.size)
        key = shape.mesh, shape.size
        if key not in self._hulls:
            try:
                self._hulls[key] = self._hull(shape)
            except KinematicsError as error:
                why = f"mesh {one_line(shape.mesh, 300)!r} {error}"
                self._hulls[key] = KinematicsError(why)
            except OSError as error:
                self._hulls[key] = error
        if isinstance(found := self._hulls[key], Exception):
            raise found
        return found

    def _hull(self, shape: Shape) -> Any:
        """Return the convex hull of a mesh.

        Coal may crash with points that are not finite or lie in a plane.
        """
        import coal
        from scipy.spatial import ConvexHull, QhullError

        if self._corners > MAX_ALL_CORNERS:
            raise KinematicsError(f"is one too many: all may have {MAX_ALL_CORNERS} corners")
        points = np.unique(read_points(shape.mesh, self._find(shape.mesh)), axis=0) * shape.size
        if len(points) > MAX_CORNERS:
            raise KinematicsError(
                f"has {len(points)} corners; at most {MAX_CORNERS} are read: make it simpler"
            )
        self._corners += len(points)
        if not np.abs(points).max() <= LARGEST:
            raise KinematicsError(
                f"has points further than {LARGEST:g} m from its origin: is it in millimeters? "
                'Give it scale="0.001 0.001 0.001" in the URDF'
            )
        try:
            corners = points[ConvexHull(points).vertices]
        except QhullError as error:
            raise KinematicsError("is no solid: all its points lie in a plane") from error
        centered = corners - corners.mean(axis=0)
        _, _, axes = np.linalg.svd(centered, full_matrices=False)
        if np.ptp(centered @ axes.T, axis=0).min() < THINNEST:
            raise KinematicsError(f"is no solid: it is thinner than {THINNEST * 1e3:g} mm")
        made = coal.StdVec_Vec3s()
        made.extend(list(corners))
        try:
            return coal.Convex.convexHull(made, False, None)
        except RuntimeError as error:  # Coal allows no corner with more than 255 edges
            raise KinematicsError("has a corner with too many edges: make it simpler") from error


def read_points(name: str, data: bytes) -> Vector:
    """Return the corners (N, 3) of a mesh in the units of its file.

    Args:
        name: Ends in ``.stl`` (binary or text) or ``.obj``.
        data: The content.

    Raises:
        KinematicsError: It is none of these, or has no four corners with finite numbers.
    """
    end = name.lower().rpartition(".")[2]
    try:
        if end == "stl" and len(data) >= 84:
            count = int.from_bytes(data[80:84], "little")
            if len(data) == 84 + 50 * count:
                faces = np.frombuffer(data, np.dtype("(4,3)<f4, <u2"), offset=84)
                return _checked(faces["f0"][:, 1:].reshape(-1, 3).astype(float))
        if end in ("stl", "obj"):
            begin = b"vertex" if end == "stl" else b"v"
            lines = (line.split() for line in io.BytesIO(data))
            return _checked(np.array([w[1:4] for w in lines if w and w[0] == begin], float))
    except ValueError as error:
        raise KinematicsError(f"cannot be read: {one_line(str(error), 200)}") from error
    raise KinematicsError("is no .stl or .obj file: convert it")


def _checked(points: Vector) -> Vector:
    if points.ndim != 2 or len(points) < 4 or points.shape[1] != 3:
        raise ValueError("it has no four corners; is it another format?")
    if not np.isfinite(points).all():
        raise ValueError("a corner is not finite")
    return points
