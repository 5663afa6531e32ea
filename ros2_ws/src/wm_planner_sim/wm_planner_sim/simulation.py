"""The simulated arm and camera, without ROS: one object, stepped by control ticks of 20 ms."""

from __future__ import annotations

import weakref
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from wm_planner.types import RgbImage
from wm_planner_sim import scene
from wm_planner_sim.kinematics import InverseKinematics

Array = NDArray[np.float64]

CONTROL_PERIOD = 0.02
"""Simulated time of one ``step`` [s]; new targets take effect at 50 Hz."""


class Goal(NamedTuple):
    """An image of the arm at a place: uint8 (H, W, 3) and the tool's position (3,) [m]."""

    image: RgbImage
    position: Array


class Simulation:
    """A Franka Panda that follows position targets of its tool center point, or of its joints.

    Positions are those of the site between the fingertips in the frame ``panda_link0`` [m]; the
    gripper points down. Every tick, inverse kinematics turns the target into joint positions, which
    stiff position servos with gravity compensation follow. Joint positions given directly take its
    place until the next target, and the gripper then points wherever they say. For one seed and one
    sequence of targets every number and image is the same on one machine.

    Args:
        camera_height: Height of the images [pixels].
        camera_width: Width [pixels]. The vertical field of view is fixed, so a square image is
            the central square of a wider one.
        seed: Seed of the first ``reset``.

    Raises:
        ValueError: An image side is not positive.
    """

    def __init__(self, camera_height: int = 480, camera_width: int = 640, seed: int = 0) -> None:
        if camera_height < 1 or camera_width < 1:
            raise ValueError(f"an image of {camera_width} x {camera_height} pixels is impossible")
        self._model = scene.load_scene(camera_height, camera_width)
        self._data = mujoco.MjData(self._model)
        self._scratch = mujoco.MjData(self._model)
        self._ik = InverseKinematics(self._model)
        self._size = (camera_height, camera_width)
        self._renderer: mujoco.Renderer | None = None
        self._substeps = round(CONTROL_PERIOD / self._model.opt.timestep)
        self._site = self._model.site(scene.TCP).id
        self._arm = [self._model.joint(name).qposadr[0] for name in scene.JOINT_NAMES]
        self._arm_dof = [self._model.joint(name).dofadr[0] for name in scene.JOINT_NAMES]
        self._cube = self._model.joint(scene.CUBE).qposadr[0]
        self._ticks = 0
        self._target = np.zeros(3)
        self._command = np.zeros(7)
        self._by_joints = False
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Lays the cube down and puts the hand somewhere in the workspace, at rest.

        The clock goes on: simulated time never jumps back.

        Args:
            seed: Decides both places; equal seeds give equal scenes.
        """
        rng = np.random.default_rng(seed)
        self.place(rng.uniform(scene.WORKSPACE_MIN, scene.WORKSPACE_MAX), self._cube_pose(rng))

    def place(self, position: ArrayLike, cube: ArrayLike | None = None) -> None:
        """Puts the hand at ``position`` (3,) [m] at rest, and the cube at ``cube`` (7,) if given.

        ``cube`` is x, y, z [m] and a quaternion (w, x, y, z).
        """
        kept = self._data.qpos[self._cube : self._cube + 7].copy() if cube is None else cube
        mujoco.mj_resetData(self._model, self._data)
        self.set_target(position)
        self._command = self._ik.solve(self._target, scene.HOME, iterations=100)
        self._data.qpos[self._arm] = self._command
        self._data.qpos[self._cube : self._cube + 7] = kept
        self._data.ctrl[:] = self._command
        mujoco.mj_forward(self._model, self._data)

    def set_target(self, position: ArrayLike) -> None:
        """Gives the place (3,) [m] where the hand shall be; outside the workspace it is clipped.

        Raises:
            ValueError: It is not three finite numbers.
        """
        self._target = self.clip(position)
        self._by_joints = False

    def set_joints(self, positions: ArrayLike) -> None:
        """Gives positions (7,) [rad] of the joints in the order of ``scene.JOINT_NAMES``.

        NaN leaves a joint as it was commanded last; other positions are clipped to its limits.

        Raises:
            ValueError: They are not seven numbers.
        """
        wanted = np.asarray(positions, dtype=np.float64)
        if wanted.shape != (7,):
            raise ValueError(f"joint positions are seven numbers in radians, not {positions!r}")
        given = ~np.isnan(wanted)
        self._command = np.where(given, np.clip(wanted, *self._ik.limits), self._command)
        self._by_joints = self._by_joints or bool(given.any())

    def step(self) -> None:
        """Simulates one control tick of 20 ms."""
        if not self._by_joints:
            self._command = self._ik.solve(self._target, self._command)
        self._data.ctrl[:] = self._command
        mujoco.mj_step(self._model, self._data, self._substeps)
        mujoco.mj_kinematics(self._model, self._data)
        self._ticks += 1

    def render(self) -> RgbImage:
        """The camera's image now, RGB uint8 (camera_height, camera_width, 3)."""
        return self._render(self._data)

    def goal_image(self, position: ArrayLike | None = None, seed: int | None = None) -> Goal:
        """Renders the scene as it would look with the hand elsewhere; the episode is untouched.

        Args:
            position: Place of the hand (3,) [m], or
            seed: the seed that draws one in the workspace.

        Returns:
            The image and the place of the hand in it. The cube lies where it lies now.

        Raises:
            ValueError: Both or neither are given.
        """
        if (position is None) == (seed is None):
            raise ValueError("give either the position of the goal or its seed")
        if seed is not None:
            rng = np.random.default_rng([seed, 1])
            position = rng.uniform(scene.WORKSPACE_MIN, scene.WORKSPACE_MAX)
        assert position is not None
        place = self.clip(position)
        self._scratch.qpos[:] = self._data.qpos
        self._scratch.qpos[self._arm] = self._ik.solve(place, scene.HOME, iterations=100)
        mujoco.mj_forward(self._model, self._scratch)
        return Goal(self._render(self._scratch), self._scratch.site_xpos[self._site].copy())

    def close(self) -> None:
        """Frees the renderer."""
        if self._renderer is not None:
            self._closer()
            self._renderer = None

    @staticmethod
    def clip(position: ArrayLike) -> Array:
        """The nearest place (3,) inside the workspace [m].

        Raises:
            ValueError: ``position`` is not three finite numbers.
        """
        place = np.asarray(position, dtype=np.float64)
        if place.shape != (3,) or not np.isfinite(place).all():
            raise ValueError(f"a position is three finite numbers in meters, not {position!r}")
        return np.clip(place, scene.WORKSPACE_MIN, scene.WORKSPACE_MAX)

    @property
    def time(self) -> float:
        """Simulated time since the start of the process [s]; never decreases."""
        return self._ticks * CONTROL_PERIOD

    @property
    def target(self) -> Array:
        """The place (3,) last commanded, after clipping [m]."""
        return self._target.copy()

    @property
    def joint_command(self) -> Array:
        """Positions (7,) of the joints last commanded, by a target or directly [rad]."""
        return self._command.copy()

    @property
    def ee_position(self) -> Array:
        """Measured position (3,) of the tool center point in ``panda_link0`` [m]."""
        position: Array = self._data.site_xpos[self._site].copy()
        return position

    @property
    def ee_quaternion(self) -> Array:
        """Measured orientation of the hand, quaternion (x, y, z, w), x never negative."""
        wxyz = np.zeros(4)
        mujoco.mju_mat2Quat(wxyz, self._data.site_xmat[self._site])
        sign = -1.0 if wxyz[1] < 0 else 1.0
        return sign * wxyz[[1, 2, 3, 0]]

    @property
    def joint_positions(self) -> Array:
        """Measured positions (7,) in the order of ``scene.JOINT_NAMES`` [rad]."""
        positions: Array = self._data.qpos[self._arm]
        return positions

    @property
    def joint_velocities(self) -> Array:
        """Measured velocities (7,) [rad/s]."""
        velocities: Array = self._data.qvel[self._arm_dof]
        return velocities

    @property
    def cube_position(self) -> Array:
        """Position (3,) of the cube's center [m]."""
        position: Array = self._data.qpos[self._cube : self._cube + 3].copy()
        return position

    @property
    def intrinsics(self) -> Array:
        """Camera matrix (3, 3) of the images [pixels]; square pixels, no distortion."""
        height, width = self._size
        fovy = np.deg2rad(self._model.cam_fovy[self._model.camera(scene.CAMERA).id])
        focal = 0.5 * height / np.tan(0.5 * fovy)
        return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])

    def _render(self, data: mujoco.MjData) -> RgbImage:
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self._model, *self._size)
            # Closed at exit too: its own destructor comes after OpenGL is gone.
            self._closer = weakref.finalize(self, self._renderer.close)
        self._renderer.update_scene(data, scene.CAMERA)
        image: RgbImage = self._renderer.render()
        return image

    @staticmethod
    def _cube_pose(rng: np.random.Generator) -> Array:
        (x_low, x_high), (y_low, y_high) = scene.CUBE_REGION
        yaw = rng.uniform(0.0, np.pi / 2)
        return np.array(
            [
                rng.uniform(x_low, x_high),
                rng.uniform(y_low, y_high),
                scene.CUBE_HALF,
                np.cos(yaw / 2),
                0.0,
                0.0,
                np.sin(yaw / 2),
            ]
        )
