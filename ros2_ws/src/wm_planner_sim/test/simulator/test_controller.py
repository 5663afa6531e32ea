"""The arm's controller smooths what it is told, and stops at the limits of a Franka Research 3."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

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
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import TASKS

pytestmark = pytest.mark.sim
TICK = 0.02  # [s]
HOME = np.array(franka.HOME)
JOINTS = np.eye(7)
ONE = JOINTS[0]
CENTER = np.array([0.5, 0.0, 0.25])  # [m]
ASIDE = np.array([0.0, 0.1, 0.0])  # [m]
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
        way = ramp(0.3)(usual.now)
        usual.tick(way)
        if k % 3 == 2:  # before, they were not read
            together.controller.take(HOME + way, 0.98, together.now, steps=3)
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


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    sim = Simulation(48, 64, fr3=True)
    yield sim
    sim.close()


def settle(simulation: Simulation) -> None:
    for _ in range(30):
        simulation.step()


def test_the_simulated_hand_follows_and_stops_by_a_reflex(simulation: Simulation) -> None:
    simulation.place(CENTER)
    for share in np.linspace(0.0, 1.0, 100):
        simulation.set_target(CENTER + share * ASIDE)
        simulation.step()
    settle(simulation)
    np.testing.assert_allclose(simulation.ee_position, CENTER + ASIDE, atol=2e-3)
    assert simulation.reflexes == 0
    simulation.set_target(CENTER)
    for _ in range(30):
        simulation.step()
    assert simulation.reflexes == 1
    assert "joint" in simulation.reflex
    np.testing.assert_allclose(simulation.ee_position, CENTER + ASIDE, atol=0.02)
    simulation.place(CENTER)
    assert not simulation.reflex


def test_one_small_command_is_reached(simulation: Simulation) -> None:
    simulation.place(CENTER)
    for _ in range(5):
        simulation.step()
    simulation.set_target(CENTER + 0.05 * ASIDE)
    for _ in range(50):
        simulation.step()
    np.testing.assert_allclose(simulation.ee_position, CENTER + 0.05 * ASIDE, atol=1e-3)


def test_a_moving_hand_lacks_its_next_pose(simulation: Simulation) -> None:
    simulation.place(CENTER)
    for k in range(30):
        simulation.set_target(CENTER + 6e-4 * k**2 * ASIDE)
        simulation.step()
    stamp = simulation.time - TICK  # of the last pose
    assert not simulation.lacks_command
    for _ in range(2):
        simulation.step()
    assert simulation.lacks_command
    simulation.set_target(simulation.target, stamp=stamp)
    assert simulation.lacks_command, "it was only repeated"
    simulation.set_target(simulation.target, stamp=stamp + TICK)
    assert not simulation.lacks_command
    settle(simulation)
    assert not simulation.lacks_command


def test_poses_read_together_of_a_clock_that_stands_still_are_ticks_apart(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation.place(CENTER)
    steps = []
    take = Controller.take
    monkeypatch.setattr(Controller, "take", lambda *args: (steps.append(args[4]), take(*args)))
    stamp, moved = simulation.time, 0.0
    for count in (1, 3, 2):
        for _ in range(count):
            moved += 0.001
            simulation.set_target(CENTER + moved * ASIDE, stamp=stamp)
        simulation.step()
    assert steps == [1, 3, 2]


def test_a_moving_hand_lacks_its_next_twist(simulation: Simulation) -> None:
    simulation.place(CENTER)
    found = []
    for speed in (0.2, 0.05):
        simulation.set_twist([0.0, speed, 0.0], [0.0] * 3)
        for _ in range(6):
            found.append(simulation.lacks_command)
            simulation.step()
    assert found == [False] * 5 + [True] + [False] * 6
    settle(simulation)


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


@pytest.mark.parametrize("kind", ["poses", "joints"])
def test_a_repetition_between_two_steps_of_the_clock_changes_nothing(
    simulation: Simulation, kind: str
) -> None:
    ways = []
    for repeats in (1, 3):
        simulation.place(CENTER)
        start, began, way = simulation.joint_command, simulation.time, []
        for k in range(60):
            stamp = began + 2 * TICK * (k // 2)
            share = 0.5 - 0.5 * math.cos((stamp - began) * math.pi)
            for _ in range(repeats if k % 2 == 0 else repeats - 1):
                if kind == "poses":
                    simulation.set_target(CENTER + share * ASIDE, stamp=stamp)
                else:
                    simulation.set_joints(start + 0.2 * share * ONE, stamp=stamp)
            simulation.step()
            way.append(simulation.joint_positions)
        ways.append(way)
    np.testing.assert_allclose(ways[1], ways[0], atol=1e-9)
