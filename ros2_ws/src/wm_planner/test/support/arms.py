"""A Franka Panda by its URDF, and arms of any joints."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from wm_planner.kinematics import Arm

URDF = (Path(__file__).parents[2] / "config" / "robots" / "panda.urdf").read_text()
BASE, TIP = "panda_link0", "panda_hand_tcp"
HOME = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])


def panda() -> Arm:
    return Arm(URDF, BASE, TIP)


def joint(name: str, parent: str, child: str, **parts: Any) -> str:
    """A joint of a URDF; ``type``, ``xyz``, ``axis`` and ``limit`` may differ, None leaves out."""
    parts = {"type": "revolute", "xyz": "0 0 0.3", "axis": "0 1 0", **parts}
    limit = parts.get("limit", 'lower="-2" upper="2" velocity="1"')
    return (
        f'<joint name="{name}" type="{parts["type"]}"><parent link="{parent}"/>'
        f'<child link="{child}"/><origin xyz="{parts["xyz"]}" rpy="{parts.get("rpy", "0 0 0")}"/>'
        f'<axis xyz="{parts["axis"]}"/>{"" if limit is None else f"<limit {limit}/>"}'
        f"{parts.get('more', '')}</joint>"
    )


def urdf(*joints: str, links: str = "abcdefgh") -> str:
    """A URDF with links of one letter."""
    named = "".join(f'<link name="{link}"/>' for link in links)
    return f'<robot name="test">{named}{"".join(joints)}</robot>'


def planar(count: int, **parts: Any) -> Arm:
    """An arm whose joints have parallel axes, from the link ``a`` on."""
    links = "abcdefgh"[: count + 1]
    joints = [joint(f"j{i}", *ends, **parts) for i, ends in enumerate(pairwise(links), 1)]
    return Arm(urdf(*joints, links=links), "a", links[-1])
