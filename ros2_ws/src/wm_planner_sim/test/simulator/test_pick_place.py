"""Pick and place: the images on the way to a goal, and what counts as placed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from wm_planner_sim.evaluation.episodes import run_episodes, start_episode
from wm_planner_sim.evaluation.policies import Policy
from wm_planner_sim.simulator import table
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import find_task

pytestmark = pytest.mark.sim
HAND, WIDTH, CUBE = slice(0, 3), 3, slice(4, 7)
"""Places of the labels."""


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with closing(Simulation(48, 64, task=find_task("pick_place"))) as simulation:
        yield simulation


def test_the_sub_goals_show_a_grasp_a_lift_and_a_place(simulation: Simulation) -> None:
    for seed in range(3):
        simulation.reset(seed)
        start, hand = simulation.scored_position, simulation.ee_position
        goal = simulation.sample_goal(seed)
        labels = np.array([*goal.sub_labels, goal.labels])
        assert len(goal.sub_goals) == 8
        cube = labels[:, CUBE]
        np.testing.assert_allclose(cube[:3], np.tile(start, (3, 1)), atol=1e-9)
        np.testing.assert_allclose(cube[4:, :2], np.tile(goal.position[:2], (5, 1)), atol=1e-9)
        np.testing.assert_allclose(cube[3:5, 2], table.CUBE_HALF + 0.08, atol=1e-9)
        np.testing.assert_allclose(labels[1:8, HAND], cube[1:8], atol=2e-3)  # around the cube
        np.testing.assert_allclose(labels[2:7, WIDTH], 2 * table.CUBE_HALF)  # held
        np.testing.assert_allclose(labels[[0, 1, 7, 8], WIDTH], 0.08)  # open
        frames = [image.astype(int) for image in (*goal.sub_goals, goal.image)]
        for one, two in zip(frames[1:], frames[:-1], strict=True):
            assert (one != two).any()
        np.testing.assert_array_equal(simulation.scored_position, start)
        np.testing.assert_array_equal(simulation.ee_position, hand)


class _Dragged(Policy):
    """Grasps the cube and drags it over the table."""

    def __init__(self, simulation: Simulation, goal: np.ndarray) -> None:
        self._simulation, self._goal, self._steps = simulation, goal, 0

    def act(self, images: object) -> np.ndarray:
        self._steps += 1
        hand = self._simulation.target
        cube = self._simulation.scored_position
        places = [
            np.add(cube, [0, 0, 0.05]),
            cube,
            hand,
            [*self._goal[:2], table.CUBE_HALF + 0.005],
        ]
        at = np.searchsorted([9, 15, 18], self._steps)
        return np.array([[*(places[at] - hand), float(at > 1)]]).clip(-0.05, 1.0)


def test_a_cube_that_was_dragged_to_its_place_was_not_placed(simulation: Simulation) -> None:
    goal = start_episode(simulation, 1)
    dragged = _Dragged(simulation, goal.position)
    (episode,) = run_episodes([simulation], dragged, [goal.position], 40)
    assert episode.distances[0] > 0.06
    assert episode.distances[-1] < episode.success_radius
    assert not episode.success


@pytest.mark.parametrize(
    ("heights", "placed"),
    [
        ([0.025, 0.1, 0.026], True),
        ([0.025, 0.04, 0.025], False),  # dragged
        ([0.025, 0.1, 0.05], False),  # still in the air
    ],
)
def test_a_success_was_lifted_and_put_down(heights: list[float], placed: bool) -> None:
    assert find_task("pick_place").placed(heights, table.CUBE_HALF) is placed
    assert find_task("push").placed(heights, table.CUBE_HALF)


class _Held(Policy):
    """Carries the cube to its place and holds it there in the air."""

    def __init__(self, simulation: Simulation, goal: np.ndarray) -> None:
        self._simulation, self._goal = simulation, goal
        self._expert = simulation.task.expert(simulation, goal)

    def act(self, images: object) -> np.ndarray:
        action = self._expert(self._simulation.target)
        hand = self._simulation.target
        if np.linalg.norm(hand[:2] - self._goal[:2]) < 0.01:
            action[2:] = self._goal[2] + 0.02 - hand[2], 1.0
        return action[None].clip(-0.05, 1.0)


def test_a_cube_that_is_held_in_the_air_is_not_put_down(simulation: Simulation) -> None:
    goal = start_episode(simulation, 1)
    held = _Held(simulation, goal.position)
    (episode,) = run_episodes([simulation], held, [goal.position], 40)
    assert episode.distances[-1] < episode.success_radius
    assert max(place[2] for place in episode.places) > 0.06
    assert not episode.success


def test_training_grips_are_on_both_sides_of_the_threshold(simulation: Simulation) -> None:
    grips = []
    for seed in range(6):
        simulation.reset(seed)
        act = simulation.task.explore(simulation, np.random.default_rng(seed))
        grips += [act(simulation.target)[3] for _ in range(20)]
    assert min(grips) < 0.1
    assert max(grips) > 0.9
