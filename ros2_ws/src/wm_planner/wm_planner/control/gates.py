"""Choose the gate for what is commanded and for what is known about the arm."""

from __future__ import annotations

from collections.abc import Sequence

from wm_planner.config import LimitsConfig
from wm_planner.control.gate import CommandGate
from wm_planner.control.hand_gate import HandGate
from wm_planner.control.kinematic_gate import KinematicGate
from wm_planner.kinematics import Arm
from wm_planner.models.spec import CommandMapping


def make_gate(
    limits: LimitsConfig,
    command: CommandMapping,
    arm: Arm | None,
    posture: Sequence[float] = (),
    *,
    grips: bool,
) -> CommandGate:
    """Return the gate for what actions command.

    Args:
        limits: The limits.
        command: What the actions move.
        arm: The arm's kinematics; None if they are unknown, or if its controller takes poses.
        posture: ``commands.posture``.
        grips: Whether a gripper is commanded.

    Raises:
        LimitsError: The limits are missing or invalid.
    """
    turns = command.rotation is not None
    if arm is None:
        return CommandGate(limits, command.joints, turns=turns, grips=grips)
    if command.joints:
        return HandGate(limits, command.joints, arm, grips=grips)
    return KinematicGate(limits, arm, posture, turns=turns, grips=grips)
