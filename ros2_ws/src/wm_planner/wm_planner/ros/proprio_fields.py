"""Find the message and the field of each of the model's proprio numbers; no ROS."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config import ConfigError, ProprioConfig
from wm_planner.message_limits import MAX_LIST
from wm_planner.models import ModelSpec
from wm_planner.text import quoted

SOURCES = ("joint_states", "pose", "topic")
POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
# By REP-103, of revolute joints first, then of prismatic ones. Nothing is converted.
UNITS = {
    "joint_states.position": ("rad", "m"),
    "joint_states.velocity": ("rad/s", "m/s"),
    "joint_states.effort": ("Nm", "N*m", "N m", "N"),
    "pose.position": ("m",),
}


@dataclass(frozen=True)
class Field:
    """The source of one proprio number.

    Attributes:
        source: ``joint_states``, ``pose`` or ``topic``.
        name: The joint, the number of the pose (see ``POSE``), or the index in the topic's array.
        part: ``position``, ``velocity`` or ``effort`` of a joint; otherwise empty.
    """

    source: str
    name: str
    part: str = ""


def proprio_fields(config: ProprioConfig, spec: ModelSpec) -> list[Field]:
    """Return the source of each number of the model's proprio, in the model's order.

    Raises:
        ConfigError: The configuration does not define a source, or an impossible one.
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
            f"proprio.fields has {len(entries)} entries, but the model takes {len(names)}: "
            f"{', '.join(names)}"
        )
    fields = [_field(*pair) for pair in zip(entries, spec.proprio.units, strict=True)]
    for field, entry in zip(fields, entries, strict=True):
        if fields.count(field) > 1:
            raise ConfigError(f"proprio: {quoted(entry)} is given more than once")
    return fields


def _field(entry: str, unit: str) -> Field:
    source, _, name = entry.partition(":")
    if source not in SOURCES or not name:
        raise ConfigError(
            f"proprio: {quoted(entry)} must be source:name, with a source of {', '.join(SOURCES)}"
        )
    part = ""
    if source == "joint_states":
        joint, _, last = name.rpartition(".")
        name, part = (joint, last) if f"{source}.{last}" in UNITS else (name, "position")
    if source == "pose" and name not in POSE:
        raise ConfigError(f"proprio: a pose has {', '.join(POSE)}, not {quoted(name)}")
    if source == "topic" and not (name.isdecimal() and len(name) < 9 and int(name) < MAX_LIST):
        raise ConfigError(
            f"proprio: {quoted(entry)} must give the index in the array, from 0 to {MAX_LIST - 1}"
        )
    kind = "pose.position" if source == "pose" and name in POSE[:3] else f"{source}.{part}"
    if kind in UNITS and unit not in UNITS[kind]:
        raise ConfigError(
            f"proprio: model.yaml takes {name} in '{unit}', but {source} gives it in "
            f"{' or '.join(UNITS[kind])}, and nothing is converted"
        )
    return Field(source, name, part)
