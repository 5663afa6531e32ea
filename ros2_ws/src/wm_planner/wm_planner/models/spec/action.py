"""The ``action`` section of ``model.yaml``."""

from __future__ import annotations

from dataclasses import dataclass, field

from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.numbers import check, number
from wm_planner.text import listed, quoted

MODES = ("relative", "absolute", "velocity")


@dataclass
class CommandMapping:
    """How the numbers of one action become a command.

    Attributes:
        mode: ``relative``: the action displaces the commanded position; ``absolute``: the action is
            the position; ``velocity``: the action is the velocity during its environment step.
        position: Names of the action's numbers for x, y and z, or for each of ``joints``, in this
            order.
        joints: Names of the arm's joints that the numbers move; empty if they are Cartesian.
    """

    mode: str
    position: list[str]
    joints: list[str] = field(default_factory=list)

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
                "for each of action.command.joints"
            )

    @property
    def unit(self) -> str:
        """The unit that the action's numbers must have: m, rad, m/s or rad/s."""
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
    """

    names: list[str]
    units: list[str]
    frame: str
    lower: list[float] = number(-1e4, 1e4, [])
    upper: list[float] = number(-1e4, 1e4, [])
    command: CommandMapping | None = None

    def __post_init__(self) -> None:
        check(self, "action")
        self._check_numbers()
        if not self.frame:
            raise SpecError("action.frame is empty: name the coordinate frame of the actions")
        if self.command is not None:
            self._check_command(self.command)

    def _check_numbers(self) -> None:
        count = len(self.names)
        bounds = () if not self.lower and not self.upper else ("lower", "upper")
        for name in ("units", *bounds):
            if len(getattr(self, name)) != count:
                raise SpecError(
                    f"action.{name} has {len(getattr(self, name))} entries, action.names {count}"
                )
        if len(set(self.names)) != count or count == 0:
            raise SpecError("action.names must have at least one name, each only once")
        if not all(low < high for low, high in zip(self.lower, self.upper, strict=True)):
            raise SpecError("action.lower must be below action.upper in every entry")

    def _check_command(self, command: CommandMapping) -> None:
        position = command.position
        if missing := [name for name in position if name not in self.names]:
            raise SpecError(
                f"action.command.position names {missing[:20]}, which action.names lacks"
            )
        if len(set(position)) != len(position):
            raise SpecError(f"action.command.position ({listed(position)}) names a number twice")
        unit = command.unit
        if wrong := [name for name in position if self.units[self.names.index(name)] != unit]:
            raise SpecError(f"action.command.position needs {unit}; {wrong[:20]} have another unit")

    @property
    def dim(self) -> int:
        """Numbers in the action of one environment step (DINO-WM: ``action_dim``)."""
        return len(self.names)
