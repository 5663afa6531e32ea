"""The closed-loop protocol: one goal image, at most 40 steps of 0.2 s, the hand's true place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from wm_planner.models.protocol import Latent, ObservationBatch, WorldModel
from wm_planner.planning import Objective, Planner, make_planner, shift
from wm_planner.types import RgbImage
from wm_planner_sim.motion import MAX_STEP, move
from wm_planner_sim.simulation import Goal, Simulation

MAX_STEPS = 40
"""Model steps per goal."""
SUCCESS_RADIUS = 0.02
"""A goal counts when the hand ends within this distance of it [m]."""

Policy = Callable[[RgbImage], NDArray[np.float64]]
"""From the camera's image to a displacement (3,) in ``panda_link0`` [m]."""


@dataclass(frozen=True)
class Episode:
    """One run toward one goal.

    Attributes:
        distances: True distance of the hand to the goal before each step and after the last,
            (steps + 1,) [m].
        model_distances: Root of the model's distance at the same moments, in the latent's unit;
            empty where nobody measured it.
        actions: Displacements asked for, (steps, 3) [m].
    """

    distances: list[float] = field(default_factory=list)
    model_distances: list[float] = field(default_factory=list)
    actions: list[list[float]] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Whether the hand ended within ``SUCCESS_RADIUS``."""
        return self.distances[-1] < SUCCESS_RADIUS


def run_episode(
    simulation: Simulation,
    policy: Policy,
    goal: ArrayLike,
    steps: int = MAX_STEPS,
    measure: Callable[[RgbImage], float] | None = None,
) -> Episode:
    """Lets ``policy`` act for ``steps`` model steps; the arm stands still while it thinks.

    Args:
        simulation: Already in its start state.
        policy: Sees the image and nothing else.
        goal: True place of the goal (3,) [m], for scoring only.
        steps: Model steps of 0.2 s.
        measure: Gives the ``model_distances`` of the images, such as ``ModelPolicy.distance``.
    """
    place = np.asarray(goal, dtype=np.float64)
    episode = Episode()
    for step in range(steps + 1):
        image = simulation.render()
        episode.distances.append(float(np.linalg.norm(simulation.ee_position - place)))
        if measure is not None:
            episode.model_distances.append(measure(image))
        if step < steps:
            action = policy(image)
            episode.actions.append([float(number) for number in action])
            move(simulation, action)
    return episode


def start_episode(simulation: Simulation, seed: int) -> Goal:
    """Puts the scene into the start state of ``seed`` and draws the goal that belongs to it."""
    simulation.reset(seed)
    return simulation.goal_image(seed=seed)


class ModelPolicy:
    """Model-predictive control: encode, plan from the shifted last plan, play the first action.

    Args:
        model: The world model; its spec turns the planner's numbers into meters.
        goal: The goal's image, uint8 (H, W, 3).
        preset: Planner preset, see ``wm_planner.planning.make_planner``.
        horizon: Model steps planned ahead.
        seed: Of the planner's draws.
        overrides: Options of the planner.
    """

    def __init__(
        self,
        model: WorldModel,
        goal: RgbImage,
        preset: str = "online",
        horizon: int = 5,
        seed: int = 0,
        **overrides: object,
    ) -> None:
        spec = model.spec
        lower, upper = (torch.from_numpy(side).float() for side in spec.action_bounds())
        self._model = model
        self._goal = self._encode(goal)
        chosen = spec.objective
        self._objective = Objective(mode=chosen.mode, base=chosen.base, alpha=chosen.alpha)
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
    def __call__(self, image: RgbImage) -> NDArray[np.float64]:
        """The next displacement (3,) [m]."""
        latent = self._encode(image)

        def cost(actions: torch.Tensor) -> torch.Tensor:
            rollout = self._model.rollout(latent, actions)
            return self._model.distance(rollout, self._goal, self._objective)

        warm = None if self._previous is None else shift(self._previous)
        self._previous = self._planner.plan(cost, warm_start=warm).actions
        return self._model.spec.denormalize_actions(self._previous[0, 0].cpu().numpy())

    def distance(self, image: RgbImage) -> float:
        """Root of the model's distance from ``image`` to the goal, in the latent's unit."""
        latent = self._encode(image)
        return float(self._model.distance(latent, self._goal).sqrt().item())

    def _encode(self, image: RgbImage) -> Latent:
        return self._model.encode(ObservationBatch(torch.from_numpy(image)[None, None]))


class RandomPolicy:
    """Displacements drawn evenly within the bounds of the action.

    Args:
        seed: Of the draws.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 3])

    def __call__(self, image: RgbImage) -> NDArray[np.float64]:
        """A displacement (3,) [m], whatever the image shows."""
        return self._rng.uniform(-MAX_STEP, MAX_STEP, 3)


def success_rate(episodes: list[Episode]) -> float:
    """Share of episodes that ended within ``SUCCESS_RADIUS``."""
    return float(np.mean([episode.success for episode in episodes]))
