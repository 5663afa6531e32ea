"""Every task of the registry, and a task that scores an object instead of the hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import mujoco
import numpy as np
import pytest
import yaml
from numpy.typing import ArrayLike

from wm_planner_sim.evaluation.episodes import run_episodes, start_episode
from wm_planner_sim.evaluation.policies import ExpertPolicy, RandomPolicy
from wm_planner_sim.simulator import seeds, table
from wm_planner_sim.simulator.actions import AXES, MAX_STEP
from wm_planner_sim.simulator.motion import move
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import DEFAULT_TASK, TASKS, find_task
from wm_planner_sim.simulator.tasks.reach import Reach
from wm_planner_sim.simulator.world import World
from wm_planner_sim.training.recipes import RECIPES

pytestmark = pytest.mark.sim
PACKAGE = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=TASKS)
def simulation(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    with contextlib.closing(Simulation(48, 64, task=find_task(request.param))) as simulation:
        yield simulation


def test_the_default_task_is_reach() -> None:
    assert DEFAULT_TASK == "reach"
    assert isinstance(TASKS[DEFAULT_TASK], Reach)


def test_an_unknown_task_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(ValueError, match=r"no task 'sweep'; choose one of: .*reach"):
        find_task("sweep")


def test_an_episode_starts_in_the_workspace(simulation: Simulation) -> None:
    for seed in range(10):
        simulation.reset(seed)
        np.testing.assert_array_equal(simulation.target, simulation.task.clip(simulation.target))


def test_a_goal_image_shows_the_scored_site_at_the_goal(simulation: Simulation) -> None:
    for seed in range(5):
        simulation.reset(seed)
        rng = np.random.default_rng(seed)
        position = simulation.task.draw_goal(simulation, rng)
        goal = simulation.goal_image(position)
        assert np.linalg.norm(goal.position - position) < simulation.task.success_radius / 10


def test_the_goal_of_a_seed_does_not_depend_on_the_goal_before(simulation: Simulation) -> None:
    first = start_episode(simulation, 3)
    start_episode(simulation, 4)
    again = start_episode(simulation, 3)
    np.testing.assert_array_equal(again.labels, first.labels)
    np.testing.assert_array_equal(again.image, first.image)


def test_the_goal_of_push_shows_the_hand_behind_the_cube() -> None:
    with contextlib.closing(Simulation(48, 64, task=TASKS["push"])) as simulation:
        for seed in range(5):
            simulation.reset(seed)
            start = simulation.scored_position[:2]
            goal = simulation.sample_goal(seed)
            hand, cube = goal.labels[:2], goal.labels[2:]
            way, push = cube - start, cube - hand
            cosine = way @ push / np.linalg.norm(way) / np.linalg.norm(push)
            assert cosine > 0.999
            assert np.linalg.norm(push) < 0.05


def test_training_motions_move_the_arm_and_depend_on_their_seed_alone(
    simulation: Simulation,
) -> None:
    task = simulation.task

    def run() -> list[np.ndarray]:
        simulation.reset(3)
        explore = task.explore(simulation, np.random.default_rng(3))
        positions = []
        for _ in range(5):
            move(simulation, task.allowed(explore(simulation.target), simulation.target))
            positions.append(task.labels(simulation))
        return positions

    first = run()
    np.testing.assert_array_equal(first, run())
    assert np.linalg.norm(first[-1] - first[0]) > 1e-3


def test_the_expert_brings_the_scored_site_to_the_goal(simulation: Simulation) -> None:
    for seed in seeds.CALIBRATION[:3]:
        goal = start_episode(simulation, seed)
        expert = ExpertPolicy([simulation], [goal.position])
        (episode,) = run_episodes([simulation], expert, [goal.position])
        assert episode.distances[0] > simulation.task.success_radius
        assert episode.success, episode.distances


def test_a_hand_at_rest_reaches_nothing(simulation: Simulation) -> None:
    for seed in seeds.CALIBRATION[:3]:
        goal = start_episode(simulation, seed)
        rest = RandomPolicy([seed], simulation.task.actions, scale=0.0)
        (episode,) = run_episodes([simulation], rest, [goal.position], 3)
        assert not episode.success


def test_an_action_has_one_number_for_each_axis_that_the_task_moves(
    simulation: Simulation,
) -> None:
    task = simulation.task
    size = len(task.actions.names)
    moved = task.actions.displacement(np.full(size, 0.01))
    assert tuple(axis for axis, way in zip(AXES, moved, strict=True) if way) == task.actions.axes
    for wrong in ([0.01] * (size + 1), 0.01, []):
        with pytest.raises(ValueError, match=f"an action is {', '.join(task.actions.names)}, not"):
            move(simulation, wrong)


def test_an_action_is_limited_to_the_step_and_the_workspace(simulation: Simulation) -> None:
    task = simulation.task
    size, axes = len(task.actions.names), len(task.actions.axes)
    middle = (np.array(task.workspace_min) + task.workspace_max) / 2
    np.testing.assert_allclose(task.allowed([1.0] * size, middle)[:2], MAX_STEP)
    corner = np.array(task.workspace_max) - 0.001
    assert (task.allowed([1.0] * size, corner)[:axes] < 0.0011).all()


def test_every_label_has_a_scale_and_a_weight(simulation: Simulation) -> None:
    weights = simulation.task.label_weights()
    labels = simulation.task.labels(simulation)
    assert weights is None or len(weights) == len(labels)
    scales = simulation.task.label_scales()
    assert scales is None or len(scales) == len(labels)


def test_a_goal_looks_alike_from_every_start(simulation: Simulation) -> None:
    """So that what differs between images of one goal is noise, as the calibration has it."""
    task, away = simulation.task, []
    for seed in range(10):
        simulation.reset(seed)
        place = task.draw_goal(simulation, np.random.default_rng(seed))
        first = simulation.goal_image(place).labels
        simulation.reset(seed + 100)
        difference = (simulation.goal_image(place).labels - first) / (task.label_scales() or 0.1)
        weights = np.array(task.label_weights() or np.ones(len(first)))
        away.append(np.sqrt(weights @ difference**2 / weights.sum()))
    assert np.median(away) < 0.02


def test_every_task_has_a_recipe() -> None:
    assert RECIPES.keys() == TASKS.keys()


def test_the_planner_s_limits_in_the_demo_are_the_task_s_workspace(simulation: Simulation) -> None:
    task = simulation.task
    text = (PACKAGE / "config" / f"{task.name}.yaml").read_text()
    parameters = yaml.safe_load(text)["/**"]["ros__parameters"]
    limits = parameters["limits"]
    assert tuple(limits["workspace_min"]) == pytest.approx(task.workspace_min)
    assert tuple(limits["workspace_max"]) == pytest.approx(task.workspace_max)
    assert parameters.get("planning", {}).get("horizon", 5) == task.horizon
    assert bool(parameters.get("gripper", {}).get("type")) == bool(task.actions.gripper)


class MoveCube(Reach):
    """A task that scores the cube."""

    name = "move_cube"
    scored, scored_site = "cube", "cube_center"

    def scene(self) -> mujoco.MjSpec:
        spec = table.table_scene()
        spec.body(table.CUBE).add_site(name=self.scored_site)
        return spec

    def draw_goal(self, world: World, rng: np.random.Generator) -> np.ndarray:
        return np.array([*rng.uniform([0.4, -0.2], [0.6, 0.2]), table.CUBE_HALF])

    def show_goal(self, world: World, position: ArrayLike) -> None:
        world.place_object(table.CUBE, position, (0.0, 0.0, 0.0, 1.0))


def test_a_task_can_score_an_object_of_its_scene() -> None:
    with contextlib.closing(Simulation(48, 64, seed=1, task=MoveCube())) as simulation:
        before, hand = simulation.scored_position, simulation.ee_position
        goal = simulation.sample_goal(1)
        np.testing.assert_allclose(goal.position[2], table.CUBE_HALF, atol=1e-9)
        assert np.linalg.norm(goal.position - before) > 0.02
        assert (np.abs(goal.image.astype(int) - simulation.render()).max(-1) > 20).any()
        np.testing.assert_array_equal(simulation.scored_position, before)
        np.testing.assert_array_equal(simulation.ee_position, hand)
