"""A commander of an arm with a gripper."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from commander_rig import CommanderRig

from wm_planner.control import Commander
from wm_planner.models import ModelSpec
from wm_planner.models.spec import ActionSpec, CommandMapping, GripperMapping, Moments

CLOSED, OPEN = 0.0, 0.08  # [m]
NAMES = ["dx", "dy", "dz", "grip"]


def gripping(spec: ModelSpec, **changes: Any) -> ModelSpec:
    """Return a copy of a spec whose actions also move a gripper."""
    gripper = GripperMapping(
        **{"name": "grip", "kind": "width", "mode": "absolute", "closed": CLOSED, "open": OPEN}
        | changes
    )
    command = CommandMapping("relative", NAMES[:3], gripper=gripper)
    action = ActionSpec(NAMES, ["m"] * 3 + [gripper.unit], "base", command=command)
    statistics = replace(spec.statistics, action=Moments([0.0] * 4, [0.02] * 4))
    return replace(spec, action=action, statistics=statistics)


class GripperRig(CommanderRig):
    """A commander of an arm with a gripper."""

    def __init__(
        self,
        spec: ModelSpec,
        policy: str = "clamp",
        width: float = OPEN,
        blend: float = 0.1,
        lag: float = 0.0,
        **changes: Any,
    ) -> None:
        self.settings = {"type": "joint_state", "joints": ["finger"]}
        super().__init__(gripping(spec, **changes), blend=blend, lag=lag)
        self.config.limits.policy = policy
        self.commander.apply(self.config.limits)
        if not math.isnan(width):
            self.measure(width)

    def build(self, spec: ModelSpec) -> Commander:
        limits = self.config.limits
        limits.gripper_min, limits.gripper_max, limits.max_gripper_speed = 0.01, 0.07, 0.1
        for name, value in self.settings.items():
            setattr(self.config.gripper, name, value)
        return super().build(spec)

    def grip(self, *numbers: float, latency: float = 0.0) -> None:
        actions = [[0.0, 0.0, 0.0, number] for number in numbers]
        self.commander.splice(actions, self.now - latency, self.now)

    def measure(self, width: float) -> None:
        assert self.commander.gripper
        self.commander.gripper.measure(width, 0.0)

    @property
    def targets(self) -> list[float]:
        return [command.grip.target for command in self.sent if command.grip]

    @property
    def widths(self) -> np.ndarray:
        return np.array([command.grip.width for command in self.sent if command.grip])
