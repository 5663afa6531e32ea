"""The state of the simulated scene, as tasks read and arrange it."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector
from wm_planner_sim.simulator import franka
from wm_planner_sim.simulator.kinematics import InverseKinematics


class World:
    """The arm and the objects of a scene at one moment.

    Positions are in the frame ``panda_link0`` [m], quaternions are (x, y, z, w).

    Args:
        model: The compiled scene.
        kinematics: Inverse kinematics of its arm.
    """

    def __init__(self, model: mujoco.MjModel, kinematics: InverseKinematics) -> None:
        self._model = model
        self._data = mujoco.MjData(model)
        self._ik = kinematics
        self._arm = [model.joint(name).qposadr[0] for name in franka.JOINT_NAMES]
        self._fingers = [model.joint(name).qposadr[0] for name in franka.FINGER_NAMES]
        self._finger_dof = [model.joint(name).dofadr[0] for name in franka.FINGER_NAMES]
        self._arm_dof = [model.joint(name).dofadr[0] for name in franka.JOINT_NAMES]

    def place_hand(self, position: ArrayLike, width: float = franka.REST_WIDTH) -> Vector:
        """Put the tool center point at a position (3,); return the joints (7,) [rad].

        The gripper gets a ``width`` [m].

        Sites and bodies have their new positions after ``update``.
        """
        joints = self._ik.settle(position)
        self._data.qpos[self._arm] = joints
        self._data.qpos[self._fingers] = width / 2
        return joints

    def place_object(self, joint: str, position: ArrayLike, quaternion: ArrayLike) -> None:
        """Put the object of a free joint at a position (3,) with an orientation (4,).

        Sites and bodies have their new positions after ``update``.
        """
        start = self._model.joint(joint).qposadr[0]
        self._data.qpos[start : start + 3] = position
        self._data.qpos[start + 3 : start + 7] = np.roll(quaternion, 1)  # MuJoCo's is (w, x, y, z)

    def copy_positions(self, other: World) -> None:
        """Put everything where it is in another world of the same scene."""
        self._data.qpos[:] = other._data.qpos

    def update(self) -> None:
        """Compute the positions of all sites and bodies from the joints."""
        mujoco.mj_forward(self._model, self._data)

    def site_position(self, site: str) -> Vector:
        """Return the position (3,) of a site."""
        position: Vector = self._data.site(site).xpos.copy()
        return position

    def site_quaternion(self, site: str) -> Vector:
        """Return the orientation (4,) of a site, x never negative."""
        wxyz = np.zeros(4)
        mujoco.mju_mat2Quat(wxyz, self._data.site(site).xmat)
        sign = -1.0 if wxyz[1] < 0 else 1.0
        return sign * np.roll(wxyz, -1)

    def body_position(self, body: str) -> Vector:
        """Return the position (3,) of a body, as of the last ``update`` or ``step``."""
        position: Vector = self._data.body(body).xpos.copy()
        return position

    def body_quaternion(self, body: str) -> Vector:
        """Return the orientation (x, y, z, w) of a body, as ``body_position``."""
        return np.roll(self._data.body(body).xquat, -1)

    @property
    def ee_position(self) -> Vector:
        """Measured position (3,) of the tool center point."""
        return self.site_position(franka.TCP)

    @property
    def ee_quaternion(self) -> Vector:
        """Measured orientation (4,) of the hand, x never negative."""
        return self.site_quaternion(franka.TCP)

    @property
    def joint_positions(self) -> Vector:
        """Measured positions (7,) in the order of ``franka.JOINT_NAMES`` [rad]."""
        positions: Vector = self._data.qpos[self._arm]
        return positions

    @property
    def joint_velocities(self) -> Vector:
        """Measured velocities (7,) [rad/s]."""
        velocities: Vector = self._data.qvel[self._arm_dof]
        return velocities

    @property
    def finger_positions(self) -> Vector:
        """Measured positions (2,) in the order of ``franka.FINGER_NAMES`` [m]."""
        positions: Vector = self._data.qpos[self._fingers]
        return positions

    @property
    def finger_velocities(self) -> Vector:
        """Measured velocities (2,) [m/s]."""
        velocities: Vector = self._data.qvel[self._finger_dof]
        return velocities
