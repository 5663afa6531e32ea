"""The measured pose of the end effector by TF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Header

from wm_planner.config import ConfigError
from wm_planner.ros.pose_input import PoseInput
from wm_planner.ros.transforms import TF, Transforms
from wm_planner.text import quoted
from wm_planner.types import Pose, Vector


class TfInput(PoseInput):
    """Subscribes to ``/tf`` and ``/tf_static``: the pose of a frame in the frame of the actions.

    Its stamp is that of the transform between them whose newest one is the oldest, so that a part
    of the arm that is published no more counts as silent.

    Args:
        node: Its logger, clock and topic names are used.
        base: The frame of the actions.
        tip: The frame whose pose the actions command.
        max_age: A pose older than this when it arrives is dropped [s].
        on_pose: Called with every new pose.

    Raises:
        ConfigError: ``tip`` is not set, or tf2_ros is not installed.
    """

    def __init__(
        self, node: Node, base: str, tip: str, max_age: float, on_pose: Callable[[Pose], None]
    ) -> None:
        if tip in ("", base):
            raise ConfigError(
                "inputs.pose is tf, so commands.tip must be the frame whose pose the actions "
                f"command, in {quoted(base)} (commands.base), e.g. fr3_hand_tcp"
            )
        self._base, self._tip = base, tip
        self._transforms = Transforms(node, listen=False)
        self._found: Vector | None = None
        self._stamp = Time()
        super().__init__(node, self._transforms.kind, TF, max_age, on_pose, shared=True)

    def qos(self) -> QoSProfile:
        """Return that of tf2's listener: the pose is in some of many messages."""
        return QoSProfile(depth=100)

    def parts(self, message: Any) -> list[str]:
        """Return the frames that lead to the pose; none if the message does not give a new one."""
        self._transforms.add(message)
        try:
            self._found, stamp = self._transforms.pose(self._base, self._tip)
        except ValueError as error:
            self.unrelated = f"{error} (commands.base, commands.tip)"
            return []
        between = f"between {quoted(self._base)} and {quoted(self._tip)}"
        if stamp == Time():
            self.unrelated = (
                f"no transform {between} moves: does robot_state_publisher get the arm's joints "
                "(joint_states)?"
            )
            return []
        self.unrelated = f"not all transforms {between} go on: does each publisher of them run?"
        if stamp == self._stamp:
            return []
        self._stamp = stamp
        chain = self._transforms.chain(self._base, self._tip)
        return [t.child_frame_id for t in message.transforms if t.child_frame_id in chain]

    def header(self, message: Any) -> Header:
        """Return a header with the stamp of the pose."""
        return Header(stamp=self._stamp)

    def read(self, message: Any) -> tuple[Vector, Vector, None]:
        """Return position (3,) [m] and quaternion (x, y, z, w)."""
        assert self._found is not None
        return self._found[:3], self._found[3:], None

    def close(self) -> None:
        """Unsubscribe."""
        super().close()
        self._transforms.close()
