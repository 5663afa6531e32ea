"""Read the collision shapes of the links that move with a chain of a URDF."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import numpy as np
from scipy.spatial.transform import Rotation

from wm_planner.kinematics.values import UrdfError, number, origin, part, vector
from wm_planner.text import quoted
from wm_planner.types import Vector

MAX_SIZE = 1000.0
"""Largest size of a shape [m], and scale of a mesh."""
SIZES = {"sphere": ["radius"], "cylinder": ["radius", "length"], "capsule": ["radius", "length"]}


@dataclass(frozen=True)
class Shape:
    """A collision shape that moves with a joint of the chain.

    Attributes:
        link: The link that has it.
        group: How many joints of the chain move it: 0 stands with the base.
        place: Its pose (4, 4) in the frame of that joint.
        kind: The tag of its geometry.
        size: Its sizes [m]: x, y, z of a box, radius, or radius and length; scale of a mesh.
        mesh: What the URDF calls the file of a mesh.
        why: Why it cannot be used, or an empty string; then only ``link`` counts.
    """

    link: str
    group: int = 0
    place: Vector = field(default_factory=lambda: np.eye(4))
    kind: str = ""
    size: tuple[float, ...] = ()
    mesh: str = ""
    why: str = ""


def read_shapes(
    robot: Element,
    parents: Mapping[str, tuple[str, Element]],
    base: str,
    chain: Sequence[tuple[str, Element]],
) -> tuple[Shape, ...]:
    """Return the shapes of all links; those that cannot be used with the reason.

    The links of the chain can, and what is fixed to them. What stands behind joints at the end of
    the chain, as fingers, counts as if these stood at 0. Where links behind other joints are, as
    those of a second arm, is not known.

    Args:
        robot: The URDF.
        parents: The parent of each link, and the joint between them.
        base: The link at which the chain begins.
        chain: Each further link of the chain, and the joint before it.
    """
    places, shapes = _places(parents, base, chain), []
    for link in robot.findall("link"):
        name = link.get("name", "")
        for collision in link.findall("collision"):
            try:
                shapes.append(_shape(collision, name, places.get(name)))
            except UrdfError as error:
                shapes.append(Shape(name, why=str(error)))
    return tuple(shapes)


def _places(
    parents: Mapping[str, tuple[str, Element]], base: str, chain: Sequence[tuple[str, Element]]
) -> dict[str, tuple[int, Vector]]:
    """Return for links the joints that move them, and their pose in the frame of the last one."""
    group, place = 0, np.eye(4)
    places = {base: (group, place)}
    for link, joint in chain:
        place = place @ _placed(joint)
        if joint.get("type") != "fixed":
            group, place = group + 1, np.eye(4)
        places[link] = group, place
    link, place = base, np.eye(4)
    while link in parents and parents[link][0] not in places:
        parent, joint = parents[link]
        if joint.get("type") != "fixed":
            break
        try:
            place = place @ np.linalg.inv(_placed(joint))
        except UrdfError:
            break  # where the others are is not known
        link, places[parent] = parent, (0, place)
    children: dict[str, list[tuple[str, Element]]] = {}
    for child, (parent, joint) in parents.items():
        children.setdefault(parent, []).append((child, joint))
    waiting = list(places)
    while waiting:
        parent = waiting.pop()
        at, place = places[parent]
        for child, joint in children.get(parent, []):
            if child not in places and (joint.get("type") == "fixed" or at == group):
                with contextlib.suppress(UrdfError):
                    moved = place @ _placed(joint)
                    places[child] = at, moved
                    waiting.append(child)
    return places


def _shape(collision: Element, link: str, place: tuple[int, Vector] | None) -> Shape:
    if place is None:
        raise UrdfError(
            "they are behind a joint that is not between commands.base and commands.tip, so that "
            "their place is not known"
        )
    where, group = "a collision shape", place[0]
    at = place[1] @ _placed(collision, where)
    geometry = next(iter(part(collision, "geometry")), Element("nothing"))
    kind, mesh = geometry.tag, ""
    size: list[float] = []
    if kind == "box":
        size = vector(geometry, "size", "", MAX_SIZE, where)
    elif kind == "mesh":
        size = vector(geometry, "scale", "1 1 1", MAX_SIZE, where)
        mesh = geometry.get("filename", "")
    elif kind in SIZES:
        size = [number(geometry, key, MAX_SIZE, where) for key in SIZES[kind]]
    else:
        raise UrdfError(f"{where} of the URDF: {quoted(kind)} is no shape that is known")
    if kind != "mesh" and not all(length > 0 for length in size):
        raise UrdfError(f"{where} of the URDF: a {kind} has a size that is not above 0")
    return Shape(link, group, at, kind, tuple(size), mesh)


def _placed(element: Element, where: str = "a joint") -> Vector:
    xyz, rpy = origin(element, where)
    place = np.eye(4)
    # A URDF turns about the fixed axes x, y and z, in this order.
    place[:3, :3] = Rotation.from_euler("xyz", rpy).as_matrix()
    place[:3, 3] = xyz
    return place
