"""Shadow mode: plan for an arm that rests, or that somebody else moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from wm_planner.config import Config
from wm_planner.control.commander import Commander
from wm_planner.control.gate import LimitViolation
from wm_planner.control.shadow_record import ShadowRecord
from wm_planner.kinematics import Arm
from wm_planner.models import ModelSpec
from wm_planner.types import Command, Pose
from wm_planner.worker import Planned

MAX_COMMANDS = 2000  # of a plan that are recorded


class ShadowCommander(Commander):
    """Shows what would be commanded; nothing follows it.

    Each plan starts anew from the measured pose, and then the arm is taken to follow it, so that
    there is no tracking error. A command that the limits refuse is counted and said, and ends
    nothing.

    Args:
        config: Commands and limits.
        spec: Defines the actions.
        publish: Shows a command.
        arm: As ``Commander``.

    Raises:
        As ``Commander``; ConfigError also if the record cannot be written.

    Attributes:
        violation: The violation of a limit by the last plans, as a sentence, or an empty string.
    """

    shadow = True

    def __init__(
        self,
        config: Config,
        spec: ModelSpec,
        publish: Callable[[Command], None],
        arm: Arm | None = None,
    ) -> None:
        super().__init__(config, spec, self._show, arm)
        self._show_command, self.violation = publish, ""
        self._record = ShadowRecord(config.commands.shadow_file)
        self._plan: dict[str, Any] | None = None  # the record of the plan that is shown
        self._shown, self._limits, self._refused = 0.0, Counter[str](), 0

    def close(self) -> None:
        """Write the last record, and close the file."""
        self._finish_record()
        self._record.close()

    @property
    def problems(self) -> list[str]:
        """What to say about the commands, as sentences."""
        found = (self.violation and f"not allowed: {self.violation}", self._record.problem)
        return [text for text in (*found, *super().problems) if text]

    def follow(self, plan: Planned, measured: Pose | None, then: Pose | None, now: float) -> None:
        """Show a plan from the measured pose on."""
        self._finish_record()
        if self.gate.counters.refused == self._refused:
            self.violation = ""  # the last plan was all right
        self._refused = self.gate.counters.refused
        if measured:
            self._restart(measured, now)
            self._begin_record(plan, measured, now)
        super().follow(plan, measured, measured, now)

    def send(self, measured: Pose, now: float, pace: float = 1.0) -> None:
        """Show the command that is due now; after a violation, start from the measured pose."""
        self._shown = now
        try:
            super().send(self.gate.followed(self.commanded_point, measured), now, pace)
        except LimitViolation as error:
            self.violation = str(error)
            self._restart(measured, now)

    def stop(self, now: float) -> None:
        """Stop to show a plan."""
        super().stop(now)
        self._finish_record()

    def _restart(self, pose: Pose, now: float) -> None:
        """Forget what was shown, and start at a measured pose."""
        self._reset()
        if self.gripper:
            self.gripper.forget()
        self.start(pose, now)

    def _show(self, command: Command) -> None:
        self._show_command(command)
        if self._plan and len(self._plan["commands"]) < MAX_COMMANDS:
            passed = round(self._shown - self._plan["time"], 4)
            parts = [command.position, command.orientation]
            parts += [command.velocity, command.angular_velocity]
            if self.gate.receiver.space.joints:
                parts = [command.position, command.velocity]
            self._plan["commands"].append([passed, *np.concatenate(parts).tolist()])
            if command.grip:
                self._plan["gripper"].append([passed, command.grip.width, command.grip.target])

    def _begin_record(self, plan: Planned, measured: Pose, now: float) -> None:
        if not self._record.wanted:
            return
        self._shown, self._limits = now, self.gate.counters.limits.copy()
        start = self._space.point(measured)
        self._plan = {
            "goal": plan.goal_id,
            "stamp": plan.stamp,
            "time": now,
            "distance": plan.distance,
            "measured": start.tolist(),
            "planned": self.actions.path(plan.actions, start).tolist(),
            "commands": [],
            "gripper": [],
        }

    def _finish_record(self) -> None:
        plan, self._plan = self._plan, None
        if plan is None:
            return
        plan["limits"] = dict(self.gate.counters.limits - self._limits)
        if self.gate.counters.refused > self._refused:
            plan["refused"] = self.violation
        self._record.add(plan)


def make_commander(
    config: Config,
    spec: ModelSpec,
    publish: Callable[[Command], None],
    arm: Arm | None = None,
) -> Commander:
    """Return the commander that the settings ask for.

    Raises:
        LimitsError, SpecError, ConfigError: As ``Commander`` and ``ShadowCommander``.
    """
    kind = ShadowCommander if config.commands.shadow else Commander
    return kind(config, spec, publish, arm)
