"""After a goal, a measured lag that differs from ``commands.lag`` is logged once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from loop_rig import OBSERVATIONS, LoopRig
from rclpy.node import Node

from wm_planner.config import CommandsConfig, Config
from wm_planner.control import ErrorCode, Status
from wm_planner.models import ModelSpec
from wm_planner.ros import log
from wm_planner.ros.lag_log import LagLog

LATE = 10  # commands by which the arm follows late: 0.2 s
CANCELED = Status(ErrorCode.CANCELED, "the client canceled")
SAID = "commands: the arm followed 0.20 s late, and commands.lag is 0.00 s."


class Rig(LoopRig):
    """A loop whose arm follows late, and what is logged."""

    def __init__(
        self, spec: ModelSpec, node: Node, monkeypatch: pytest.MonkeyPatch, **commands: object
    ) -> None:
        settings = CommandsConfig(**commands)
        super().__init__(spec, Config(commands=settings))
        self.lags, self.lines = LagLog(node, settings), list[str]()
        monkeypatch.setattr(log, "info", lambda _, line: self.lines.append(line))

    def pursue(self, status: Status = CANCELED) -> None:
        """Pursue a goal with plans to and fro, and judge its end."""
        self.run(1.0, self.pose)
        self.begin(OBSERVATIONS[0])
        start, before = self.position, len(self.commands)

        def follow() -> None:
            commands = self.commands[before:]
            self.position = commands[-LATE].position if len(commands) >= LATE else start
            self.pose()

        for actions in (0.02, 0.02, -0.02, -0.02):
            self.request_plan()
            self.answer_plan(0.5, actions)
            self.run(0.5, follow, self.observe_change)
        self.loop.end(status, self.now)
        self.lags.judge(self.loop, status)
        self.run(1.0, follow)


@pytest.fixture
def make(
    spec: ModelSpec, make_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Rig]:
    return lambda **commands: Rig(spec, make_node("lags"), monkeypatch, **commands)


def test_a_wrong_lag_is_logged_once(make: Callable[..., Rig]) -> None:
    rig = make()
    for _ in range(2):
        rig.pursue()
    assert [line[: len(SAID)] for line in rig.lines] == [SAID]
    assert rig.lags.measured == pytest.approx(0.2, abs=0.021)


def test_a_right_lag_is_not_logged(make: Callable[..., Rig]) -> None:
    rig = make(lag=0.2)
    rig.pursue()
    assert rig.lines == []
    assert rig.lags.measured == pytest.approx(0.2, abs=0.021)


@pytest.mark.parametrize(
    "commands", [{"shadow": True}, {"type": "twist_stamped"}], ids=["shadow", "velocities"]
)
def test_without_positions_that_an_arm_follows_nothing_is_measured(
    make: Callable[..., Rig], commands: dict[str, object]
) -> None:
    rig = make(**commands)
    rig.pursue()
    assert rig.lags.measured is None


def test_a_goal_that_ended_by_a_fault_does_not_count(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.pursue(Status(ErrorCode.CONTACT, "the arm touches something"))
    assert rig.lags.measured is None


def test_an_arm_that_is_moved_before_it_is_commanded_tells_nothing(
    make: Callable[..., Rig],
) -> None:
    rig = make()
    rig.begin(OBSERVATIONS[0])
    for k in range(100):  # each pose is where the goal would start
        rig.wait(0.02)
        rig.position = rig.position + np.array([0.002 * np.sin(0.1 * k), 0.0, 0.0])
        rig.pose()
    rig.loop.end(CANCELED, rig.now)
    rig.lags.judge(rig.loop, CANCELED)
    assert rig.commands == []
    assert rig.lags.measured is None
