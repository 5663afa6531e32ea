"""Arms of three joints whose links have collision shapes, and meshes."""

from __future__ import annotations

import struct
from itertools import product
from typing import Any

import numpy as np
from arms import joint, urdf

from wm_planner.kinematics import Arm
from wm_planner.kinematics.arm import no_mesh

BALL = '<sphere radius="0.04"/>'


def shape(geometry: str = BALL, xyz: str = "0 0 0", rpy: str = "0 0 0") -> str:
    origin = f'<origin xyz="{xyz}" rpy="{rpy}"/>'
    return f"<collision>{origin}<geometry>{geometry}</geometry></collision>"


def text_of(*more: str, axis: str = "0 1 0", **shapes: str) -> str:
    """Links a to d with three joints, 0.3 m from each other, and more; links with shapes."""
    joints = [joint(f"j{i}", *ends, axis=axis) for i, ends in enumerate(("ab", "bc", "cd"))]
    text = urdf(*joints, *more)
    for link, collision in shapes.items():
        text = text.replace(f'<link name="{link}"/>', f'<link name="{link}">{collision}</link>')
    return text


def arm_of(text: str, find: Any = no_mesh) -> Arm:
    return Arm(text, "a", "d", find)


def boxes(size: list[float], *centers: list[float]) -> bytes:
    """Boxes as a binary STL."""
    faces = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1)]
    faces += [(2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)]
    corners = np.array(list(product((-0.5, 0.5), repeat=3))) * size
    rows = [
        struct.pack("<12fH", 0, 0, 0, *(corners + center)[list(face)].ravel(), 0)
        for center in centers
        for face in faces
    ]
    return bytes(80) + struct.pack("<I", len(rows)) + b"".join(rows)
