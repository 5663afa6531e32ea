"""Inverse kinematics of the arm: damped least squares with a posture in the null space."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from wm_planner_sim.scene import DOWN_XYZW, HOME, JOINT_NAMES, TCP

Array = NDArray[np.float64]


class InverseKinematics:
    """Finds joint positions that bring the tool center point to a place, gripper pointing down.

    Each iteration is the damped least-squares step ``dq = J^T (J J^T + damping^2 I)^-1 e`` with the
    gradient toward ``HOME`` projected into the null space (Buss, "Introduction to Inverse
    Kinematics with Jacobian Transpose, Pseudoinverse and Damped Least Squares methods", 2004), so
    that seven joints settle in one posture per place, whatever the way there.

    Args:
        model: The scene. Its data is not touched: the solver keeps its own.
        damping: Damping of the least squares.
        posture_gain: Share of the way to ``HOME`` tried per iteration.

    Attributes:
        limits: Lowest and highest positions of the joints (2, 7) [rad].
    """

    def __init__(
        self, model: mujoco.MjModel, damping: float = 0.02, posture_gain: float = 0.1
    ) -> None:
        self._model = model
        self._data = mujoco.MjData(model)
        self._site = model.site(TCP).id
        joints = [model.joint(name) for name in JOINT_NAMES]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._dof = np.array([joint.dofadr[0] for joint in joints])
        self.limits = np.array([joint.range for joint in joints]).T
        self._damping = damping**2 * np.eye(6)
        self._posture_gain = posture_gain
        self._home = np.array(HOME)
        self._orientation = np.array([DOWN_XYZW[3], *DOWN_XYZW[:3]])

    def forward(self, joints: ArrayLike) -> Array:
        """Position (3,) of the tool center point [m] at ``joints`` (7,) [rad]."""
        self._data.qpos[self._qpos] = joints
        mujoco.mj_kinematics(self._model, self._data)
        position: Array = self._data.site_xpos[self._site].copy()
        return position

    def solve(self, position: ArrayLike, start: ArrayLike, iterations: int = 3) -> Array:
        """Iterates from ``start`` (7,) [rad] toward ``position`` (3,) [m].

        Args:
            position: Place of the tool center point in the base frame.
            start: Joint positions to start from; near the solution few iterations do.
            iterations: Number of steps; 3 follow a moving target, 100 settle from ``HOME``.

        Returns:
            Joint positions (7,) within the joint limits [rad].
        """
        place = np.asarray(position, dtype=np.float64)
        joints = np.array(start, dtype=np.float64)
        error, rotation = np.zeros(6), np.zeros(4)
        conjugate, turn = np.zeros(4), np.zeros(4)
        jacobian = np.zeros((6, self._model.nv))
        for _ in range(iterations):
            error[:3] = place - self.forward(joints)
            mujoco.mju_mat2Quat(rotation, self._data.site_xmat[self._site])
            mujoco.mju_negQuat(conjugate, rotation)
            mujoco.mju_mulQuat(turn, self._orientation, conjugate)
            mujoco.mju_quat2Vel(error[3:], turn, 1.0)
            mujoco.mj_comPos(self._model, self._data)
            mujoco.mj_jacSite(self._model, self._data, jacobian[:3], jacobian[3:], self._site)
            arm = jacobian[:, self._dof]
            inverse = arm.T @ np.linalg.inv(arm @ arm.T + self._damping)
            posture = self._posture_gain * (self._home - joints)
            joints += inverse @ (error - arm @ posture) + posture
            np.clip(joints, *self.limits, out=joints)
        return joints
