"""The committed models reach their goals; without weights or statistics they do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.loading import load
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.spec import Moments, load_spec
from wm_planner_sim.client.processes import embedded_model
from wm_planner_sim.evaluation.episodes import Episode, run_episodes, start_episode
from wm_planner_sim.evaluation.in_process import Setup, run_batch
from wm_planner_sim.evaluation.policies import ModelPolicy, Policy, RandomPolicy
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.simulation import Simulation

pytestmark = pytest.mark.sim
DIRECTORY = Path(__file__).parents[2] / "models" / "franka_reach"
GOALS = 10
STEPS = 15
"""Fewer than the task's 40, to save time; enough to cross the workspace twice."""
AT_RANDOM = 2
"""Most goals of ten that random actions may reach."""


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    sim = Simulation(192, 256)
    yield sim
    sim.close()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def model() -> LatentWorldModel:
    spec = load_spec(DIRECTORY)
    return LatentWorldModel(spec, DIRECTORY / spec.weights.file)


def pursue(simulation: Simulation, model: LatentWorldModel | None) -> list[Episode]:
    """Pursue ten goals that training never saw, with the model or at random."""
    episodes = []
    for seed in seeds.EVALUATION[:GOALS]:
        goal = start_episode(simulation, seed)
        policy: Policy = RandomPolicy([seed], simulation.task.actions)
        if model:
            policy = ModelPolicy(model, [goal], seed=seed, ends=False)
        episodes += run_episodes([simulation], policy, [goal.position], STEPS)
    return episodes


def reached(episodes: list[Episode]) -> int:
    return sum(episode.success for episode in episodes)


def test_embedded_model_ends_within_two_centimeters_of_nine_goals_in_ten(
    simulation: Simulation,
) -> None:
    episodes = pursue(simulation, model())
    assert reached(episodes) >= 9
    assert np.mean([episode.distances[-1] for episode in episodes]) < 0.012


def test_the_lewm_ends_within_two_centimeters_of_its_goals(simulation: Simulation) -> None:
    learned = load(DIRECTORY.parent / "lewm_reach", "cpu")
    for seed in seeds.EVALUATION[:3]:
        goal = start_episode(simulation, seed)
        policy = ModelPolicy(learned, [goal], seed=seed, ends=False, num_samples=64)
        (episode,) = run_episodes([simulation], policy, [goal.position], STEPS)
        assert episode.distances[0] > 2 * episode.success_radius
        assert episode.success, episode.distances


@pytest.mark.parametrize("task", ["push", "pick_place"])
def test_the_cube_is_brought_to_most_of_its_goals(task: str) -> None:
    """From images, and on the true state: 6 goals, of which chance reaches none."""
    chosen = seeds.EVALUATION[:6]
    for policy in ("planner", "oracle"):
        episodes = run_batch(Setup(task, policy, embedded_model(task)), chosen)
        assert all(episode.distances[0] > 0.05 for episode in episodes)
        assert reached(episodes) >= 4, policy
    assert reached(run_batch(Setup(task, "random"), chosen)) == 0


def test_random_actions_reach_at_most_two(simulation: Simulation) -> None:
    assert reached(pursue(simulation, None)) <= AT_RANDOM


def test_untrained_weights_are_no_better_than_random(simulation: Simulation) -> None:
    torch.manual_seed(0)
    assert reached(pursue(simulation, LatentWorldModel(model().spec, None))) <= AT_RANDOM


def test_action_mean_off_by_one_standard_deviation_is_no_better_than_random(
    simulation: Simulation,
) -> None:
    shifted = model()
    right = shifted.spec.statistics.action
    wrong = Moments([m + s for m, s in zip(right.mean, right.std, strict=True)], right.std)
    shifted.spec = replace(shifted.spec, statistics=replace(shifted.spec.statistics, action=wrong))
    assert reached(pursue(simulation, shifted)) <= AT_RANDOM


def test_an_image_below_the_tolerance_shows_a_hand_within_two_centimeters(
    simulation: Simulation,
) -> None:
    trained = model()
    calibration = trained.spec.calibration
    for seed in seeds.EVALUATION[GOALS : GOALS + 4]:
        goal = start_episode(simulation, seed)
        policy = ModelPolicy(trained, [goal], seed=seed, ends=False)
        (episode,) = run_episodes([simulation], policy, [goal.position], STEPS)
        limit = calibration.tolerance * calibration.typical_distance
        seen = np.array(episode.model_distances) < limit
        assert seen.any()
        assert np.array(episode.distances)[seen].max() < episode.success_radius


def test_a_policy_that_looks_back_tells_what_was_executed(simulation: Simulation) -> None:
    """The embedded model predicts each image of the past from the one before and the action."""
    looking = model()
    looking.spec = replace(looking.spec, num_hist=3)
    seen: list[ObservationBatch] = []
    encode = looking.encode

    def record(batch: ObservationBatch) -> Latent:
        seen.append(batch)
        return encode(batch)

    looking.encode = record  # type: ignore[method-assign]
    goal = start_episode(simulation, seeds.EVALUATION[0])
    policy = ModelPolicy(looking, [goal], arms=[simulation])
    (episode,) = run_episodes([simulation], policy, [goal.position], 4)
    batches = seen[2::2]  # the first is the goal's; every other measures the distance to it
    assert [batch.images.shape[1] for batch in batches] == [1, 2, 3, 3]
    last = batches[-1]
    assert last.actions is not None
    wanted = looking.spec.normalize_actions(np.array(episode.actions[1:3]))
    np.testing.assert_allclose(last.actions[0].numpy(), wanted, atol=0.05)
    first, then = (encode(ObservationBatch(last.images[:, t : t + 1])) for t in (0, 1))
    predicted = looking.rollout(first, last.actions[:, None, :1]).visual[:, 0, -1:]
    assert (predicted - then.visual).norm() < 0.2 * (first.visual - then.visual).norm()
