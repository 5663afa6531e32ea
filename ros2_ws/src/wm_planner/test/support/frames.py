"""Transforms of TF, and whether tf2_ros is installed.

It is of ROS 2's installation and not on PyPI, so that many machines with the wheels lack it.
"""

from __future__ import annotations

from typing import Any

import pytest
from geometry_msgs.msg import TransformStamped
from scipy.spatial.transform import Rotation

from wm_planner.ros.ros_time import seconds_to_time

try:
    import tf2_ros
    from tf2_msgs.msg import TFMessage
except ImportError:
    tf2_ros = TFMessage = None
with_tf = pytest.mark.skipif(tf2_ros is None, reason="tf2_ros is not installed")
TURNED = Rotation.from_euler("xyz", [0.4, -0.5, 0.6])


def transform(
    parent: str,
    child: str,
    at: Any = (0, 0, 0),
    turned: Rotation | None = None,
    stamp: float = 0.0,
) -> TransformStamped:
    made = TransformStamped()
    made.header.frame_id, made.child_frame_id = parent, child
    made.header.stamp = seconds_to_time(stamp)
    moved = made.transform.translation
    moved.x, moved.y, moved.z = map(float, at)
    turn = made.transform.rotation
    turn.x, turn.y, turn.z, turn.w = (turned or Rotation.identity()).as_quat().tolist()
    return made
