"""A commander with an arm that follows it."""

from __future__ import annotations

from typing import Any

import numpy as np

from wm_planner.config import Config
from wm_planner.control import Commander
from wm_planner.models import ModelSpec
from wm_planner.types import Command, Pose

START = np.array([0.5, 0.0, 0.5])
TICK = 0.02  # [s]
DOWN = np.array([1.0, 0.0, 0.0, 0.0])
MOVE = [0.04, 0.0, 0.0]


class CommanderRig:
    """A commander, and an arm that follows its commands or stays at rest."""

    def __init__(self, spec: ModelSpec, follows: bool = True, **commands: Any) -> None:
        self.config = Config()
        self.config.limits.workspace_min = [0.0, -1.0, 0.0]
        self.config.limits.workspace_max = [1.0, 1.0, 1.0]
        self.config.limits.orientation = DOWN.tolist()
        self.config.limits.max_tilt, self.config.limits.max_twist = 2.0, 3.1416
        self.config.limits.policy = "refuse"
        for name, value in commands.items():
            setattr(self.config.commands, name, value)
        self.sent: list[Command] = []
        self.commander = self.build(spec)
        self.follows, self.now = follows, 0.0
        self.commander.start(self.pose(), self.now)

    def build(self, spec: ModelSpec) -> Commander:
        return Commander(self.config, spec, self.sent.append)

    def pose(self) -> Pose:
        at = self.sent[-1].position if self.follows and self.sent else START
        return Pose(at, DOWN, 0.0)

    def run(self, seconds: float, tick: float = TICK) -> None:
        for _ in range(round(seconds / tick)):
            self.now += tick
            self.commander.send(self.pose(), self.now)

    def settle(self) -> None:
        for _ in range(20):
            self.now += TICK
            self.commander.settle(self.now)

    def plan(self, move: Any, latency: float = 0.0) -> None:
        self.commander.splice([move] * 5, self.now - latency, self.now)

    def positions(self) -> np.ndarray:
        return np.array([command.position for command in self.sent])
