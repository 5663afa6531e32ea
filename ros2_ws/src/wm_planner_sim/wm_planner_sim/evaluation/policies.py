"""Who acts in an evaluation: a model's planner, an oracle, the task's expert, chance, nobody."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from wm_planner.models.batch import observation_batch
from wm_planner.models.protocol import Latent, ObservationBatch, WorldModel
from wm_planner.planning import Objective, Planner, make_planner, shift
from wm_planner.types import Observation, Past, RgbImage, Vector
from wm_planner.worker.scoring import Scoring
from wm_planner_sim.evaluation.shifts import Shift
from wm_planner_sim.simulator.actions import Actions
from wm_planner_sim.simulator.goals import Goal
from wm_planner_sim.simulator.simulation import Simulation


class EvaluationError(ValueError):
    """A policy cannot act as it was asked to."""


class Seen(NamedTuple):
    """What a model makes of the latest image of a pair of start and goal."""

    distance: float
    """Root of the distance to the next sub-goal, or to the goal; NaN if the image was lost."""
    passed: int = 0
    """Sub-goals that were passed so far: an image was within the tolerance."""
    reached: bool = False
    """Whether the goal is within the tolerance, all sub-goals were passed, and goals end."""


class Policy(ABC):
    """Acts for B pairs of start and goal at once."""

    @abstractmethod
    def act(self, images: Sequence[RgbImage]) -> Vector:
        """Return the next actions (B, A) after what the B cameras see."""

    def look(self, images: Sequence[RgbImage]) -> list[Seen] | None:
        """Return what the model makes of the B images; None without a model."""
        return None

    def promised(self) -> list[float] | None:
        """Return the root of the distance from the last predicted frame of each latest plan.

        To its goal, (B,) [latent unit]; None without plans.
        """
        return None


class ModelPolicy(Policy):
    """Model-predictive control: encode, plan from the shifted last plan, take the first action.

    The pairs are planned for in one batch. They share the planner's draws, so that a pair gets the
    same plans as alone, but for rounding; only with the preset ``dino_wm`` each pair has its own.

    Args:
        model: The world model; its spec turns the planner's numbers into meters.
        goals: The goals of B pairs, with as many sub-goals each.
        preset: Planner preset, see ``wm_planner.planning.make_planner``.
        horizon: Model steps planned ahead.
        seed: Seed of the planner's draws.
        ends: Whether a goal within the tolerance counts as reached; sub-goals always do.
        arms: The B simulations; with them the model looks back, as with ``model.history: real``.
        overrides: Options of the planner.

    Attributes:
        passed: How many sub-goals of each pair were passed.

    Raises:
        ValueError: The model has no calibration, but goals end or have sub-goals.
    """

    def __init__(
        self,
        model: WorldModel,
        goals: Sequence[Goal],
        preset: str = "online",
        horizon: int = 5,
        seed: int = 0,
        *,
        ends: bool = True,
        arms: Sequence[Simulation] = (),
        **overrides: object,
    ) -> None:
        spec = model.spec
        lower, upper = (torch.from_numpy(side).float() for side in spec.action_bounds())
        self._model = model
        self._tolerance, self._ends = 0.0, ends  # [latent unit]
        if ends or any(goal.sub_goals for goal in goals):
            calibration = spec.measured_calibration()
            self._tolerance = calibration.tolerance * calibration.typical_distance
        self._stages = self._encode_stages(goals)
        self.passed = [0] * len(goals)
        self._goals = self._stages[0]
        chosen = spec.objective
        objective = Objective(mode=chosen.mode, base=chosen.base, alpha=chosen.alpha)
        self._scoring = Scoring(model, objective)
        self._arms = arms
        self._seen = deque[Sequence[RgbImage]](maxlen=spec.num_hist)
        self._executed = deque[Vector](maxlen=spec.num_hist - 1)
        self._planner: Planner = make_planner(
            preset,
            action_dim=spec.model_action_dim,
            horizon=horizon,
            bounds=(lower, upper),
            seed=seed,
            device=model.device,
            **overrides,
        )
        self._latent: Latent | None = None
        self._previous: torch.Tensor | None = None

    @torch.inference_mode()
    def act(self, images: Sequence[RgbImage]) -> Vector:
        """Plan, and return the first actions of the plans."""
        self._latent = self._encode(images, self._pasts(images))
        warm = None if self._previous is None else shift(self._previous)
        cost = self._scoring.cost(self._latent, self._goals)
        plan = self._planner.plan(cost, batch=len(images), warm_start=warm)
        actions = self._first(plan.actions)
        if self._arms:
            pairs = zip(self._arms, actions, strict=True)
            self._executed.append(np.array([arm.task.allowed(a, arm.target) for arm, a in pairs]))
        return actions

    def go_on(self) -> Vector:
        """Return the next actions of the last plans, as if no image had come."""
        assert self._previous is not None
        return self._first(shift(self._previous))

    def _first(self, plans: torch.Tensor) -> Vector:
        self._previous = plans
        return self._model.spec.denormalize_actions(plans[:, 0].cpu().numpy())

    @torch.inference_mode()
    def look(self, images: Sequence[RgbImage]) -> list[Seen]:
        """See ``Policy``; an image within the tolerance of the next sub-goal passes it."""
        latent, last = self._encode(images), len(self._stages) - 1
        roots = self._roots(latent)
        near = [root < self._tolerance for root in roots]
        passes = [close and at < last for close, at in zip(near, self.passed, strict=True)]
        if any(passes):
            self.passed = [at + one for at, one in zip(self.passed, passes, strict=True)]
            rows = [self._stages[at].visual[b] for b, at in enumerate(self.passed)]
            self._goals = replace(self._goals, visual=torch.stack(rows))
            roots = self._roots(latent)
        reached = [c and not p and self._ends for c, p in zip(near, passes, strict=True)]
        return [Seen(*found) for found in zip(roots, self.passed, reached, strict=True)]

    def _encode_stages(self, goals: Sequence[Goal]) -> list[Latent]:
        """Return the latents of all first sub-goals, of all second ones, ..., of all goals."""
        stages = zip(*((*goal.sub_goals, goal.image) for goal in goals), strict=True)
        return [self._encode(stage) for stage in stages]

    @torch.inference_mode()
    def promised(self) -> list[float]:
        """See ``Policy``."""
        assert self._latent is not None
        assert self._previous is not None
        return self._roots(self._model.rollout(self._latent, self._previous[:, None]))

    def _roots(self, latent: Latent) -> list[float]:
        """Return the root of the distance of the last frame of each pair to its goal (B,)."""
        each = self._model.distance(latent, self._goals, Objective(mode="last")).sqrt()
        roots: list[float] = each[:, 0].tolist()
        return roots

    def _pasts(self, images: Sequence[RgbImage]) -> list[Past | None]:
        """Return what each pair's model sees of the past, and keep what it sees now."""
        if not self._arms:
            return [None] * len(images)
        self._seen.append(images)
        executed = np.array(self._executed).reshape(
            -1, len(images), len(self._model.spec.action.names)
        )
        before = [
            tuple(Observation((image,)) for image in pair) for pair in zip(*self._seen, strict=True)
        ]
        return [Past(frames[:-1], executed[:, b]) for b, frames in enumerate(before)]

    def _encode(
        self, images: Sequence[RgbImage], pasts: Sequence[Past | None] | None = None
    ) -> Latent:
        spec, device = self._model.spec, self._model.device
        batches = [
            observation_batch(Observation((image,)), spec, device, past)
            for image, past in zip(images, pasts or [None] * len(images), strict=True)
        ]
        actions = [batch.actions for batch in batches if batch.actions is not None]
        return self._model.encode(
            ObservationBatch(
                torch.cat([batch.images for batch in batches]),
                actions=torch.cat(actions) if actions else None,
            )
        )


class ShiftedPolicy(Policy):
    """A model's policy whose images come late, wrong, or not at all, as a ``Shift`` has it.

    Args:
        policy: Its model has the shift's statistics, and its goal images the shift's colors.
        shift: The shift.
    """

    def __init__(self, policy: ModelPolicy, shift: Shift) -> None:
        self._policy, self._shift = policy, shift
        self._seen = deque[Sequence[RgbImage]](maxlen=shift.delay + 1)
        self._steps = 0

    def act(self, images: Sequence[RgbImage]) -> Vector:
        """Act on what the planner gets to see."""
        lost = self._loses
        self._steps += 1
        self._seen.append(images)
        if lost:
            return self._policy.go_on()
        return self._policy.act(self._colors(self._seen[0]))

    def look(self, images: Sequence[RgbImage]) -> list[Seen]:
        """Return what the model makes of the images that the planner receives."""
        if self._loses:
            return [Seen(math.nan, passed) for passed in self._policy.passed]
        late = [*self._seen, images][-1 - self._shift.delay :][0]
        return self._policy.look(self._colors(late))

    def promised(self) -> list[float]:
        """See ``Policy``."""
        return self._policy.promised()

    @property
    def _loses(self) -> bool:
        """Whether the next images are lost."""
        return bool(self._shift.lost) and (self._steps + 1) % self._shift.lost == 0

    def _colors(self, images: Sequence[RgbImage]) -> Sequence[RgbImage]:
        return [exchange(image) for image in images] if self._shift.exchanged else images


def exchanged(goal: Goal) -> Goal:
    """Return a goal whose images have red and blue exchanged."""
    between = tuple(exchange(image) for image in goal.sub_goals)
    return goal._replace(image=exchange(goal.image), sub_goals=between)


def exchange(image: RgbImage) -> RgbImage:
    """Return an image with red and blue exchanged."""
    return np.ascontiguousarray(image[..., ::-1])


class OraclePolicy(ModelPolicy):
    """The model's planner with the true state in place of the encoded images.

    What it fails at is not the encoder's fault.

    Args:
        model: A model of the family ``latent`` for the simulations' task.
        simulations: Their task's ``labels`` are the true states.
        goals: Their goals.
        options: As those of ``ModelPolicy``.

    Raises:
        ValueError: The model's latent is no state.
    """

    def __init__(
        self,
        model: WorldModel,
        simulations: Sequence[Simulation],
        goals: Sequence[Goal],
        **options: Any,
    ) -> None:
        self._simulations = simulations
        super().__init__(model, goals, **options)

    def _encode_stages(self, goals: Sequence[Goal]) -> list[Latent]:
        stages = zip(*((*goal.sub_labels, goal.labels) for goal in goals), strict=True)
        return [self._labeled(stage) for stage in stages]

    def _encode(
        self, images: Sequence[RgbImage], pasts: Sequence[Past | None] | None = None
    ) -> Latent:
        return self._labeled([world.task.labels(world) for world in self._simulations])

    def _labeled(self, labels: Sequence[Vector]) -> Latent:
        state = self._model.spec.statistics.state
        if state is None:
            raise EvaluationError(
                f"the latent of {self._model.spec.name} is no state (no statistics.state in "
                "model.yaml): no oracle can plan with it"
            )
        numbers = (np.array(labels) - state.mean) / state.std
        return Latent(torch.from_numpy(numbers).float().to(self._model.device)[:, None, None])


class ExpertPolicy(Policy):
    """The task's expert, which sees the true state.

    Args:
        simulations: Already in their start states.
        goals: True positions of their goals (3,) [m].
    """

    def __init__(self, simulations: Sequence[Simulation], goals: Sequence[ArrayLike]) -> None:
        self._experts = [
            (simulation, simulation.task.expert(simulation, goal))
            for simulation, goal in zip(simulations, goals, strict=True)
        ]

    def act(self, images: Sequence[RgbImage]) -> Vector:
        """Return the experts' actions."""
        return np.array(
            [
                simulation.task.allowed(expert(simulation.target), simulation.target)
                for simulation, expert in self._experts
            ]
        )


class RandomPolicy(Policy):
    """Actions drawn uniformly within their bounds.

    Args:
        seeds: Seeds of the draws, one for each pair.
        actions: What the numbers of an action do.
        scale: Share of the bounds that is used; 0: the hand rests.
    """

    def __init__(self, seeds: Sequence[int], actions: Actions, scale: float = 1.0) -> None:
        self._draws = [np.random.default_rng([seed, 3]) for seed in seeds]
        self._bounds = [scale * bound for bound in actions.bounds]

    def act(self, images: Sequence[RgbImage]) -> Vector:
        """Return random actions, whatever the images show."""
        return np.array([rng.uniform(*self._bounds) for rng in self._draws])
