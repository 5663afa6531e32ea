"""The commander's modes change as the transition table says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from wm_planner.config import Config
from wm_planner.control import Commander
from wm_planner.control.modes import TRANSITIONS, Event, Mode
from wm_planner.models import ModelSpec
from wm_planner.types import Command, Pose

POSE = Pose(np.array([0.5, 0.0, 0.5]), np.array([1.0, 0.0, 0.0, 0.0]), 0.0)
TICK = 0.02


class Rig:
    """A commander, and the calls that bring it into each mode."""

    def __init__(self, spec: ModelSpec) -> None:
        config = Config()
        config.limits.workspace_min, config.limits.workspace_max = [0.0, -1.0, 0.0], [1.0, 1.0, 1.0]
        self.sent: list[Command] = []
        self.commander, self.now = Commander(config, spec, self.sent.append), 0.0

    def into(self, mode: Mode) -> None:
        """Bring the commander into a mode by its public methods."""
        steps: dict[Mode, list[Callable[[], None]]] = {
            Mode.IDLE: [],
            Mode.READY: [self.start],
            Mode.TRACKING: [self.start, self.plan, self.send],
            Mode.HOLDING: [self.start, self.plan, self.send, self.hold],
            Mode.BRAKING: [self.start, self.plan, self.send, self.stop, self.send],
            Mode.STOPPING: [self.start, self.plan, self.send, self.stop],
        }
        for step in steps[mode]:
            step()
        assert self.commander.mode is mode

    def start(self) -> None:
        self.commander.start(POSE, self.now)

    def send(self) -> None:
        self.now += TICK
        self.commander.send(POSE, self.now)

    def plan(self) -> None:
        self.commander.splice([[0.004, 0.0, 0.0]] * 5, self.now, self.now)

    def hold(self) -> None:
        self.now += TICK
        self.commander.hold(self.now)

    def stop(self) -> None:
        self.commander.stop(self.now)

    def settle(self) -> None:
        self.commander.finish(self.now, sleep=lambda seconds: None)


EVENTS: dict[Event, Callable[[Rig], None]] = {
    Event.START: Rig.start,
    Event.COMMAND: Rig.send,
    Event.PLAN: Rig.plan,
    Event.HOLD: Rig.hold,
    Event.STOP: Rig.stop,
    Event.REST: Rig.settle,
}  # the commander itself raises BRAKE


@pytest.fixture
def rig(spec: ModelSpec) -> Rig:
    return Rig(spec)


@pytest.mark.parametrize(
    ("mode", "event"),
    [pair for pair in TRANSITIONS if pair[1] in EVENTS],
    ids=lambda value: value.name,
)
def test_every_transition_happens_as_the_table_says(rig: Rig, mode: Mode, event: Event) -> None:
    rig.into(mode)
    EVENTS[event](rig)
    assert rig.commander.mode is TRANSITIONS[mode, event]


def test_every_mode_can_hold_and_stop() -> None:
    assert {mode for mode, event in TRANSITIONS if event is Event.HOLD} == set(Mode)
    assert {mode for mode, event in TRANSITIONS if event is Event.STOP} == set(Mode)


def test_from_every_mode_a_stop_ends_idle_and_at_rest(rig: Rig) -> None:
    for mode in Mode:
        rig.into(mode)
        rig.stop()
        rig.settle()
        assert rig.commander.mode is Mode.IDLE
        assert not rig.commander.moving
        assert mode in (Mode.IDLE, Mode.READY) or rig.sent[-1].stop


@pytest.mark.parametrize("mode", [Mode.IDLE, Mode.READY], ids=lambda mode: mode.name)
def test_an_arm_without_commands_gets_none_from_hold_or_stop(rig: Rig, mode: Mode) -> None:
    rig.into(mode)
    rig.hold()
    rig.stop()
    assert rig.sent == []
