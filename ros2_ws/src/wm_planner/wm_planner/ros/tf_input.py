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
        self._transforms = Transforms(node)
        self._found: Vector | None = None
        self._stamp = Time()
        super().__init__(node, self._transforms.kind, TF, max_age, on_pose, shared=True)

    @property
    def unrelated(self) -> str:
        """Why messages arrive, but no new pose."""
        return f"{self._transforms.why_not(self._base, self._tip)} (commands.base, commands.tip)"

    @property
    def second_publisher(self) -> str:
        """That a frame of the arm has a second publisher, as a sentence, or an empty string."""
        return super().second_publisher or self._transforms.twice(self._base, self._tip)

    def qos(self) -> QoSProfile:
        """Return that of tf2's listener: the pose is in some of many messages."""
        return QoSProfile(depth=100)

    def parts(self, message: Any) -> list[str]:
        """Return the frames of a message that lead to the pose."""
        frames = self._transforms.add(message)
        chain = self._transforms.chain(self._base, self._tip)
        return [frame for frame in frames if frame in chain]

    def is_new(self, message: Any) -> bool:
        """Return whether a message gives a new pose."""
        try:
            self._found, stamp = self._transforms.pose(self._base, self._tip)
        except ValueError:
            return False
        new = stamp not in (Time(), self._stamp)
        self._stamp = stamp
        return new

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
