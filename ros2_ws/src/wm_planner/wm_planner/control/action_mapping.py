"""Map a model's actions to moves of the arm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.config import CommandsConfig
from wm_planner.control.receiver import check_receiver
from wm_planner.models import ModelSpec, SpecError
from wm_planner.models.spec import CommandMapping
from wm_planner.types import Vector


class ActionMapping:
    """Turns the actions of a model into moves of the arm.

    Args:
        spec: Names, order and rate of the actions, and how they become commands.
        config: Settings that override ``model.yaml``.

    Raises:
        SpecError: Neither defines how an action becomes a command, or the definition is impossible.
        ConfigError: The receiver of the commands takes something else.

    Attributes:
        command: Which numbers of an action move the arm, and which joints they move.
    """

    def __init__(self, spec: ModelSpec, config: CommandsConfig) -> None:
        self.command = command_mapping(spec, config)
        self._dim = spec.action.dim
        self._columns = [spec.action.names.index(name) for name in self.command.position]
        self._scale = 1 / spec.control_rate if self.command.mode == "velocity" else 1.0

    @property
    def size(self) -> int:
        """Length of a position: 3, or the number of joints."""
        return len(self._columns)

    @property
    def relative(self) -> bool:
        """Whether moves are displacements; otherwise they are positions."""
        return self.command.mode != "absolute"

    def moves(self, actions: ArrayLike) -> Vector:
        """Return displacements or positions (steps, n) [m or rad], one per environment step.

        Args:
            actions: Physical actions (horizon, frameskip * dim).
        """
        steps = np.asarray(actions, dtype=np.float64).reshape(-1, self._dim)
        return np.asarray(steps[:, self._columns] * self._scale)

    def positions(self, actions: ArrayLike, start: Vector) -> Vector:
        """Return the positions (steps, n) [m or rad] that actions lead to from a start (n,)."""
        moves = self.moves(actions)
        return start + np.cumsum(moves, axis=0) if self.relative else moves


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
    mapping = CommandMapping(mode, list(position), list(joints))
    replace(spec.action, command=mapping)  # checks names and units
    check_receiver(config, mapping, spec.name)
    return mapping
