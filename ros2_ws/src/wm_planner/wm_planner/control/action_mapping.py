"""Map a model's actions to paths of the arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from wm_planner.config import CommandsConfig
from wm_planner.control.gripper import GripperStream
from wm_planner.control.receiver import check_joints, check_receiver, takes_joints
from wm_planner.kinematics import Arm
from wm_planner.models import ModelSpec, SpecError
from wm_planner.models.spec import CommandMapping
from wm_planner.types import Vector

LARGEST = 1e6
"""Number of an action above which something is wrong, whatever its unit."""


class ActionMapping:
    """Turns the actions of a model into paths of the arm.

    Args:
        spec: Names, order and rate of the actions, and how they become commands.
        config: Settings that override ``model.yaml``.

    Raises:
        SpecError: Neither defines how an action becomes a command, or the definition is impossible.
        ConfigError: The receiver of the commands takes something else.

    Attributes:
        command: Which numbers of an action move the arm, and which joints they move.
        step_time: Time in which the arm carries out one environment step [s].
    """

    def __init__(self, spec: ModelSpec, config: CommandsConfig) -> None:
        self.command = command_mapping(spec, config)
        self.step_time = self.command.step_time or 1 / spec.control_rate
        self._dim, self._dt = spec.action.dim, 1 / spec.control_rate
        self._names = spec.action.names
        columns = self._names.index
        self._axes, self._numbers = list(self.command.moved), len(self.command.position)
        self._position = [columns(name) for name in self.command.moved.values()]
        self._rotation = self.command.rotation
        self._turns = [columns(name) for name in self._rotation.names] if self._rotation else []

    def gripper(self) -> GripperStream | None:
        """Return a stream of the gripper, if the actions move one."""
        mapping = self.command.gripper
        return GripperStream(mapping, self._dt, self.step_time) if mapping else None

    def unusable(self, actions: ArrayLike) -> str:
        """Return why no path can be made of physical actions, or an empty string."""
        steps = self._steps(actions)
        if not steps.size:
            return "the plan is empty"
        if not np.isfinite(steps).all():
            return "the plan is not finite"
        if (largest := np.abs(steps).max()) > LARGEST:
            return f"the plan has a number of {largest:.3g}, larger than any action"
        if self._rotation:
            try:
                self._rotation.form.read(steps[:, self._turns])
            except ValueError as error:
                return f"an action of the plan cannot turn the hand: {error}"
        return ""

    def path(self, actions: ArrayLike, start: Vector) -> Vector:
        """Return the points (steps, n) to which usable actions lead, one per environment step.

        Args:
            actions: Physical actions (horizon, frameskip * dim).
            start: Point (n,) of a ``CommandSpace`` where they begin.
        """
        steps = self._steps(actions)
        positions = self.positions(steps, start)
        if self.command.joints:
            return positions
        return np.hstack([positions, self._orientations(steps, start[3:])])

    def positions(self, actions: ArrayLike, start: Vector) -> Vector:
        """Return the positions of paths (..., steps, n): 3 numbers, or one per joint.

        Args:
            actions: Physical actions (..., horizon, frameskip * dim).
            start: Point of a ``CommandSpace`` where they begin.
        """
        plans, mode = np.asarray(actions, dtype=np.float64), self.command.mode
        steps = plans.reshape(*plans.shape[:-2], -1, self._dim)
        moves = steps[..., self._position] * (self._dt if mode == "velocity" else 1.0)
        points = np.empty((*steps.shape[:-1], self._numbers))
        points[:] = start[: self._numbers]
        points[..., self._axes] = (
            moves if mode == "absolute" else start[self._axes] + moves.cumsum(axis=-2)
        )
        return points

    def begin(self, measured: Vector, commanded: Vector) -> Vector:
        """Return the point (n,) where actions begin that refer to the measured pose.

        What no action moves stays as it was commanded: else an arm that sags would creep down.
        """
        start = commanded.copy()
        start[self._axes] = measured[self._axes]
        if self._rotation:
            start[3:] = measured[3:]
        return start

    def grips(self, actions: ArrayLike) -> Vector:
        """Return the gripper's numbers (steps,) of physical actions, one per environment step."""
        assert self.command.gripper is not None
        return self._steps(actions)[:, self._names.index(self.command.gripper.name)]

    def _steps(self, actions: ArrayLike) -> Vector:
        return np.asarray(actions, dtype=np.float64).reshape(-1, self._dim)

    def _orientations(self, steps: Vector, start: Vector) -> Vector:
        """Return the orientations (steps, 4) to which the steps lead."""
        rotation = self._rotation
        if rotation is None:
            return np.tile(start, (len(steps), 1))
        mode = rotation.mode or self.command.mode
        numbers = steps[:, self._turns] * (self._dt if mode == "velocity" else 1.0)
        turns = rotation.form.read(numbers)
        if mode == "absolute":
            return np.asarray(turns.as_quat())
        at, found = Rotation.from_quat(start), []
        for turn in turns:
            at = turn * at if rotation.frame == "base" else at * turn
            found.append(at.as_quat())
        return np.array(found)


def command_mapping(spec: ModelSpec, config: CommandsConfig) -> CommandMapping:
    """Return the mapping of ``model.yaml``, overridden by the settings of ``commands``.

    Raises:
        SpecError: Neither defines how an action becomes a command, or the definition is impossible.
        ConfigError: The receiver of the commands takes something else.
    """
    given = spec.action.command
    mode, position, joints = config.mode, config.position, config.joints
    if given:
        mode = mode or given.mode
        joints = joints or ([] if position else given.joints)
        position = position or given.position
    if not mode or not position:
        raise SpecError(
            f"model {spec.name} has no action.command: define in model.yaml, or in commands.mode "
            f"and commands.position, how its action ({', '.join(spec.action.names)}) becomes a "
            "command"
        )
    if given:
        mapping = replace(given, mode=mode, position=list(position), joints=list(joints))
    else:
        mapping = CommandMapping(mode, list(position), list(joints))
    replace(spec.action, command=mapping)  # checks names and units
    check_receiver(config, mapping, spec.name)
    return mapping


def commanded_joints(
    config: CommandsConfig, mapping: CommandMapping, arm: Arm | None
) -> Sequence[str]:
    """Return the joints that are commanded: those of the actions, or those of the arm.

    The arm's are commanded if Cartesian actions have a receiver of joints; then none is commanded
    by the actions.

    Raises:
        ConfigError: The receiver takes other joints.
    """
    if mapping.joints or arm is None or not takes_joints(config):
        return mapping.joints
    check_joints(config, arm.joints)
    return arm.joints
