"""The simulated arm with its controller: from commanded poses, twists and joints to the motion."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from wm_planner_sim.simulator.controller import DELAY, Controller
from wm_planner_sim.simulator.simulation import Simulation

pytestmark = pytest.mark.sim
TICK = 0.02  # [s]
ONE = np.eye(7)[0]  # one joint
CENTER = np.array([0.5, 0.0, 0.25])  # [m]
ASIDE = np.array([0.0, 0.1, 0.0])  # [m]


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


def test_all_poses_read_together_are_taken(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation.place(CENTER)
    taken = []
    take = Controller.take
    monkeypatch.setattr(Controller, "take", lambda *args: (taken.append(args[1]), take(*args)))
    moved = 0.0
    for count in (1, 3, 2):
        for _ in range(count):
            moved += 0.001
            simulation.set_target(CENTER + moved * ASIDE, stamp=simulation.time)
        simulation.step()
    assert len(taken) == 6
    assert len(np.unique(taken, axis=0)) == 6


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


def test_a_motion_whose_first_commands_come_together_is_smooth(simulation: Simulation) -> None:
    ways = []
    for together in (1, 8):
        simulation.place(CENTER)
        settle(simulation)
        began, way, waiting = simulation.time, [], []
        for k in range(60):
            seconds = simulation.time - began
            waiting.append((0.5 * seconds**2 * ASIDE / 0.1, simulation.time))
            if len(waiting) == together or k >= 8:
                for moved, stamp in waiting:
                    simulation.set_target(CENTER + moved, stamp=stamp)
                waiting = []
            simulation.step()
            way.append(simulation.ee_position)
        assert not simulation.reflex
        ways.append(np.array(way))
    later = round((8 * TICK - DELAY) / TICK)  # ticks
    np.testing.assert_allclose(ways[1][later:], ways[0][:-later], atol=1e-4)


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
