"""The simulated gripper holds, lifts and releases the cube by contact alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.simulation import Simulation

pytestmark = pytest.mark.sim
CUBE = np.array([0.5, 0.0, table.CUBE_HALF])
UPRIGHT = (0.0, 0.0, 0.0, 1.0)
AHEAD = np.array([0.1, 0.0, 0.0])  # [m]


def up(height: float) -> np.ndarray:
    return np.array([0.0, 0.0, height])


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    sim = Simulation(48, 64, free=True)
    yield sim
    sim.close()


def go(sim: Simulation, position: np.ndarray, seconds: float = 3.0) -> None:
    start = sim.target
    for share in np.linspace(0.0, 1.0, round(seconds / 0.02)):
        sim.set_target(start + share * (position - start))
        sim.step()


def grip(sim: Simulation, width: float) -> None:
    sim.set_width(width)
    for _ in range(40):
        sim.step()


def cube(sim: Simulation) -> np.ndarray:
    return np.array(sim.body_position(table.CUBE))


def test_the_gripper_lifts_the_cube_and_puts_it_down(simulation: Simulation) -> None:
    simulation.place_object(table.CUBE, CUBE, UPRIGHT)
    simulation.place(CUBE + up(0.15))
    grip(simulation, franka.MAX_WIDTH)
    assert simulation.width == pytest.approx(franka.MAX_WIDTH, abs=1e-3)
    go(simulation, CUBE)
    np.testing.assert_allclose(cube(simulation), CUBE, atol=2e-3)
    grip(simulation, 0.02)
    assert simulation.width == pytest.approx(2 * table.CUBE_HALF, abs=1e-3), "the cube's edge"
    go(simulation, CUBE + up(0.1))
    np.testing.assert_allclose(cube(simulation), CUBE + up(0.1), atol=4e-3)
    go(simulation, CUBE + AHEAD + up(0.1))
    np.testing.assert_allclose(cube(simulation), CUBE + AHEAD + up(0.1), atol=4e-3)
    go(simulation, CUBE + AHEAD + up(0.001))
    grip(simulation, franka.MAX_WIDTH)
    go(simulation, CUBE + AHEAD + up(0.15))
    np.testing.assert_allclose(cube(simulation), CUBE + AHEAD, atol=4e-3)


def test_a_width_outside_of_the_range_is_clipped_and_one_not_finite_refused(
    simulation: Simulation,
) -> None:
    grip(simulation, 9.0)
    assert simulation.width == pytest.approx(franka.MAX_WIDTH, abs=1e-3)
    with pytest.raises(ValueError, match="finite"):
        simulation.set_width(float("nan"))


def test_after_a_reset_the_gripper_has_its_usual_width(simulation: Simulation) -> None:
    grip(simulation, 0.0)
    simulation.reset(3)
    assert simulation.width == pytest.approx(franka.REST_WIDTH, abs=1e-6)
    simulation.step()
    assert simulation.width == pytest.approx(franka.REST_WIDTH, abs=1e-3)
