"""The ``action`` section of ``model.yaml``."""

from __future__ import annotations

from dataclasses import dataclass, field

from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.gripper import GripperMapping
from wm_planner.models.spec.numbers import check, number
from wm_planner.models.spec.rotation import RotationMapping
from wm_planner.text import listed, quoted

MODES = ("relative", "absolute", "velocity")
REFERENCES = ("commanded", "measured")
HOLD = "hold"
"""In place of a name in ``position``: no number moves this axis or joint."""


@dataclass
class CommandMapping:
    """How the numbers of one action become a command.

    Attributes:
        mode: ``relative``: the action displaces the commanded position; ``absolute``: the action is
            the position; ``velocity``: the action is the velocity during its environment step.
        position: Names of the action's numbers for x, y and z, or for each of ``joints``, in this
            order; ``hold`` for one that the actions do not move: it stays where it was when the
            goal was accepted.
        joints: Names of the arm's joints that the numbers move; empty if they are Cartesian.
        rotation: How the action turns the hand; None if it does not: the hand keeps the orientation
            in which a goal starts.
        gripper: How the action moves the gripper; None if it does not.
        reference: Where displacements and turns begin: ``commanded``, at the pose that was
            commanded ``commands.lag`` before the image, or ``measured``, at the one measured then.
        step_time: Time in which the arm carries out one environment step [s]; 0: ``1 /
            control_rate``.
    """

    mode: str
    position: list[str]
    joints: list[str] = field(default_factory=list)
    rotation: RotationMapping | None = None
    gripper: GripperMapping | None = None
    reference: str = "commanded"
    step_time: float = number(0, 60, 0.0)

    def __post_init__(self) -> None:
        check(self, "action.command")
        if self.mode not in MODES:
            raise SpecError(
                "action.command.mode must be relative, absolute or velocity, not "
                f"{quoted(self.mode)}"
            )
        if len(set(self.joints)) != len(self.joints):
            raise SpecError(f"action.command.joints ({listed(self.joints)}) names a joint twice")
        if len(self.position) != (len(self.joints) or 3):
            raise SpecError(
                "action.command.position needs the names of three action numbers (x, y, z), or one "
                f"for each of action.command.joints: {len(self.position)} are given "
                f"({listed(self.position)}). Write {HOLD} for an axis that no number moves"
            )
        if not self.moved:
            raise SpecError("action.command.position holds everything, so nothing moves the arm")
        if self.reference not in REFERENCES:
            raise SpecError(
                f"action.command.reference must be commanded or measured, not "
                f"{quoted(self.reference)}"
            )
        if self.rotation:
            if self.joints:
                raise SpecError(
                    "action.command.rotation turns a hand, but action.command.joints moves joints: "
                    "leave one of them out"
                )
            self.rotation.check_mode(self.mode)

    @property
    def moved(self) -> dict[int, str]:
        """The action's numbers by the axis or joint that each moves."""
        return {axis: name for axis, name in enumerate(self.position) if name != HOLD}

    @property
    def unit(self) -> str:
        """The unit that the numbers of the position must have: m, rad, m/s or rad/s."""
        return ("rad" if self.joints else "m") + ("/s" if self.mode == "velocity" else "")


@dataclass
class ActionSpec:
    """The action of one environment step, in physical units.

    Attributes:
        names: One name per number, in the model's order.
        units: One unit per number (REP-103: m, rad, s).
        frame: Coordinate frame of the action (for a Franka its base link).
        lower: Smallest value seen or allowed in training, per number; empty if unknown: the
            planner's draws are then unbounded, as DINO-WM's are.
        upper: Largest value, per number; empty together with ``lower``.
        command: How the action becomes a command; None if the model plans without driving an arm.
        deviation: Deviation of the planner's first draws, per number, for a planner's ``sigma`` of
            1; empty: the standard deviation of the statistics.
        fixed: Numbers that the planner does not search, by name, with the values that it sends.
    """

    names: list[str]
    units: list[str]
    frame: str
    lower: list[float] = number(-1e4, 1e4, [])
    upper: list[float] = number(-1e4, 1e4, [])
    command: CommandMapping | None = None
    deviation: list[float] = number(1e-9, 1e4, [])
    fixed: dict[str, float] = number(-1e4, 1e4, {})

    def __post_init__(self) -> None:
        check(self, "action")
        self._check_numbers()
        if not self.frame:
            raise SpecError("action.frame is empty: name the coordinate frame of the actions")
        if self.command is not None:
            self._check_command(self.command)

    def _check_numbers(self) -> None:
        count = len(self.names)
        bounds = ["lower", "upper"] if self.lower or self.upper else []
        for name in ("units", *bounds, *(["deviation"] if self.deviation else [])):
            if len(getattr(self, name)) != count:
                raise SpecError(
                    f"action.{name} has {len(getattr(self, name))} entries, action.names {count}"
                )
        if HOLD in self.names:
            raise SpecError(f"action.names has '{HOLD}', which means that nothing moves: rename it")
        if len(set(self.names)) != count or count == 0:
            raise SpecError("action.names must have at least one name, each only once")
        if not all(low < high for low, high in zip(self.lower, self.upper, strict=True)):
            raise SpecError("action.lower must be below action.upper in every entry")
        if unknown := [name for name in self.fixed if name not in self.names]:
            raise SpecError(f"action.fixed names {quoted(unknown[0])}, which action.names lacks")
        if len(self.fixed) == count:
            raise SpecError("action.fixed fixes every number, so there is nothing to plan")

    def _check_command(self, command: CommandMapping) -> None:
        parts = [("position", list(command.moved.values()), command.unit)]
        if command.rotation:
            rotation = command.rotation
            parts.append(("rotation.names", rotation.names, rotation.unit(command.mode)))
        if command.gripper:
            parts.append(("gripper.name", [command.gripper.name], command.gripper.unit))
        used: set[str] = set()
        for part, names, unit in parts:
            where = f"action.command.{part}"
            if missing := [name for name in names if name not in self.names]:
                raise SpecError(f"{where} names {missing[:20]}, which action.names lacks")
            if len(set(names)) != len(names) or used & set(names):
                raise SpecError(f"{where} ({listed(names)}) names a number twice")
            used.update(names)
            if wrong := [name for name in names if self.units[self.names.index(name)] != unit]:
                raise SpecError(f"{where} needs {unit}; {wrong[:20]} have another unit")

    @property
    def dim(self) -> int:
        """Numbers in the action of one environment step (DINO-WM: ``action_dim``)."""
        return len(self.names)
