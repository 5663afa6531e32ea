"""The arm's controller smooths what it is told, and stops at the limits of a Franka Research 3."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from wm_planner_sim.simulator import franka
from wm_planner_sim.simulator.controller import (
    COASTING,
    CYCLE,
    DELAY,
    LAG,
    Controller,
    broken_limit,
)
from wm_planner_sim.simulator.kinematics import InverseKinematics
from wm_planner_sim.simulator.tasks import TASKS

pytestmark = pytest.mark.sim
TICK = 0.02  # [s]
HOME = np.array(franka.HOME)
JOINTS = np.eye(7)
ONE = JOINTS[0]
Path = Callable[[float], np.ndarray]


@pytest.fixture(scope="module")
def kinematics() -> InverseKinematics:
    return InverseKinematics(TASKS["reach"].scene().compile())


class Arm:
    """A controller and what it has made of commands."""

    def __init__(self, kinematics: InverseKinematics, factor: float = 1.0) -> None:
        self.controller = Controller(kinematics.pose, round(TICK / CYCLE), factor)
        self.controller.restart(HOME, 0.0)
        self.ticks = 0
        self.path, self.command = [HOME], HOME

    @property
    def now(self) -> float:
        return self.ticks * TICK

    def tick(self, command: np.ndarray | None = None, stamp: float | None = None) -> np.ndarray:
        """Run one tick with or without a command; return where the joints are to be."""
        if command is not None:
            self.command = HOME + command
            self.controller.take(self.command, self.now if stamp is None else stamp, self.now)
        elif (rest := self.controller.go_on(self.command, self.now)) is not None:
            self.command = rest
        self.path += list(self.controller.next(self.now))
        self.ticks += 1
        return self.command - HOME

    def follow(self, path: Path, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.tick(path(self.now))

    def moved(self) -> np.ndarray:
        """Return how far the joints have moved, (n, 7) [rad], one row per millisecond."""
        return np.array(self.path) - HOME


@pytest.fixture
def arm(kinematics: InverseKinematics) -> Arm:
    return Arm(kinematics)


def ramp(speed: float, joint: np.ndarray = ONE, seconds: float = 0.5) -> Path:
    """Return a way that speeds up evenly and then keeps a speed [rad/s]."""

    def at(time: float) -> np.ndarray:
        began = min(time, seconds)
        return joint * speed * (began**2 / (2 * seconds) + max(time - seconds, 0.0))

    return at


@pytest.mark.parametrize(("factor", "lag"), [(0.5, LAG), (1.0, LAG), (4.0, LAG + 3 * DELAY)])
def test_a_moving_arm_is_late_by_its_lag(
    kinematics: InverseKinematics, factor: float, lag: float
) -> None:
    arm = Arm(kinematics, factor)
    arm.follow(ramp(0.2), 2.0)
    assert not arm.controller.reflex
    behind = (ramp(0.2)(arm.now)[0] - arm.moved()[-1, 0]) / 0.2
    assert behind == pytest.approx(lag, abs=2 * CYCLE)


def test_late_messages_do_not_matter(kinematics: InverseKinematics) -> None:
    punctual, late = Arm(kinematics), Arm(kinematics)
    punctual.follow(ramp(0.5), 2.0)
    rng = np.random.default_rng(0)
    last = 0  # number of the last command that arrived
    for sent in range(100):  # one per tick; each arrives up to two ticks later
        arrived = sent - int(rng.integers(0, 3))
        stamp = arrived * TICK
        late.tick(*((ramp(0.5)(stamp), stamp) if arrived > last else ()))
        last = max(last, arrived)
    np.testing.assert_allclose(late.moved(), punctual.moved(), atol=5e-4)


@pytest.mark.parametrize(
    ("speed", "stamp", "expected"),
    [
        (0.5, None, [False, False, True, True]),
        (0.5, 1.0, [False] * 3 + [True]),
        (0.5, 0.98, [False] * 4),  # of a clock that stands still
        (0.09, None, [False] * 4),
    ],
)
def test_a_moving_arm_lacks_the_command_that_is_due(
    arm: Arm, speed: float, stamp: float | None, expected: list[bool]
) -> None:
    arm.follow(ramp(speed), 1.0)
    lacks = []
    for _ in range(4):
        lacks.append(arm.controller.lacks(arm.now, stamp))
        arm.tick()
    assert lacks == expected
    for _ in range(10):
        arm.tick()
    assert not arm.controller.lacks(arm.now), "it has come to rest"


@pytest.mark.parametrize("ticks", [3, 4, 5])
def test_an_arm_does_not_lack_commands_that_come_as_often_as_before(arm: Arm, ticks: int) -> None:
    for k in range(100):
        due = k % ticks == 0
        assert not arm.controller.lacks(arm.now, arm.now if due else None)
        arm.tick(*((ramp(0.5)(arm.now), arm.now) if due else ()))


def test_an_arm_stopped_by_a_reflex_lacks_nothing(arm: Arm) -> None:
    arm.follow(ramp(2.7), 1.6)
    assert arm.controller.reflex
    for _ in range(6):
        arm.tick()
        assert not arm.controller.lacks(arm.now)


def test_commands_read_together_of_a_clock_that_stands_still_are_ticks_apart(
    kinematics: InverseKinematics,
) -> None:
    usual, together = Arm(kinematics), Arm(kinematics)
    for arm in (usual, together):
        arm.follow(ramp(0.3), 1.0)
    for k in range(12):
        usual.tick(ramp(0.3)(usual.now))
        if k % 3 == 2:  # before, they were not read
            for late in (2, 1, 0):
                way = ramp(0.3)(together.now - late * TICK)
                together.controller.take(HOME + way, 0.98, together.now)
        together.tick()
    np.testing.assert_allclose(together.moved(), usual.moved(), atol=1e-3)


def test_an_arm_whose_commands_end_goes_on_shortly_and_rests(arm: Arm) -> None:
    arm.follow(ramp(0.5), 1.0)
    last = ramp(0.5)(arm.now - TICK)
    ends = [arm.tick() for _ in range(50)]
    assert not arm.controller.reflex
    assert np.diff(arm.moved()[:, 0]).min() > -1e-9, "it does not go back"
    np.testing.assert_allclose(arm.moved()[-1], last + 0.5 * COASTING * ONE, atol=1e-6)
    np.testing.assert_allclose(ends[round((DELAY + COASTING) / TICK)], arm.moved()[-1], atol=1e-6)


def test_commands_of_a_clock_that_stands_still_are_one_tick_apart(
    kinematics: InverseKinematics,
) -> None:
    usual, still = Arm(kinematics), Arm(kinematics)
    usual.follow(ramp(0.3), 1.2)
    still.follow(ramp(0.3), 1.0)
    for _ in range(10):
        still.tick(ramp(0.3)(still.now), 0.98)
    np.testing.assert_allclose(still.moved(), usual.moved(), atol=1e-9)


def hand_of(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pose of a hand that joints 1 and 2 move by a meter and joint 7 turns, per rad."""
    place = np.array([joints[0], joints[1], 0.0])
    return place, Rotation.from_rotvec([0.0, 0.0, joints[6]]).as_quat()


@pytest.mark.parametrize(
    ("joints", "order", "rate", "sentence"),
    [
        (JOINTS[3], 1, 2.7, r"velocity of joint 4 is 2.7 rad/s, at most 2.62 are"),
        (JOINTS[5], 2, 10.2, r"acceleration of joint 6 is 10.2 rad/s^2, at most 10 are"),
        (JOINTS[5], 3, 5100.0, r"jerk of joint 6 is 5100 rad/s^3, at most 5000 are"),
        (JOINTS[0], 2, 9.2, r"acceleration of the hand is 9.2 m/s^2, at most 9 are"),
        (JOINTS[1], 3, 4600.0, r"jerk of the hand is 4600 m/s^3, at most 4500 are"),
        (JOINTS[:2].sum(axis=0), 1, 2.2, r"velocity of the hand is 3.111 m/s, at most 3 are"),
        (JOINTS[6], 1, 2.6, r"velocity of the hand's rotation is 2.6 rad/s, at most 2.5 are"),
    ],
)
def test_each_limit_is_judged(joints: np.ndarray, order: int, rate: float, sentence: str) -> None:
    time = CYCLE * (np.arange(4)[:, None] - 1.5)
    for share, found in ((1.0, sentence), (0.9, "")):
        path = joints * share * rate * time**order / math.factorial(order)
        assert found in broken_limit(path, hand_of)
        assert bool(broken_limit(path, hand_of)) is bool(found)


@pytest.mark.parametrize("path", [lambda time: 0.08 * ONE * (time > 0.1), ramp(2.7)])
def test_an_arm_that_is_told_too_much_stops_by_a_reflex(arm: Arm, path: Path) -> None:
    arm.follow(path, 1.6)
    assert "are allowed" in arm.controller.reflex
    assert arm.controller.reflexes == 1
    held = arm.moved()[-1]
    arm.follow(lambda time: ONE, 0.2)
    np.testing.assert_array_equal(arm.moved()[-1], held)
    arm.controller.restart(HOME, arm.now)
    assert not arm.controller.reflex
    assert arm.controller.reflexes == 1


def test_late_commands_of_an_arm_at_rest_keep_their_times(kinematics: InverseKinematics) -> None:
    punctual, late = Arm(kinematics, 4.0), Arm(kinematics, 4.0)
    ticks = 10  # by which each command is late
    for arm in (punctual, late):
        for _ in range(20):
            arm.tick()
    began = late.now
    for k in range(50):
        punctual.tick(ramp(1.0)(TICK * k))
        stamp = TICK * (k - ticks)
        late.tick(*((ramp(1.0)(stamp), began + stamp) if k >= ticks else ()))
    assert not late.controller.reflex
    np.testing.assert_allclose(late.moved(), punctual.moved(), atol=2e-4)


def two_motions(time: float) -> np.ndarray:
    """Return a way that moves from 0 to 0.5 s and from 1 to 1.5 s, and stands in between."""
    done = np.clip([time, time - 1.0], 0.0, 0.5)
    return ONE * 0.05 * (1.0 - np.cos(2 * np.pi * done)).sum()


@pytest.mark.parametrize(
    ("factor", "streaming", "every", "late"),
    [(1.0, False, 1, 8), (1.0, True, 1, 5), (4.0, True, 4, 16), (1.0, False, 1, 30)],
)
def test_a_motion_that_begins_late_is_played_later(
    kinematics: InverseKinematics, factor: float, streaming: bool, every: int, late: int
) -> None:
    ways = []
    for most in (0, late):  # ticks by which the commands are late, until the arm stands
        arm = Arm(kinematics, factor)
        for k in range(20):
            arm.tick(*((np.zeros(7),) if streaming and k % every == 0 else ()))
        began, sent = arm.now, 0
        for k in range(100):
            while sent + (most if k < 40 else 0) <= k:
                stamp, sent = sent * TICK, sent + every
                assert not arm.controller.lacks(arm.now, began + stamp), "it is as late as before"
                arm.controller.take(HOME + two_motions(stamp), began + stamp, arm.now)
            arm.tick()
        assert not arm.controller.reflex
        ways.append(arm.moved())
    shift = round(((late + every) * TICK - DELAY * factor) / CYCLE)
    np.testing.assert_allclose(ways[1][shift:], ways[0][:-shift], atol=2e-4)


@pytest.mark.parametrize("ahead", [0.1, 0.5])
@pytest.mark.parametrize("commands", [1, 200])
def test_stamps_in_the_future_delay_nothing(arm: Arm, ahead: float, commands: int) -> None:
    for k in range(100):
        arm.tick(ramp(0.2)(arm.now), arm.now + (ahead if k < commands else 0.0))
    behind = (ramp(0.2)(arm.now)[0] - arm.moved()[-1, 0]) / 0.2
    assert behind < LAG + 0.03


def test_a_slow_motion_with_stamps_that_repeat_is_not_delayed(arm: Arm) -> None:
    for k in range(200):
        arm.tick(0.05 * arm.now * ONE, TICK * (k - k % 2))
    behind = arm.now - arm.moved()[-1, 0] / 0.05
    assert behind < LAG + 0.03


def test_commands_far_apart_are_followed_smoothly(arm: Arm) -> None:
    for k in range(150):
        arm.tick(*((ramp(0.3)(arm.now),) if k % 10 == 0 else ()))
    assert not arm.controller.reflex
