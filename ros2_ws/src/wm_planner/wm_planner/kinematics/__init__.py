"""The arm's kinematics from its URDF: where the hand is, and which joints bring it to a pose."""

from wm_planner.kinematics.arm import Arm, InverseKinematics, JointRange
from wm_planner.kinematics.links import Links
from wm_planner.kinematics.urdf import MAX_URDF
from wm_planner.kinematics.values import KinematicsError, UrdfError

__all__ = [
    "MAX_URDF",
    "Arm",
    "InverseKinematics",
    "JointRange",
    "KinematicsError",
    "Links",
    "UrdfError",
]
