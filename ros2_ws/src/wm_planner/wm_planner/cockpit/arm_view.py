"""Where the arm's links are, for the view in space: by its URDF and the measured joints."""

from __future__ import annotations

from collections.abc import Mapping

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

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no text.
    """

    def __init__(self, node: Node, known: Known, file: str, base: str, tip: str) -> None:
        self._known, self._base, self._tip = known, base, tip
        self._urdf = read_regular(file, MAX_URDF).decode() if file else ""
        self._tried: tuple[str, str, str] | None = None
        self._arm: Arm | None = None
        self.problem = ""
        if not file:
            latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            node.create_subscription(String, TOPIC, self._on_urdf, latched)

    def places(self) -> Vector:
        """Return where base, joints and tip are now, (J + 2, 3) in the base's frame [m].

        Empty, (0, 3), if that is not known; ``problem`` says why.
        """
        none, arm = np.empty((0, 3)), self._find()
        if arm is None:
            return none
        joints: Mapping[str, float] = self._known.joints
        if missing := [name for name in arm.joints if name not in joints]:
            self.problem = f"no measured position of {one_line(missing[0], 60)} arrives"
            return none
        self.problem = ""
        return arm.places(np.array([joints[name] for name in arm.joints]))

    def _find(self) -> Arm | None:
        search = self._known.search
        base = self._base or self._known.setting("commands.base", "")
        base = base or (search.header.frame_id if search else "")
        wanted = self._urdf, base, self._tip or self._known.setting("commands.tip", "")
        if not all(wanted):
            self.problem = (
                "the arm is not shown: the cockpit needs its URDF (robot_description, or the "
                "parameter urdf), and the parameters base and tip"
            )
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
