"""Checks commanded joints, and that they keep the hand in the workspace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import CommandLimits, LimitsError
from wm_planner.control.gate import CommandGate, LimitViolation
from wm_planner.control.hand_limits import HandLimits, joint_config
from wm_planner.control.part_gate import PartGate, Sent
from wm_planner.kinematics import Arm
from wm_planner.text import listed
from wm_planner.types import Pose, Vector


class HandGate(CommandGate):
    """A gate for the joints of an arm whose kinematics are known.

    Args:
        config: The limits and their policy.
        joints: Names of the commanded joints, all of the arm's in any order.
        arm: The arm.
        grips: As ``CommandGate``.

    Raises:
        LimitsError: The limits are missing or invalid, or other joints are commanded.
    """

    def __init__(
        self, config: LimitsConfig, joints: Sequence[str], arm: Arm, *, grips: bool
    ) -> None:
        if sorted(joints) != sorted(arm.joints):
            raise LimitsError(
                "commands.kinematics: the joints from commands.base to commands.tip are "
                f"{listed(arm.joints)}, but the actions move {listed(joints)}: choose links with "
                "just these joints between them, or leave commands.kinematics empty"
            )
        config = joint_config(config, arm, policy=config.policy)
        super().__init__(config, joints, grips=grips)
        self._box = CommandLimits(config)
        self.limits = self._hand = HandLimits(config, joints, [(self._box, slice(0, 3))], arm)
        self._parts = [(PartGate(self.limits), slice(None), slice(None))]

    @property
    def unchecked(self) -> list[str]:
        """What could be checked of the arm but is not."""
        return self._hand.unchecked

    @property
    def problems(self) -> list[str]:
        """Why the joints stay behind the actions."""
        return [self._hand.obstacle] if self._hand.obstacle else []

    def start(self, pose: Pose) -> Vector:
        """Begin at rest at measured joints."""
        point = super().start(pose)
        self._hand.start_goal(point)
        return point

    def check(self, wanted: Vector, *, previous: Sent, measured: Vector | None, dt: float) -> Sent:
        """Return the command that may be sent; see ``CommandGate.check``."""
        self._hand.start_command()
        try:
            return super().check(wanted, previous=previous, measured=measured, dt=dt)
        except LimitViolation as error:
            why = f"; {self._hand.obstacle}" if self._hand.obstacle else ""
            raise LimitViolation(f"{error}{why}") from error

    def why_outside(self, pose: Pose) -> str:
        """Return why no goal may start at measured joints, or an empty string."""
        at, box, margin = (
            self._hand.pose(self.space.point(pose))[:3],
            self._box,
            self.limits.start_margin,
        )
        apart = float(np.abs(at - box.into(at)).max())
        if (why := super().why_outside(pose)) or apart <= margin + 1e-9:
            return why
        return (
            f"the arm's hand at {np.round(at, 4).tolist()} {box.outside(at)}, which is {apart:.4f} "
            f"m too far (limits.start_margin allows {margin:g}): move it inside first"
        )
