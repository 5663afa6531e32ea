"""The gate that checks every command before it is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import CommandLimits
from wm_planner.control.gripper_limits import GripperLimits
from wm_planner.control.part_gate import ROUNDING, PartGate, Sent, Violation
from wm_planner.control.rotation_limits import RotationLimits
from wm_planner.control.space import CommandSpace
from wm_planner.types import Pose, Vector


class LimitViolation(Exception):
    """A command was refused; the message names the limit and by how much it was exceeded."""


@dataclass
class Counters:
    """What the gate has done so far.

    Attributes:
        passed: Commands that were not changed.
        clamped: Commands brought back to the limits.
        refused: Commands refused.
        limits: Number of violations of each limit, see ``Violation.limit``.
    """

    passed: int = 0
    clamped: int = 0
    refused: int = 0
    limits: Counter[str] = field(default_factory=Counter)


class CommandGate:
    """Checks commands against region, speed, acceleration and measured pose.

    Position and orientation are checked apart, each by its own limits.

    Args:
        config: The limits and their policy.
        joints: Names of the commanded joints; empty for poses of the end effector.
        turns: Whether the actions turn the hand.
        grips: Whether they move a gripper.

    Raises:
        LimitsError: The limits are missing or invalid.

    Attributes:
        space: The space of the commands.
        limits: The limits of positions or joints.
        rotation: The limits of the orientation; None for joints.
        gripper: The limits of the gripper; None if it is not moved.
        counters: What the gate has done.
        pace: Seconds of its path per second at which the arm follows a plan; 0: it holds.
    """

    def __init__(
        self,
        config: LimitsConfig,
        joints: Sequence[str] = (),
        *,
        turns: bool = False,
        grips: bool = False,
    ) -> None:
        self.limits = CommandLimits(config, joints)
        self.rotation = None if joints else RotationLimits(config, turns=turns)
        self.gripper = GripperLimits(config) if grips else None
        lever = config.max_speed / config.max_angular_speed
        self.space = CommandSpace(len(joints), lever)
        self._clamp = config.policy == "clamp"
        self._parts = [(PartGate(self.limits), slice(0, 3), slice(0, 3))]
        if self.rotation is None:
            self._parts = [(PartGate(self.limits), slice(None), slice(None))]
        else:
            self._parts.append((PartGate(self.rotation), slice(3, 7), slice(3, 6)))
        self.counters, self.pace = Counters(), 0.0

    @property
    def receiver(self) -> CommandGate:
        """The limits in the space of the commands that are sent."""
        return self

    @property
    def problems(self) -> list[str]:
        """Why the arm does not go as it was told, as sentences."""
        return []

    @property
    def unchecked(self) -> list[str]:
        """What could be checked of the arm but is not, as sentences."""
        return []

    def start(self, pose: Pose) -> Vector:
        """Begin at rest at a measured pose; return its point (n,)."""
        return self.measure(pose)

    def measure(self, pose: Pose) -> Vector:
        """Take a measured pose; return its point (n,)."""
        return self.space.point(pose)

    def basis(self, point: Vector) -> Vector:
        """Return where a plan begins (n,) whose image shows the arm at a commanded point."""
        return point

    def rest(self) -> None:
        """Take the arm to rest where it was sent."""

    def followed(self, point: Vector, like: Pose) -> Pose:
        """Return the measured pose of an arm that follows a command at once."""
        return self.space.pose(point, like)

    def output(self, sent: Sent, error: Vector | None) -> tuple[Vector, Vector, Vector | None]:
        """Return point, velocity and tracking error of a command in the space of ``receiver``.

        Args:
            sent: The command.
            error: Move from the measured to the commanded point (m,); None: unknown.
        """
        return sent.point, sent.velocity, error

    def why_outside(self, pose: Pose) -> str:
        """Return why no goal may start at a measured pose, or an empty string."""
        point = self.space.point(pose)
        for gate, of_point, _ in self._parts:
            limits, part = gate.limits, point[of_point]
            outside = float(np.abs(limits.between(part, limits.into(part))).max())
            if outside > limits.start_margin + ROUNDING:
                return (
                    f"the arm's {limits.what} {np.round(part, 4).tolist()} {limits.outside(part)}, "
                    f"which is {outside:.4f} {limits.unit} too far (limits.start_margin allows "
                    f"{limits.start_margin:g}): move it inside first"
                )
        return ""

    def check(self, wanted: Vector, *, previous: Sent, measured: Vector | None, dt: float) -> Sent:
        """Return the command that may be sent; see ``PartGate.nearest``.

        Args:
            wanted: Wanted point (n,) of ``space``.
            previous: The last command sent.
            measured: Measured point (n,); None while the arm slows down, because that must not
                depend on it.
            dt: Time since the last command [s], above 0.

        Raises:
            LimitViolation: The command is not finite, the tracking error is too large, or the
                command violates a limit under the policy ``refuse``. While the arm slows down,
                only a command that is not finite raises.
        """
        found: list[Sent] = []
        violations: list[Violation] = []
        for gate, at, of in self._parts:
            before = Sent(previous.point[at], previous.velocity[of], previous.dt)
            here = None if measured is None else measured[at]
            if why := gate.impossible(wanted[at], before, here):
                raise self._refuse(why)
            sent, why = gate.nearest(wanted[at], before, here, dt)
            found.append(sent)
            violations += [why] if why else []
        if violations and measured is not None and not self._clamp:
            raise self._refuse(violations[0])
        self.counters.limits.update(why.limit for why in violations)
        if violations:
            self.counters.clamped += 1
        else:
            self.counters.passed += 1
        point = np.concatenate([sent.point for sent in found])
        velocity = np.concatenate([sent.velocity for sent in found])
        return Sent(self.space.aligned(point, previous.point), velocity, dt)

    def check_width(self, width: float) -> float:
        """Return the width of the gripper that may be commanded [m].

        Raises:
            LimitViolation: It is outside of the range, under the policy ``refuse``.
        """
        assert self.gripper is not None
        inside = self.gripper.into(width)
        if inside != width:
            why = Violation("gripper", self.gripper.outside(width))
            if not self._clamp:
                raise self._refuse(why)
            self.counters.limits[why.limit] += 1
        return inside

    def slow(self, velocity: Vector) -> Vector:
        """Return a velocity (m,) reduced to the largest speeds."""
        return np.concatenate([gate.slow(velocity[of]) for gate, _, of in self._parts])

    def reachable(self, velocity: Vector, last: Vector, dt: float) -> Vector:
        """Return the velocity (m,) nearest to a wanted one that is reached in a time [s]."""
        return np.concatenate(
            [
                gate.limits.within(velocity[of], last[of], gate.limits.acceleration * dt)
                for gate, _, of in self._parts
            ]
        )

    def share_of_speed(self, velocity: Vector) -> float:
        """Return a velocity (m,) as a share of the largest speeds."""
        return max(g.limits.size(velocity[of]) / g.limits.speed for g, _, of in self._parts)

    def time_to_rest(self, velocity: Vector | None = None) -> float:
        """Return the least time to brake from a velocity (m,), or from the largest speeds [s]."""
        return max(
            (gate.limits.speed if velocity is None else gate.limits.size(velocity[of]))
            / gate.limits.acceleration
            for gate, _, of in self._parts
            if gate.limits.moves or velocity is not None
        )

    def leads(self, first: Vector, second: Vector) -> float:
        """Return the way between two points (n,) as a multiple of the largest leads."""
        move = self.space.between(first, second)
        return max(g.limits.size(move[of]) / g.limits.lead for g, _, of in self._parts)

    def _refuse(self, why: Violation) -> LimitViolation:
        self.counters.refused += 1
        self.counters.limits[why.limit] += 1
        return LimitViolation(why.sentence)
