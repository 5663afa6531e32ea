"""Stack: what is drawn, and what counts as stacked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml

from wm_planner_sim.evaluation.episodes import start_episode
from wm_planner_sim.simulator import table
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import find_task
from wm_planner_sim.simulator.tasks.stack import BASE

pytestmark = pytest.mark.sim
CONFIG = Path(__file__).parents[2] / "config"
EDGE = 2 * table.CUBE_HALF


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with closing(Simulation(48, 64, task=find_task("stack"))) as simulation:
        yield simulation


def test_the_planner_has_the_settings_of_pick_place() -> None:
    files = [CONFIG / f"{name}.yaml" for name in ("stack", "pick_place")]
    stack, pick = (yaml.safe_load(file.read_text()) for file in files)
    assert stack == pick


def test_the_goal_is_on_the_lower_cube_which_has_room_around_it(simulation: Simulation) -> None:
    for seed in range(10):
        goal = start_episode(simulation, seed)
        cube, base = simulation.body_position(table.CUBE), simulation.body_position(BASE)
        assert np.linalg.norm(cube - base) > 2 * EDGE
        np.testing.assert_allclose(goal.position - base, [0, 0, EDGE], atol=1e-9)
        np.testing.assert_allclose(goal.labels[7:], base[:2], atol=1e-9)
        # The cube never touches the lower one on the way, not even where it is let down.
        for labels in goal.sub_labels[3:6]:
            assert labels[6] - base[2] > EDGE + 0.02


def test_a_stacked_cube_stays_on_the_lower_one(simulation: Simulation) -> None:
    goal = start_episode(simulation, 1)
    simulation.place_object(table.CUBE, goal.position, table.turned(0.0))
    simulation.update()
    for _ in range(50):
        simulation.step()
    assert np.linalg.norm(simulation.scored_position - goal.position) < 0.005


def test_every_goal_image_shows_the_lower_cube_under_the_upper_one(simulation: Simulation) -> None:
    simulation.reset(1)
    elsewhere = np.array([0.45, 0.12, table.CUBE_HALF + EDGE])
    goal = simulation.goal_image(elsewhere)
    np.testing.assert_allclose(goal.labels[7:], elsewhere[:2], atol=1e-9)
