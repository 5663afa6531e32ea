"""The closed-loop protocol: one goal image, model steps of 0.2 s, true distances to the goal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike

from wm_planner.models.batch import observation_batch
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.planning import Objective, Planner, make_planner, shift
from wm_planner.types import Observation, Past, RgbImage, Vector
from wm_planner.worker.scoring import Scoring
from wm_planner_sim.simulator.motion import MAX_STEP, move
from wm_planner_sim.simulator.simulation import Goal, Simulation

Policy = Callable[[RgbImage], Vector]
"""From the camera's image to a displacement (3,) in ``panda_link0`` [m]."""


@dataclass(frozen=True)
class Episode:
    """One run toward one goal.

    Attributes:
        success_radius: The task's largest final distance that is a success [m].
        distances: True distance of the task's ``scored_site`` to the goal before each step and
            after the last (steps + 1,) [m].
        model_distances: Root of the model's distance at the same moments, in the latent's unit;
            empty if it was not measured.
        actions: Displacements that the policy asked for (steps, 3) [m].
    """

    success_radius: float
    distances: list[float] = field(default_factory=list)
    model_distances: list[float] = field(default_factory=list)
    actions: list[list[float]] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Whether the episode ended within ``success_radius``."""
        return self.distances[-1] < self.success_radius


def run_episode(
    simulation: Simulation,
    policy: Policy,
    goal: ArrayLike,
    steps: int | None = None,
    measure: Callable[[RgbImage], float] | None = None,
) -> Episode:
    """Let ``policy`` act for some model steps; the arm stands still while the policy computes.

    Args:
        simulation: Already in its start state.
        policy: Sees the image and nothing else.
        goal: True position of the goal (3,) [m], for scoring only.
        steps: Model steps of 0.2 s; by default the task's ``max_steps``.
        measure: Gives the ``model_distances`` of the images, such as ``ModelPolicy.distance``.
    """
    position = np.asarray(goal, dtype=np.float64)
    episode = Episode(simulation.task.success_radius)
    steps = simulation.task.max_steps if steps is None else steps
    for step in range(steps + 1):
        image = simulation.render()
        episode.distances.append(float(np.linalg.norm(simulation.scored_position - position)))
        if measure is not None:
            episode.model_distances.append(measure(image))
        if step < steps:
            action = policy(image)
            episode.actions.append([float(number) for number in action])
            move(simulation, action)
    return episode


def start_episode(simulation: Simulation, seed: int) -> Goal:
    """Put the scene into the start state of ``seed`` and return the goal of that seed."""
    simulation.reset(seed)
    return simulation.sample_goal(seed)


class ModelPolicy:
    """Model-predictive control: encode, plan from the shifted last plan, take the first action.

    Args:
        model: The world model; its spec turns the planner's numbers into meters.
        goal: The goal image, uint8 (H, W, 3).
        preset: Planner preset, see ``wm_planner.planning.make_planner``.
        horizon: Model steps planned ahead.
        seed: Seed of the planner's draws.
        commanded: Returns the commanded position (3,) [m]; with it the model looks back, as with
            ``model.history: real``.
        overrides: Options of the planner.
    """

    def __init__(
        self,
        model: WorldModel,
        goal: RgbImage,
        preset: str = "online",
        horizon: int = 5,
        seed: int = 0,
        commanded: Callable[[], Vector] | None = None,
        **overrides: object,
    ) -> None:
        spec = model.spec
        lower, upper = (torch.from_numpy(side).float() for side in spec.action_bounds())
        self._model = model
        self._goal = self._encode(goal)
        chosen = spec.objective
        objective = Objective(mode=chosen.mode, base=chosen.base, alpha=chosen.alpha)
        self._scoring = Scoring(model, objective)
        self._commanded, self._places = commanded, deque[Vector](maxlen=spec.num_hist)
        self._seen = deque[Observation](maxlen=spec.num_hist)
        self._planner: Planner = make_planner(
            preset,
            action_dim=spec.model_action_dim,
            horizon=horizon,
            bounds=(lower, upper),
            seed=seed,
            device=model.device,
            **overrides,
        )
        self._previous: torch.Tensor | None = None

    @torch.inference_mode()
    def __call__(self, image: RgbImage) -> Vector:
        """Return the next displacement (3,) [m]."""
        past = None
        if self._commanded:
            self._seen.append(Observation((image,)))
            self._places.append(self._commanded().copy())
            past = Past(tuple(self._seen)[:-1], np.diff(np.array(self._places), axis=0))
        cost = self._scoring.cost(self._encode(image, past), self._goal)
        warm = None if self._previous is None else shift(self._previous)
        self._previous = self._planner.plan(cost, warm_start=warm).actions
        return self._model.spec.denormalize_actions(self._previous[0, 0].cpu().numpy())

    def distance(self, image: RgbImage) -> float:
        """Return the root of the model's distance from an image to the goal [latent unit]."""
        latent = self._encode(image)
        return float(self._model.distance(latent, self._goal).sqrt().item())

    def _encode(self, image: RgbImage, past: Past | None = None) -> Latent:
        spec, device = self._model.spec, self._model.device
        return self._model.encode(observation_batch(Observation((image,)), spec, device, past))


class RandomPolicy:
    """Displacements drawn uniformly within the bounds of the action.

    Args:
        seed: Seed of the draws.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 3])

    def __call__(self, image: RgbImage) -> Vector:
        """Return a displacement (3,) [m], whatever the image shows."""
        return self._rng.uniform(-MAX_STEP, MAX_STEP, 3)


def success_rate(episodes: list[Episode]) -> float:
    """Return the share of episodes that succeeded."""
    return float(np.mean([episode.success for episode in episodes]))
