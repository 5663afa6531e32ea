"""Choose the gate for what is commanded and for what is known about the arm."""

from __future__ import annotations

from wm_planner.config import CommandsConfig, LimitsConfig
from wm_planner.control.gate import CommandGate
from wm_planner.control.hand_gate import HandGate
from wm_planner.control.kinematic_gate import KinematicGate
from wm_planner.control.receiver import takes_joints
from wm_planner.kinematics import Arm
from wm_planner.models.spec import CommandMapping


def make_gate(
    limits: LimitsConfig,
    command: CommandMapping,
    arm: Arm | None,
    commands: CommandsConfig,
    *,
    grips: bool,
) -> CommandGate:
    """Return the gate for what actions command.

    Args:
        limits: The limits.
        command: What the actions move.
        arm: The arm's kinematics; None if they are unknown.
        commands: Say what the receiver takes, and ``commands.posture``.
        grips: Whether a gripper is commanded.

    Raises:
        LimitsError: The limits are missing or invalid.
    """
    turns = command.rotation is not None
    gate: CommandGate
    if arm is None or not takes_joints(commands):
        gate = CommandGate(limits, command.joints, turns=turns, grips=grips)
    elif command.joints:
        gate = HandGate(limits, command.joints, arm, grips=grips)
    else:
        gate = KinematicGate(limits, arm, commands.posture, turns=turns, grips=grips)
    if arm:
        for part in (gate.limits, gate.rotation):
            if part:
                part.measured_by = "joint_states"
    return gate
