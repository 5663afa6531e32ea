"""Find the message and the field of each of the model's proprio numbers; no ROS."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config import ConfigError, ProprioConfig
from wm_planner.message_limits import MAX_LIST
from wm_planner.models import ModelSpec
from wm_planner.models.spec import ProprioGripper, RotationForm
from wm_planner.text import quoted

WHOLE = ("joint_states", "pose", "topic")  # may give the whole proprio: proprio.source
SOURCES = (*WHOLE, "gripper")
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
        source: ``joint_states``, ``pose``, ``topic`` or ``gripper``; ``arm`` for a pose that
            ``joint_states`` give.
        name: The joint, the number of the pose (see ``POSE``, or a ``form``), or the index in the
            topic's array, or the name of the gripper's number.
        part: ``position``, ``velocity`` or ``effort`` of a joint, or the convention of an
            orientation, of which ``name`` is the index; otherwise empty.
    """

    source: str
    name: str
    part: str = ""

    @property
    def form(self) -> RotationForm | None:
        """The convention of an orientation; None for other numbers."""
        return RotationForm(self.part) if self.source in ("pose", "arm") and self.part else None


def proprio_fields(config: ProprioConfig, spec: ModelSpec) -> list[Field]:
    """Return the source of each number of the model's proprio, in the model's order.

    Raises:
        ConfigError: The configuration does not define a source, or an impossible one.
    """
    names = spec.proprio.names
    if not names:
        return []
    entries = config.fields or [f"{config.source}:{name}" for name in names]
    if config.source == "pose" and not config.fields and (rotation := spec.proprio.rotation):
        for i, name in enumerate(rotation.names):
            entries[names.index(name)] = f"pose:{rotation.convention}.{i}"
    gripper = spec.proprio.gripper
    if gripper and not config.fields and config.source in ("pose", "joint_states"):
        entries[names.index(gripper.name)] = f"gripper:{gripper.name}"
    if config.source == "topic" and not config.fields:
        entries = [f"topic:{i}" for i in range(len(names))]
    if config.source == "none" and not config.fields:
        raise ConfigError(
            f"model {spec.name} needs proprio ({', '.join(names)}): set proprio.source to "
            f"{', '.join(WHOLE)}, or proprio.fields"
        )
    if len(entries) != len(names):
        raise ConfigError(
            f"proprio.fields has {len(entries)} entries, but the model takes {len(names)}: "
            f"{', '.join(names)}"
        )
    pairs = zip(entries, spec.proprio.units, strict=True)
    fields = [_field(entry, unit, gripper) for entry, unit in pairs]
    for field, entry in zip(fields, entries, strict=True):
        if fields.count(field) > 1:
            raise ConfigError(f"proprio: {quoted(entry)} is given more than once")
    return fields


def _field(entry: str, unit: str, gripper: ProprioGripper | None) -> Field:
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
        name, part = _of_rotation(name)
    if source == "topic" and not (name.isdecimal() and len(name) < 9 and int(name) < MAX_LIST):
        raise ConfigError(
            f"proprio: {quoted(entry)} must give the index in the array, from 0 to {MAX_LIST - 1}"
        )
    kind = "pose.position" if source == "pose" and name in POSE[:3] else f"{source}.{part}"
    field = Field(source, name, part)
    units = (field.form.unit,) if field.form else UNITS.get(kind, (unit,))
    if source == "gripper":
        if gripper is None or name != gripper.name:
            raise ConfigError(
                f"proprio: {quoted(entry)} is no number of the gripper: name it in proprio.gripper "
                "of model.yaml"
            )
        units = (gripper.unit,)
    if unit not in units:
        raise ConfigError(
            f"proprio: model.yaml takes {name} in '{unit}', but {source} gives it in "
            f"{' or '.join(units)}, and nothing is converted"
        )
    return field


def _of_rotation(name: str) -> tuple[str, str]:
    """Return index and convention of a number of an orientation, e.g. ``rotation_vector.0``."""
    convention, _, index = name.rpartition(".")
    form = RotationForm(convention)
    if not (form.known and index.isdecimal() and len(index) == 1 and int(index) < form.count):
        raise ConfigError(
            f"proprio: a pose has {', '.join(POSE)}, or a number of a convention of rotations such "
            f"as euler_extrinsic_xyz.0, not {quoted(name)}"
        )
    return index, convention
