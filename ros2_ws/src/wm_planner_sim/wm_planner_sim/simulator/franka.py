"""Names and fixed numbers of the Franka Panda."""

from __future__ import annotations

import numpy as np

BASE_FRAME = "panda_link0"
"""Frame of all positions; the simulator's world frame coincides with it."""
TCP = "panda_hand_tcp"
"""Site between the fingertips, 0.1034 m from the flange of the hand (Franka's ``EE`` frame)."""
TCP_OFFSET = 0.1034
"""Distance of that site from the flange [m]."""
JOINT_NAMES = tuple(f"panda_joint{i}" for i in range(1, 8))
FINGER_NAMES = ("panda_finger_joint1", "panda_finger_joint2")
"""Joints of the fingers; the position of each is half of the width [m]."""
MAX_WIDTH = 0.08
"""Largest width of the gripper [m]."""
REST_WIDTH = 0.04
"""Width of the gripper after a reset [m]."""
HOME = (0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4)
"""Franka's "ready" posture [rad]."""
DOWN_XYZW = (1.0, 0.0, 0.0, 0.0)
"""Orientation of the hand with the gripper pointing down, quaternion (x, y, z, w)."""
