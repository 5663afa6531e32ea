"""The types of messages that carry commands to the arm; see ``ros/command_messages.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class CommandType:
    """What one type of message can carry.

    Attributes:
        cartesian: Positions of the end effector, or their velocities.
        joints: Positions of named joints, or their velocities.
        velocity: Whether it carries velocities; None if ``commands.interface`` decides.
        anonymous: Whether it carries bare numbers, so that only ``commands.space`` and the
            receiver's order of joints say what they mean.
    """

    cartesian: bool = False
    joints: bool = False
    velocity: bool | None = False
    anonymous: bool = False


COMMAND_TYPES: Mapping[str, CommandType] = MappingProxyType(
    {
        "pose_stamped": CommandType(cartesian=True),
        "twist_stamped": CommandType(cartesian=True, velocity=True),
        "joint_state": CommandType(joints=True, velocity=None),
        "joint_trajectory": CommandType(joints=True),
        "float64_multi_array": CommandType(
            cartesian=True, joints=True, velocity=None, anonymous=True
        ),
    }
)
"""Every value of ``commands.type``."""
