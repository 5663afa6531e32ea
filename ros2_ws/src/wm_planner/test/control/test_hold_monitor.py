"""Whether the arm has to hold, also after a delay of the node."""

from __future__ import annotations

import pytest

from wm_planner.config import Config, SafetyConfig
from wm_planner.control import ErrorCode
from wm_planner.control.hold_monitor import HoldMonitor
from wm_planner.control.lateness import LoopLateness
from wm_planner.control.permission import Permission

TICK, TIMEOUT = 0.02, 0.2  # [s]


class Rig:
    """A monitor that is asked at the command rate."""

    def __init__(self, **safety: float) -> None:
        config = Config(safety=SafetyConfig(**safety))  # type: ignore[arg-type]
        self.permission = Permission(config, [])
        self.monitor = HoldMonitor(self.permission, LoopLateness(config), 2 * TICK)
        self.steady = 100.0

    def press(self, pressed: bool = True) -> None:
        self.permission.enabling.take(pressed, self.steady)

    def judge(self, after: float = TICK) -> bool:
        """Return whether the arm has to hold after a time [s]."""
        self.steady += after
        self.monitor.judge(self.steady)
        return self.monitor.reason is not None


@pytest.fixture
def rig() -> Rig:
    rig = Rig(enable_timeout=TIMEOUT)
    rig.monitor.restart(rig.steady)
    return rig


def test_silence_holds_the_arm(rig: Rig) -> None:
    assert rig.judge()
    rig.press()
    assert not rig.judge()
    held = [rig.judge() for _ in range(20)]
    assert held == sorted(held), "and stays so"
    assert not held[7]
    assert held[11]
    assert rig.monitor.reason
    assert rig.monitor.reason.code is ErrorCode.NOT_ENABLED
    assert rig.monitor.count == 2


def test_after_a_delay_of_the_node_silence_is_forgiven_once(rig: Rig) -> None:
    rig.press()
    assert not rig.judge()
    assert not rig.judge(after=5 * TIMEOUT), "the newest true may be unread"
    assert not rig.monitor.forbids(rig.steady)
    assert rig.judge()
    assert rig.judge(after=5 * TIMEOUT), "it was not enabled before"
    assert rig.monitor.forbids(rig.steady)


def test_a_false_holds_the_arm_also_after_a_delay(rig: Rig) -> None:
    rig.press()
    assert not rig.judge()
    rig.press(False)
    assert rig.monitor.forbids(rig.steady)
    assert rig.judge(after=5 * TIMEOUT)


@pytest.mark.parametrize("pause", [2 * TIMEOUT, 3600.0])
def test_what_enabled_an_earlier_goal_does_not_enable_the_next(rig: Rig, pause: float) -> None:
    rig.press()
    assert not rig.judge()
    rig.steady += pause
    rig.monitor.restart(rig.steady)
    assert rig.monitor.reason is None
    assert rig.monitor.forbids(rig.steady), "a plan may come before the first command"
    assert rig.judge()


def test_a_plan_may_be_followed_as_soon_as_the_button_is_pressed(rig: Rig) -> None:
    assert rig.judge()
    rig.press()
    assert not rig.monitor.forbids(rig.steady)


def test_no_plan_is_followed_against_something() -> None:
    rig = Rig(max_force=10.0)
    rig.monitor.restart(rig.steady)
    assert rig.monitor.forbids(rig.steady), "there is no wrench"
    rig.permission.contact.take_wrench((9.0, 0.0, 0.0), (0.0,) * 3, rig.steady)
    assert not rig.monitor.forbids(rig.steady)
    rig.permission.contact.take_wrench((11.0, 0.0, 0.0), (0.0,) * 3, rig.steady)
    assert rig.monitor.forbids(rig.steady)
