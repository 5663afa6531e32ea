"""The simulated arm and camera, without ROS: one object, stepped by control ticks of 20 ms."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from wm_planner.models.spec import orientation as unit
from wm_planner.types import RgbImage, Vector
from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.controller import CYCLE, Controller
from wm_planner_sim.simulator.goals import Goal, show
from wm_planner_sim.simulator.kinematics import InverseKinematics
from wm_planner_sim.simulator.task import Task
from wm_planner_sim.simulator.tasks import DEFAULT_TASK, TASKS
from wm_planner_sim.simulator.world import World

CONTROL_PERIOD = 0.02
"""Simulated time of one ``step`` [s]; new targets take effect at 50 Hz."""
MAX_TWIST = 10.0
"""Largest number of a twist [m/s or rad/s]."""
TWIST_TIMEOUT = 0.1
"""Time after which the arm halts without a new twist [s], as MoveIt Servo's by default."""
SLOW_TWIST = 0.1
"""Twist below which the arm may halt without harm [m/s or rad/s]."""
MAX_COMMANDS = 128
"""Most commands that a tick takes; older ones are dropped."""


class Simulation(World):
    """A Franka Panda that follows poses or twists of its tool center point, or its joints.

    Every tick, inverse kinematics turns the target into joint positions, which stiff position
    servos with gravity compensation follow. A twist moves the target, for ``TWIST_TIMEOUT`` at
    most. Commanded joint positions replace the target until the next target. With one seed and one
    sequence of targets, all numbers and images are the same in every run on a machine.

    With ``fr3`` the arm has a ``Controller``: it smooths the commands, and stops with a reflex when
    they break a limit of the Franka Research 3. Only then the stamps of commands matter.

    Args:
        camera_height: Height of the images [pixels].
        camera_width: Width [pixels]. The vertical field of view is fixed, so a square image is
            the central square of a wider one.
        seed: Seed of the first ``reset``.
        task: Gives the scene, its start states and its goals.
        free: Whether positions may be commanded anywhere over the table (``table.FREE``), and not
            only in the task's workspace.
        fr3: Whether the arm has the controller and the limits of a Franka Research 3.
        factor: How many times as fast as real time the simulation runs, for that controller.
        alter: Changes the scene.

    Raises:
        ValueError: An image side is not positive.
    """

    def __init__(
        self,
        camera_height: int = 480,
        camera_width: int = 640,
        seed: int = 0,
        task: Task = TASKS[DEFAULT_TASK],
        *,
        free: bool = False,
        fr3: bool = False,
        factor: float = 1.0,
        alter: Callable[[mujoco.MjSpec], None] | None = None,
    ) -> None:
        if camera_height < 1 or camera_width < 1:
            raise ValueError(f"an image of {camera_width} x {camera_height} pixels is impossible")
        spec = task.scene()
        if alter:
            alter(spec)
        spec.visual.global_.offheight, spec.visual.global_.offwidth = camera_height, camera_width
        model = spec.compile()
        super().__init__(model, InverseKinematics(model, task.home))
        self.task = task
        self._free = free
        self._goal_world = World(model, self._ik)
        self._size = (camera_height, camera_width)
        self._renderer: mujoco.Renderer | None = None
        self._substeps = round(CONTROL_PERIOD / model.opt.timestep)
        self._ticks = 0
        self._target, self._orientation = np.zeros(3), np.array(franka.DOWN_XYZW)
        self._twist, self._twist_ticks = np.zeros(6), 0
        self._command = np.zeros(7)
        self._by_joints, self._width = False, task.rest_width
        cycles = round(CONTROL_PERIOD / CYCLE)
        self._controller = Controller(self._ik.pose, cycles, factor) if fr3 else None
        self._commands: list[tuple[Vector, float]] = []  # of the next tick: joints and stamps
        self._newest = -np.inf  # stamp of the last command
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Put hand and objects into the start state of a seed, at rest.

        Simulated time goes on: it never jumps back.
        """
        self.place(self.task.reset(self, np.random.default_rng(seed)))

    def place(self, position: ArrayLike) -> None:
        """Put the hand at ``position`` (3,) [m], at rest; the objects stay where they are.

        After a reflex, the arm takes commands again.
        """
        positions = self._data.qpos.copy()
        mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[:] = positions
        self.set_target(position)
        self._command = self.place_hand(self._target, self.task.rest_width)
        self.set_width(self.task.rest_width)
        self._commands, self._newest = [], -np.inf
        if self._controller:
            self._controller.restart(self._command, self.time)
        self._control(self._command)
        self.update()

    def set_target(
        self,
        position: ArrayLike,
        orientation: ArrayLike = franka.DOWN_XYZW,
        stamp: float | None = None,
    ) -> None:
        """Command the hand to a pose; outside the workspace its position is clipped.

        Args:
            position: (3,) in the base frame [m].
            orientation: Quaternion (x, y, z, w).
            stamp: Simulated time of the command [s]; None: now.

        Raises:
            ValueError: The position is not three finite numbers, or the length of the quaternion
                is not 1.
        """
        before = (*self._target, *self._orientation)
        self._target, self._orientation = self._clip(position), unit(orientation).as_quat()
        repeated = not self._by_joints and before == (*self._target, *self._orientation)
        self._by_joints, self._twist_ticks = False, 0
        self._take(stamp, repeated)

    def _take(self, stamp: float | None, repeated: bool) -> None:
        """Note that a command has come; the sender repeats it while its clock stands still."""
        stamp = self.time if stamp is None else stamp
        if self._controller and (not repeated or stamp > self._newest):
            self._follow()
            self._commands = [*self._commands, (self._command, stamp)][-MAX_COMMANDS:]
        self._newest = stamp

    def _follow(self) -> None:
        """Let the joints follow the commanded pose, if a pose is commanded."""
        if not self._by_joints:
            self._command = self._ik.follow(self._target, self._command, self._orientation)

    def _clip(self, position: ArrayLike) -> Vector:
        """Return the nearest position (3,) that may be commanded [m]."""
        inside = self.task.clip(position)
        return (
            np.clip(np.asarray(position, dtype=np.float64), *table.FREE) if self._free else inside
        )

    def set_twist(self, linear: ArrayLike, angular: ArrayLike) -> None:
        """Command the hand to move with a velocity from where it is commanded to be.

        Args:
            linear: (3,) in the base frame [m/s].
            angular: (3,) about the axes of the base frame [rad/s].

        Raises:
            ValueError: They are not six numbers, or larger than ``MAX_TWIST``.
        """
        twist = np.concatenate([linear, angular]).astype(np.float64)
        if twist.shape != (6,) or not (np.abs(twist) <= MAX_TWIST).all():  # NaN is not, either
            raise ValueError(
                f"a twist is six numbers of at most {MAX_TWIST:g}, not {linear!r}, {angular!r}"
            )
        if self._by_joints:  # it goes on from where the joints were commanded to be
            self._target, self._orientation = self._ik.pose(self._command)
        self._twist, self._twist_ticks = twist, round(TWIST_TIMEOUT / CONTROL_PERIOD) + 1
        self._by_joints = False

    def set_joints(self, positions: ArrayLike, stamp: float | None = None) -> None:
        """Command the joints to positions (7,) [rad], in the order of ``franka.JOINT_NAMES``.

        With NaN, a joint keeps its last command; other positions are clipped to the joint's limits.
        ``stamp`` is as that of a target.

        Raises:
            ValueError: They are not seven numbers.
        """
        wanted = np.asarray(positions, dtype=np.float64)
        if wanted.shape != (7,):
            raise ValueError(f"joint positions are seven numbers in radians, not {positions!r}")
        given = ~np.isnan(wanted)
        if not given.any():
            return
        before = self._command
        self._command = np.where(given, np.clip(wanted, *self._ik.limits), before)
        repeated = self._by_joints and bool((before == self._command).all())
        self._by_joints, self._twist_ticks = True, 0
        self._take(stamp, repeated)

    def set_width(self, width: float) -> None:
        """Command the gap between the fingers [m]; outside of the gripper's range it is clipped.

        Raises:
            ValueError: It is not finite.
        """
        if not np.isfinite(width):
            raise ValueError(f"a width is a finite number, not {width!r}")
        self._width = min(max(float(width), 0.0), franka.MAX_WIDTH)

    def _control(self, joints: Vector) -> None:
        self._data.ctrl[:7], self._data.ctrl[7:] = joints, self._width / 2

    def step(self) -> None:
        """Simulate one control tick of 20 ms."""
        if self._twist_ticks:
            self._twist_ticks -= 1
            move = self._twist * CONTROL_PERIOD * (self._twist_ticks > 0)  # in the last it halts
            self._target = self._clip(self._target + move[:3])
            turn = Rotation.from_rotvec(move[3:]) * Rotation.from_quat(self._orientation)
            self._orientation = turn.as_quat()
            self._take(self.time, False)
        if not self._commands:
            self._follow()
        if self._controller is None:
            self._control(self._command)
            mujoco.mj_step(self._model, self._data, self._substeps)
        else:
            self._control_at_1_khz(self._controller)
        mujoco.mj_kinematics(self._model, self._data)
        self._ticks += 1

    def _control_at_1_khz(self, controller: Controller) -> None:
        """Simulate one control tick with the controller of the arm."""
        for joints, stamp in self._commands:
            controller.take(joints, stamp, self.time)
        if self._commands:
            self._commands = []
        elif (rest := controller.go_on(self._command, self.time)) is not None:
            self._command = np.clip(rest, *self._ik.limits)
            self._target, self._orientation = self._ik.pose(self._command)
        every = round(self._model.opt.timestep / CYCLE)
        for joints in controller.next(self.time)[every - 1 :: every]:
            self._control(joints)
            mujoco.mj_step(self._model, self._data)

    def render(self) -> RgbImage:
        """Return the camera's image, RGB uint8 (camera_height, camera_width, 3)."""
        return self._render(self)

    def sample_goal(self, seed: int) -> Goal:
        """Return the goal of a seed, without changing the episode."""
        return self.goal_image(self.task.draw_goal(self, np.random.default_rng([seed, 1])))

    def goal_image(self, position: ArrayLike) -> Goal:
        """Return the goal at a position (3,) [m], without changing the episode."""
        self._goal_world.copy_positions(self)
        return show(self.task, self._goal_world, position, self._render)

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._closer()
            self._renderer = None

    @property
    def time(self) -> float:
        """Simulated time since the start of the process [s]; never decreases."""
        return self._ticks * CONTROL_PERIOD

    @property
    def target(self) -> Vector:
        """Last commanded position (3,) of the hand, after clipping [m]."""
        return self._target.copy()

    @property
    def commanded_width(self) -> float:
        """Last commanded gap between the fingers [m]."""
        return self._width

    @property
    def width(self) -> float:
        """Measured gap between the fingers [m]."""
        return float(self.finger_positions.sum())

    @property
    def target_orientation(self) -> Vector:
        """Last commanded orientation of the hand, quaternion (x, y, z, w)."""
        return self._orientation.copy()

    @property
    def joint_command(self) -> Vector:
        """Last commanded joint positions (7,), by a target or directly [rad]."""
        return self._command.copy()

    @property
    def scored_position(self) -> Vector:
        """Position (3,) of the task's ``scored_site`` [m]."""
        return self.site_position(self.task.scored_site)

    @property
    def lacks_command(self) -> bool:
        """Whether the arm moves and the next command, or twist, is late; only with ``fr3``."""
        if self._controller is None:
            return False
        halts = self._twist_ticks == 1 and bool((np.abs(self._twist) > SLOW_TWIST).any())
        stamp = self._commands[-1][1] if self._commands else None
        return halts or self._controller.lacks(self.time, stamp)

    @property
    def reflex(self) -> str:
        """Which limit of the FR3 stopped the arm, as a sentence; empty if none did."""
        return self._controller.reflex if self._controller else ""

    @property
    def reflexes(self) -> int:
        """How often a limit of the FR3 stopped the arm."""
        return self._controller.reflexes if self._controller else 0

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """Camera matrix (3, 3) of the images [pixels]; square pixels, no distortion."""
        height, width = self._size
        fovy = np.deg2rad(self._model.cam_fovy[self._model.camera(self.task.camera).id])
        focal = 0.5 * height / np.tan(0.5 * fovy)
        return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])

    def _render(self, world: World) -> RgbImage:
        if self._renderer is None:
            self._renderer = mujoco.Renderer(self._model, *self._size)
            # Also closed at exit: its own destructor runs after OpenGL is gone.
            self._closer = weakref.finalize(self, self._renderer.close)
        self._renderer.update_scene(world._data, self.task.camera)
        image: RgbImage = self._renderer.render()
        return image
