"""The actions that the arm has carried out, as a model numbers them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from wm_planner.config import ConfigError
from wm_planner.control.commander import Commander
from wm_planner.control.pose_monitor import PoseMonitor
from wm_planner.models import ModelSpec
from wm_planner.text import quoted
from wm_planner.types import Vector


class ExecutedActions:
    """Inverts ``ActionMapping``: from where the arm was to the actions that led there.

    Where the arm was is what was commanded, as the limits let it pass, ``commands.lag`` before. If
    the actions refer to the measured pose, or if nobody follows the commands (shadow mode), it is
    what was measured. A displacement counts as an action whatever time it took.

    Args:
        spec: Names and order of the actions.
        commander: What was commanded.
        poses: What was measured.

    Raises:
        ConfigError: An entry of the actions is part of no command, or moves the gripper in shadow
            mode, so its executed value is unknown.
    """

    def __init__(self, spec: ModelSpec, commander: Commander, poses: PoseMonitor) -> None:
        self._commander, self._poses = commander, poses
        self._mapping = mapping = commander.actions.command
        self._measured = commander.shadow or mapping.reference == "measured"
        self._names, self._fixed = spec.action.names, spec.action.fixed
        self._frameskip, self._dt = spec.frameskip, 1 / spec.control_rate
        self._usual = np.asarray(spec.statistics.action.mean)
        if commander.shadow and mapping.gripper and commander.gripper:
            raise ConfigError(
                "model.history is real, but in shadow mode (commands.shadow) the executed actions "
                "of the gripper are unknown: set model.history to none"
            )
        rotation = mapping.rotation.names if mapping.rotation else []
        gripper = [mapping.gripper.name] if mapping.gripper and commander.gripper else []
        known = {*mapping.moved.values(), *rotation, *gripper, *self._fixed}
        if unknown := [name for name in self._names if name not in known]:
            raise ConfigError(
                f"model.history is real, but the executed value of {quoted(unknown[0])} is "
                "unknown, because it is not part of any command: give it a value in action.fixed "
                "of model.yaml, or set model.history to none"
            )

    @property
    def known_since(self) -> float:
        """ROS time [s] since which it is known where the arm was; infinity if it is not."""
        return self._poses.history.began if self._measured else self._commander.history.began

    def between(self, stamps: list[float]) -> Vector | None:
        """Return the actions that led from each of some moments to the next.

        Args:
            stamps: ROS times in order [s], k + 1 of them, a model step apart.

        Returns:
            Physical actions (k, frameskip * action_dim); None if it is not known where the arm was.
            A row that is not known is NaN.
        """
        pairs = pairwise(stamps)
        times = [np.linspace(*pair, self._frameskip, endpoint=False) for pair in pairs]
        at = np.append(np.concatenate(times), stamps[-1])
        points = self._points(at)
        if points is None:
            return None
        steps = np.empty((len(at) - 1, len(self._names)))
        for name, value in self._fixed.items():
            steps[:, self._names.index(name)] = value
        mapping = self._mapping
        scale = self._dt if mapping.mode == "velocity" else 1.0
        for axis, name in mapping.moved.items():
            along = points[:, axis]
            moved = along[1:] if mapping.mode == "absolute" else np.diff(along) / scale
            steps[:, self._names.index(name)] = moved
        if mapping.rotation:
            columns = [self._names.index(name) for name in mapping.rotation.names]
            steps[:, columns] = self._turns(points[:, 3:], self._usual[columns])
        if mapping.gripper and self._commander.gripper:
            steps[:, self._names.index(mapping.gripper.name)] = self._commander.gripper.executed(at)
        return steps.reshape(len(stamps) - 1, -1)

    def _points(self, at: Vector) -> Vector | None:
        """Return where the arm was (k, n) at ROS times (k,) [s], in the space of the actions."""
        space = self._commander.gate.space
        if self._measured:
            return self._poses.history.along(space, at)
        return self._commander.history.along(space, at)

    def _turns(self, orientations: Vector, usual: Vector) -> Vector:
        """Return the numbers (k, count) of turns between orientations (k + 1, 4).

        Of several ways to write an orientation it is the one that is nearest to ``usual``.
        """
        rotation = self._mapping.rotation
        assert rotation
        mode = rotation.mode or self._mapping.mode
        before, after = (Rotation.from_quat(some) for some in (orientations[:-1], orientations[1:]))
        if mode == "absolute":
            return rotation.form.nearest(rotation.form.write(after), usual)
        turns = after * before.inv() if rotation.frame == "base" else before.inv() * after
        if mode == "velocity":
            return turns.as_rotvec() / self._dt
        return rotation.form.nearest(rotation.form.write(turns), usual)
