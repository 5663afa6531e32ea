"""Which message and which number in it each of the model's proprio numbers is; no ROS here."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config import ConfigError, ProprioConfig
from wm_planner.models import ModelSpec

SOURCES = ("joint_states", "pose", "topic")
POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
# REP-103; revolute joints first, then prismatic ones. Nothing is converted.
UNITS = {
    "joint_states.position": ("rad", "m"),
    "joint_states.velocity": ("rad/s", "m/s"),
    "joint_states.effort": ("Nm", "N*m", "N m", "N"),
    "pose.position": ("m",),
}


@dataclass(frozen=True)
class Field:
    """One number of the state.

    Attributes:
        source: ``joint_states``, ``pose`` or ``topic``.
        name: The joint, the pose's number (``POSE``), or the place in the topic's array.
        part: ``position``, ``velocity`` or ``effort`` of a joint; empty elsewhere.
    """

    source: str
    name: str
    part: str = ""


def proprio_fields(config: ProprioConfig, spec: ModelSpec) -> list[Field]:
    """Where each number of the model's proprio comes from, in the model's order.

    Raises:
        ConfigError: The configuration does not say, or says something impossible.
    """
    names = spec.proprio.names
    if not names:
        return []
    entries = config.fields or [f"{config.source}:{name}" for name in names]
    if config.source == "topic" and not config.fields:
        entries = [f"topic:{i}" for i in range(len(names))]
    if config.source == "none" and not config.fields:
        raise ConfigError(
            f"model {spec.name} needs proprio ({', '.join(names)}): set proprio.source to "
            f"{', '.join(SOURCES)}, or proprio.fields"
        )
    if len(entries) != len(names):
        raise ConfigError(
            f"proprio.fields has {len(entries)} entries, the model takes {len(names)}: "
            f"{', '.join(names)}"
        )
    return [_field(*pair) for pair in zip(entries, spec.proprio.units, strict=True)]


def _field(entry: str, unit: str) -> Field:
    source, _, name = entry.partition(":")
    if source not in SOURCES or not name:
        raise ConfigError(
            f"proprio: '{entry}' must be source:name with one of the sources {', '.join(SOURCES)}"
        )
    part = ""
    if source == "joint_states":
        joint, _, last = name.rpartition(".")
        name, part = (joint, last) if f"{source}.{last}" in UNITS else (name, "position")
    if source == "pose" and name not in POSE:
        raise ConfigError(f"proprio: a pose has {', '.join(POSE)}, not '{name}'")
    if source == "topic" and not name.isdecimal():
        raise ConfigError(f"proprio: topic:{name} must give the place in the array, from 0")
    kind = "pose.position" if source == "pose" and name in POSE[:3] else f"{source}.{part}"
    if kind in UNITS and unit not in UNITS[kind]:
        raise ConfigError(
            f"proprio: model.yaml takes {name} in '{unit}', {source} gives it in "
            f"{' or '.join(UNITS[kind])}, and nothing is converted"
        )
    return Field(source, name, part)
