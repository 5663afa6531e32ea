"""Inverse kinematics of the arm: damped least squares with a posture in the null space."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from wm_planner.types import Vector
from wm_planner_sim.simulator.franka import DOWN_XYZW, HOME, JOINT_NAMES, TCP


class InverseKinematics:
    """A solver for joint positions that bring the tool center point to a pose.

    Each iteration is the damped least-squares step ``dq = J^T (J J^T + damping^2 I)^-1 e`` with the
    gradient toward ``home`` projected into the null space (Buss, "Introduction to Inverse
    Kinematics with Jacobian Transpose, Pseudoinverse and Damped Least Squares methods", 2004), so
    that each position has one posture, whatever path the arm took to it.

    Args:
        model: The scene. The solver uses data of its own.
        home: Preferred posture (7,) [rad].
        damping: Damping of the least squares.
        posture_gain: Share of the distance to ``home`` corrected in each iteration.

    Attributes:
        limits: Lowest and highest positions of the joints (2, 7) [rad].
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        home: ArrayLike = HOME,
        damping: float = 0.02,
        posture_gain: float = 0.1,
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
        self._home = np.asarray(home, dtype=np.float64)

    def forward(self, joints: ArrayLike) -> Vector:
        """Return the position (3,) of the tool center point [m] at ``joints`` (7,) [rad]."""
        self._data.qpos[self._qpos] = joints
        mujoco.mj_kinematics(self._model, self._data)
        position: Vector = self._data.site_xpos[self._site].copy()
        return position

    def pose(self, joints: ArrayLike) -> tuple[Vector, Vector]:
        """Return the pose of the tool center point at ``joints`` (7,) [rad].

        Returns:
            Position (3,) [m] and quaternion (x, y, z, w).
        """
        position, rotation = self.forward(joints), np.zeros(4)
        mujoco.mju_mat2Quat(rotation, self._data.site_xmat[self._site])
        return position, np.roll(rotation, -1)

    def settle(self, position: ArrayLike, orientation: ArrayLike = DOWN_XYZW) -> Vector:
        """Return the joints (7,) [rad] of an arm at rest at a pose, see ``follow``."""
        return self.follow(position, self._home, orientation, iterations=100)

    def follow(
        self,
        position: ArrayLike,
        start: ArrayLike,
        orientation: ArrayLike = DOWN_XYZW,
        iterations: int = 3,
    ) -> Vector:
        """Iterate from the joints ``start`` toward a pose.

        Args:
            position: Position (3,) of the tool center point in the base frame [m].
            start: Joint positions (7,) [rad]; close to the solution, a few iterations suffice.
            orientation: Quaternion (x, y, z, w) of the hand in the base frame.
            iterations: Number of steps; 3 follow a moving target.

        Returns:
            Joint positions (7,) within the joint limits [rad].
        """
        target = np.asarray(position, dtype=np.float64)
        joints = np.array(start, dtype=np.float64)
        wanted = np.roll(np.asarray(orientation, dtype=np.float64), 1)  # MuJoCo's is (w, x, y, z)
        error, rotation = np.zeros(6), np.zeros(4)
        conjugate, turn = np.zeros(4), np.zeros(4)
        jacobian = np.zeros((6, self._model.nv))
        for _ in range(iterations):
            error[:3] = target - self.forward(joints)
            mujoco.mju_mat2Quat(rotation, self._data.site_xmat[self._site])
            mujoco.mju_negQuat(conjugate, rotation)
            mujoco.mju_mulQuat(turn, wanted, conjugate)
            mujoco.mju_quat2Vel(error[3:], turn, 1.0)
            mujoco.mj_comPos(self._model, self._data)
            mujoco.mj_jacSite(self._model, self._data, jacobian[:3], jacobian[3:], self._site)
            arm = jacobian[:, self._dof]
            inverse = arm.T @ np.linalg.inv(arm @ arm.T + self._damping)
            posture = self._posture_gain * (self._home - joints)
            joints += inverse @ (error - arm @ posture) + posture
            np.clip(joints, *self.limits, out=joints)
        return joints
