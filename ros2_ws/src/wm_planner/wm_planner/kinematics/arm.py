"""Forward and inverse kinematics of an arm.

Pinocchio computes poses and Jacobians, Pink the inverse kinematics: each step is a quadratic
program that brings the tip toward a pose, and as far as that leaves freedom the joints toward a
posture, within the limits of the joints.
"""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wm_planner.kinematics.links import Links
from wm_planner.kinematics.solids import Find, Solids
from wm_planner.kinematics.urdf import TIP, read_chain
from wm_planner.kinematics.values import KinematicsError
from wm_planner.text import one_line
from wm_planner.types import Vector

POSTURE_COST = 1e-3  # of an error of 1 rad of posture; that of the tip's error of 1 m or 1 rad is 1
TURN_COST = 1e-2  # of an error of 1 rad of an arm that cannot move its tip in all six directions
DAMPING = 1e-6  # added to the squared Jacobian
INVERSE_DAMPING = 0.05  # of `Arm.inverse`; its square is added to the squared Jacobian
DRAWS = 200  # postures that tell what is typical of an arm


@dataclass(frozen=True)
class JointRange:
    """What the joints of an arm may do.

    Attributes:
        lower: Lowest positions (J,) [rad].
        upper: Highest positions (J,) [rad].
        speed: Largest speeds (J,) [rad/s].
        acceleration: Largest accelerations (J,) [rad/s^2]; infinite if unknown.
    """

    lower: Vector
    upper: Vector
    speed: Vector
    acceleration: Vector


def no_mesh(name: str) -> bytes:
    """Find no file of a mesh."""
    raise FileNotFoundError(errno.ENOENT, "meshes are not looked for", name)


class Arm:
    """The joints of a URDF between the frame of the actions and the link that they move.

    Args:
        urdf: The URDF as text.
        base: The link whose frame is that of all poses.
        tip: The link whose pose is meant.
        find: Finds the meshes of its links.

    Raises:
        UrdfError: There is no such chain.
        KinematicsError: Pinocchio or Pink is not installed.

    Attributes:
        joints: Names of the joints, from the base to the tip.
        limits: Their limits by the URDF.
        complete: Whether the tip can move in all six directions.
        model: Pinocchio's model of the chain.
        pink: The library of the inverse kinematics.
    """

    def __init__(self, urdf: str, base: str, tip: str, find: Find = no_mesh) -> None:
        chain = read_chain(urdf, base, tip)
        self._pin, self.pink = _libraries()
        self.model = self._pin.buildModelFromXML(chain.urdf)
        self._data = self.model.createData()
        self._frame = self.model.getFrameId(TIP)
        self.joints = [joint.name for joint in chain.joints]
        self._endless = np.array([joint.endless for joint in chain.joints])
        self.limits = JointRange(
            np.array([joint.lower for joint in chain.joints]),
            np.array([joint.upper for joint in chain.joints]),
            np.array([joint.speed for joint in chain.joints]),
            np.array([joint.acceleration for joint in chain.joints]),
        )
        self._draws = np.random.default_rng(0).uniform(
            self.limits.lower, self.limits.upper, (DRAWS, len(self.joints))
        )
        values = np.array([self._singular_values(joints) for joints in self._draws])
        typical = np.median(values, axis=0)
        self._rank = int((typical > 1e-6).sum())
        self._typical = typical[self._rank - 1]
        self.complete = self._rank == 6
        self._shapes, self._find = chain.shapes, find

    @cached_property
    def solids(self) -> Solids:
        """The shapes of its links; their meshes are read when this is asked for first."""
        return Solids(self._shapes, self._find)

    def links(self, least: float) -> Links:
        """Return its links, between which there must be a least distance [m]."""
        return Links(self.model, self.solids.known, self._draws, least)

    def pose(self, joints: Vector) -> Vector:
        """Return x, y, z [m] and quaternion (x, y, z, w) of the tip, (7,), at joints (J,) [rad]."""
        self._pin.framesForwardKinematics(self.model, self._data, joints)
        return np.asarray(self._pin.SE3ToXYZQUAT(self._data.oMf[self._frame]))

    def places(self, joints: Vector) -> Vector:
        """Return where base, joints and tip are, (J + 2, 3) [m], at joints (J,) [rad]."""
        self._pin.framesForwardKinematics(self.model, self._data, joints)
        moved = [self._data.oMi[i + 1].translation for i in range(len(self.joints))]
        return np.array([np.zeros(3), *moved, self._data.oMf[self._frame].translation])

    def placed(self, pose: Vector) -> Any:
        """Return a pose (7,) as Pinocchio's."""
        return self._pin.XYZQUATToSE3(pose)

    def jacobian(self, joints: Vector) -> Vector:
        """Return the tip's Jacobian (6, J) about the axes of the base [m/rad, rad/rad]."""
        frame, axes = self._frame, self._pin.LOCAL_WORLD_ALIGNED
        return np.asarray(
            self._pin.computeFrameJacobian(self.model, self._data, joints, frame, axes)
        )

    def inverse(self, joints: Vector, tip: Vector) -> Vector:
        """Return the least move of the joints (J,) [rad] that moves the tip by (6,) [m, rad].

        The inverse of the Jacobian is damped, so that the move stays small at a singularity.
        """
        jacobian = self.jacobian(joints)
        square = jacobian @ jacobian.T + INVERSE_DAMPING**2 * np.eye(6)
        return np.asarray(jacobian.T @ np.linalg.solve(square, tip))

    def free(self, joints: Vector, move: Vector) -> Vector:
        """Return the part of a move (J,) [rad] that leaves the tip where it is, but for damping."""
        return np.asarray(move - self.inverse(joints, self.jacobian(joints) @ move))

    def dexterity(self, joints: Vector) -> float:
        """Return the smallest singular value of the Jacobian, as a multiple of its median.

        It is 0 at a singularity. Values that are 0 in every posture, as of an arm that moves in a
        plane, do not count.
        """
        return float(self._singular_values(joints)[self._rank - 1] / self._typical)

    def near(self, joints: Vector, others: Vector) -> Vector:
        """Return joints (J,) [rad]; those that turn without end less whole turns, near others."""
        turns = np.round((joints - others) / (2 * np.pi))
        return joints - np.where(self._endless, 2 * np.pi * turns, 0.0)

    def _singular_values(self, joints: Vector) -> Vector:
        return np.asarray(np.linalg.svd(self.jacobian(joints), compute_uv=False))


class InverseKinematics:
    """Steps of an arm's joints toward poses of its tip.

    If the tip cannot move in all six directions, its position comes before its orientation.

    Args:
        arm: The arm.
        limits: What its joints may do; all numbers are finite.
    """

    def __init__(self, arm: Arm, limits: JointRange) -> None:
        from qpsolvers import solve_problem

        pink, self._solve = arm.pink, solve_problem
        self._pink, self._arm, self._limits = pink, arm, limits
        model = arm.model.copy()
        model.lowerPositionLimit, model.upperPositionLimit = limits.lower, limits.upper
        # Pink would add limits to the model which hold the model, and so would never be freed.
        model.configuration_limit = model.velocity_limit = None
        middle = (limits.lower + limits.upper) / 2
        self._state = pink.Configuration(model, model.createData(), middle)
        turn_cost = 1.0 if arm.complete else TURN_COST
        self._tip = pink.FrameTask(TIP, position_cost=1.0, orientation_cost=turn_cost)
        self._posture = pink.PostureTask(cost=POSTURE_COST)
        self._position = pink.limits.ConfigurationLimit(model)
        self.stay_near(middle)

    def stay_near(self, posture: Vector) -> None:
        """Set the joints (J,) [rad] near which the arm stays if the tip leaves freedom."""
        self._posture.set_target(posture)

    def step(
        self, pose: Vector, joints: Vector, velocity: Vector, dt: float, pull: float
    ) -> Vector | None:
        """Return the joints (J,) [rad] after a time step that brings the tip toward a pose.

        If a joint would be too fast or speed up too fast, all move less, so that the tip keeps its
        direction. If that is impossible, each joint comes as near as it can, and may then come too
        fast to the end of its range.

        Args:
            pose: Position and quaternion (7,), see ``Arm.pose``.
            joints: The joints now (J,) [rad].
            velocity: Their velocity now (J,) [rad/s].
            dt: The time step [s], above 0.
            pull: Share of the way back to the posture that the joints go, 0 to 1.

        Returns:
            None if the solver fails.
        """
        self._state.update(joints)
        self._tip.set_target(self._arm.placed(pose))
        self._posture.gain = pull
        problem = self._pink.build_ik(
            self._state, [self._tip, self._posture], dt, DAMPING, [self._position]
        )
        found = self._solve(problem, solver="daqp")
        if not found.found or found.x is None or not np.isfinite(found.x).all():
            return None
        wanted, change = found.x / dt, self._limits.acceleration * dt
        low, high = self._shares(wanted, velocity, change)
        if low <= high:
            return np.asarray(joints + high * dt * wanted)
        nearest = np.clip(wanted, velocity - change, velocity + change)
        return np.asarray(joints + dt * np.clip(nearest, -self._limits.speed, self._limits.speed))

    def _shares(self, wanted: Vector, velocity: Vector, change: Vector) -> tuple[float, float]:
        """Return the least and the largest share of a velocity (J,) that the limits allow."""
        moving = np.abs(wanted) > 1e-9
        if (np.abs(velocity) > change)[~moving].any():
            return 1.0, 0.0
        wanted, velocity, change = wanted[moving], velocity[moving], change[moving]
        ends = np.array([velocity - change, velocity + change]) / wanted
        fastest = self._limits.speed[moving] / np.abs(wanted)
        low, high = ends.min(axis=0), np.minimum(ends.max(axis=0), fastest)
        return float(low.max(initial=0.0)), float(high.min(initial=1.0))


def _libraries() -> tuple[Any, Any]:
    """Return Pinocchio and Pink, which only arms with kinematics need."""
    try:
        import coal  # noqa: F401 (solids.py uses it)
        import pink
        import pinocchio
    except ImportError as error:
        raise KinematicsError(
            f"commands.kinematics needs the Python packages pin, pin-pink and coal, which "
            f"{one_line(sys.executable, 300)} cannot load ({one_line(str(error), 200)}): install "
            "them with `make kinematics`"
        ) from error
    return pinocchio, pink
