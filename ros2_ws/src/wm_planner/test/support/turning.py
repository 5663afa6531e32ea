"""A spec of a model whose actions also turn the hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wm_planner.models import ModelSpec
from wm_planner.models.spec import ActionSpec, CommandMapping, Moments, RotationMapping

POSITION = ["dx", "dy", "dz"]


def turning(
    spec: ModelSpec, convention: str = "euler_extrinsic_xyz", count: int = 3, **changes: Any
) -> ModelSpec:
    """Return a copy of a spec of displacements, with rotations of a convention.

    ``changes`` are of ``CommandMapping``, those that begin with ``rotation_`` of its rotation.
    """
    of_rotation = {
        name.removeprefix("rotation_"): changes.pop(name)
        for name in list(changes)
        if name.startswith("rotation_")
    }
    names = [f"r{i}" for i in range(count)]
    rotation = RotationMapping(names, convention, **of_rotation)
    command = CommandMapping(
        **{"mode": "relative", "position": POSITION} | changes, rotation=rotation
    )
    units = [command.unit] * 3 + [rotation.unit(command.mode)] * count
    action = ActionSpec(POSITION + names, units, spec.action.frame, command=command)
    moments = Moments(mean=[0.0] * (3 + count), std=[0.02] * 3 + [0.1] * count)
    statistics = replace(spec.statistics, action=moments)
    statistics.sha256 = statistics.digest()
    return replace(spec, action=action, statistics=statistics)
