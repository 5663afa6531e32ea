"""The measured positions of the commanded joints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState

from wm_planner.control.space import NO_ROTATION
from wm_planner.kinematics import Arm
from wm_planner.message_limits import MAX_LIST
from wm_planner.ros.pose_input import PoseInput
from wm_planner.text import listed
from wm_planner.types import Pose, Vector

TOPIC = "joint_states"
SETTING, KINEMATICS = "commands.joints", "commands.kinematics"


def too_many_joints(message: JointState) -> str:
    """Return that a message has more joints than any robot, as a sentence, or an empty string."""
    count = len(message.name)
    return f"{TOPIC} has {count} names; at most {MAX_LIST} are read" if count > MAX_LIST else ""


def numbers_of_joints(message: JointState, part: str, joints: Collection[str]) -> dict[str, float]:
    """Return the numbers of those joints that a message has.

    Args:
        message: The message.
        part: ``position``, ``velocity`` or ``effort``.
        joints: Names of the joints that are needed.

    Raises:
        ValueError: The message has another count of numbers than of names, or names one of the
            joints twice.
    """
    values = getattr(message, part)
    found = [(name, i) for i, name in enumerate(message.name) if name in joints]
    if found and len(values) != len(message.name):
        raise ValueError(
            f"{TOPIC} has {len(message.name)} names but {len(values)} numbers of {part}"
        )
    if len(found) != len(dict(found)):
        twice = next(name for name, _ in found if message.name.count(name) > 1)
        raise ValueError(f"{TOPIC} names {twice} more than once, so its {part} is not clear")
    return {name: float(values[i]) for name, i in found}


def other_names(heard: Sequence[str], wanted: Sequence[str], setting: str) -> str:
    """Return that a message names other joints than are wanted, as the end of a sentence.

    Args:
        heard: The names in the message.
        wanted: The names that are needed.
        setting: What sets the wanted names, or the URDF that has them.
    """
    if setting == KINEMATICS:
        return (
            f"it names {listed(heard)}, but the URDF of {KINEMATICS} {listed(wanted)}: give the "
            "URDF of this arm, or remap joint_states"
        )
    ends = [name.partition("_")[2] or name for name in wanted]
    near = [[name for name in heard if name.endswith(end)] for end in ends]
    fitting = [names[0] for names in near if len(names) == 1]
    remedy = f"set {setting} to the names of the arm"
    if len(fitting) == len(wanted):
        remedy = f"set {setting} to {listed(fitting)}"
    return f"it names {listed(heard)}, but {listed(wanted)} are needed: {remedy}"


class JointInput(PoseInput):
    """Subscribes to ``joint_states``, and finds each commanded joint by its name.

    Args:
        node: Its logger, clock and topic names are used.
        joints: Names of the commanded joints, in the order of the commands.
        max_age: A measurement older than this when it arrives is dropped [s].
        on_pose: Called with every good measurement.
    """

    setting = SETTING
    """What sets the names of the joints, for errors."""

    def __init__(
        self,
        node: Node,
        joints: Sequence[str],
        max_age: float,
        on_pose: Callable[[Pose], None],
    ) -> None:
        self._joints = list(joints)
        super().__init__(node, JointState, TOPIC, max_age, on_pose, shared=True)

    def parts(self, message: JointState) -> list[str]:
        """Return the commanded joints of a message; none if it is, e.g., from the gripper.

        Raises:
            ValueError: The message has too many joints.
        """
        if why := too_many_joints(message):
            raise ValueError(why)
        found = [name for name in self._joints if name in message.name]
        self._unrelated = "" if found else other_names(message.name, self._joints, self.setting)
        return found

    def read(self, message: JointState) -> tuple[Vector, Vector, Vector | None]:
        """Return the positions (J,) [rad].

        Raises:
            ValueError: A commanded joint is missing or named twice, or its position is not finite.
        """
        known = numbers_of_joints(message, "position", self._joints)
        if missing := [name for name in self._joints if name not in known]:
            raise ValueError(f"{TOPIC} has no position of {', '.join(missing)}")
        positions = np.array([known[name] for name in self._joints])
        if not np.isfinite(positions).all():
            raise ValueError(f"{TOPIC} has positions that are not finite")
        return positions, NO_ROTATION, None


class ArmInput(JointInput):
    """Subscribes to ``joint_states``, and computes the pose of the arm's tip.

    Args:
        node: As ``JointInput``.
        arm: The arm.
        max_age: As ``JointInput``.
        on_pose: As ``JointInput``.
    """

    setting = KINEMATICS

    def __init__(
        self, node: Node, arm: Arm, max_age: float, on_pose: Callable[[Pose], None]
    ) -> None:
        self._arm = arm
        super().__init__(node, arm.joints, max_age, on_pose)

    def read(self, message: JointState) -> tuple[Vector, Vector, Vector]:
        """Return position (3,) [m], quaternion (x, y, z, w) and joints (J,) [rad].

        Raises:
            ValueError: As ``JointInput``.
        """
        joints, _, _ = super().read(message)
        pose = self._arm.pose(joints)
        return pose[:3], pose[3:], joints
