"""Where the arm's links are, for the 3D view: by its URDF and the measured joints."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from wm_planner.cockpit.known import Known
from wm_planner.files.regular import read_regular
from wm_planner.kinematics import MAX_URDF, Arm, KinematicsError, UrdfError
from wm_planner.ros.robot_description import TOPIC
from wm_planner.text import one_line
from wm_planner.types import Vector


class ArmView:
    """Reads the arm's URDF, and finds the places of its joints.

    Base and tip are those of the planner's settings, if they are not given.

    Args:
        node: Subscribes to ``robot_description`` unless a file is given.
        known: The planner's settings, and the measured joints.
        file: The URDF; empty: the topic.
        base: Link in whose frame the plans are; empty: ``commands.base`` of the planner.
        tip: Link that they move; empty: ``commands.tip``.

    Attributes:
        problem: Why the arm cannot be shown, or an empty string.
        places: Where base, joints and tip are, (J + 2, 3) in the base's frame [m]; (0, 3) if
            that is not known.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no text.
    """

    def __init__(self, node: Node, known: Known, file: str, base: str, tip: str) -> None:
        self._known, self._base, self._tip = known, base, tip
        self._urdf = read_regular(file, MAX_URDF).decode() if file else ""
        self._tried: tuple[str, str, str] | None = None
        self._arm: Arm | None = None
        self.problem, self.places = "", np.empty((0, 3))
        if not file:
            latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            node.create_subscription(String, TOPIC, self._on_urdf, latched)

    def watch(self) -> None:
        """Find the places anew; call it in the node's thread, because a URDF takes time to read."""
        self.places = self._found()

    def _found(self) -> Vector:
        none, arm = np.empty((0, 3)), self._find()
        if arm is None:
            return none
        joints = self._known.measured
        if missing := [name for name in arm.joints if name not in joints]:
            self.problem = (
                f"the arm is not shown: no position of {one_line(missing[0], 60)} on joint_states"
            )
            return none
        self.problem = ""
        return arm.places(np.array([joints[name] for name in arm.joints]))

    def _find(self) -> Arm | None:
        search = self._known.search
        base = self._base or self._known.setting("commands.base", "")
        base = base or (search.header.frame_id if search else "")
        wanted = self._urdf, base, self._tip or self._known.setting("commands.tip", "")
        if not all(wanted):
            lacks = "its URDF: publish robot_description, or set the parameter urdf"
            if self._urdf:
                lacks = f"the parameter {'tip' if base else 'base'}"
            self.problem = f"the arm is not shown: the cockpit needs {lacks}"
            return None
        if wanted != self._tried:
            self._tried, self._arm = wanted, None
            try:
                self._arm = Arm(*wanted)
            except (KinematicsError, UrdfError) as error:
                self.problem = one_line(f"the arm is not shown: {error}")
        return self._arm

    def _on_urdf(self, message: String) -> None:
        if len(message.data) <= MAX_URDF:
            self._urdf = message.data
