"""ROS messages of the simulator, filled as Isaac Sim's ROS bridge fills them."""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, JointState

from wm_planner.types import RgbImage, Vector
from wm_planner_sim.simulator import franka


def stamp(seconds: float) -> Time:
    """Return simulated time [s] as a message."""
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def seconds(time: Time) -> float:
    """Return a message's time [s]."""
    return float(time.sec + 1e-9 * time.nanosec)


def image(time: Time, frame: str, image: RgbImage) -> Image:
    """Return an rgb8 image without padding."""
    message = Image()
    message.header.stamp = time
    message.header.frame_id = frame
    message.height, message.width = image.shape[:2]
    message.encoding = "rgb8"
    message.step = 3 * image.shape[1]
    message.data = array.array("B", image.tobytes())
    return message


def camera_info(frame: str, intrinsics: NDArray[np.float64], height: int, width: int) -> CameraInfo:
    """Describe a pinhole camera without distortion by its camera matrix (3, 3) [pixels]."""
    message = CameraInfo()
    message.header.frame_id = frame
    message.height, message.width = height, width
    message.distortion_model = "plumb_bob"
    message.d = [0.0] * 5
    message.k = intrinsics.ravel().tolist()
    message.r = np.eye(3).ravel().tolist()
    message.p = np.hstack([intrinsics, np.zeros((3, 1))]).ravel().tolist()
    return message


def joint_state(time: Time, positions: Vector, velocities: Vector) -> JointState:
    """Return positions [rad or m] and velocities of the arm's joints, then the fingers (9,)."""
    message = JointState()
    message.header.stamp = time
    message.name = [*franka.JOINT_NAMES, *franka.FINGER_NAMES]
    message.position = positions.tolist()
    message.velocity = velocities.tolist()
    return message


def pose(time: Time, position: Vector, quaternion: Vector) -> PoseStamped:
    """Return a pose in the base frame: position (3,) [m], quaternion (x, y, z, w)."""
    message = PoseStamped()
    message.header.stamp = time
    message.header.frame_id = franka.BASE_FRAME
    target = message.pose
    target.position.x, target.position.y, target.position.z = (float(v) for v in position)
    target.orientation.x, target.orientation.y = float(quaternion[0]), float(quaternion[1])
    target.orientation.z, target.orientation.w = float(quaternion[2]), float(quaternion[3])
    return message
