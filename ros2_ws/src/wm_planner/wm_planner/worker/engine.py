"""The model and the planner, put together; no ROS, no process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from wm_planner.config import Config
from wm_planner.images.resize import resize
from wm_planner.models.batch import ObservationError, observation_batch
from wm_planner.models.loading import load
from wm_planner.models.protocol import Latent
from wm_planner.planning import Objective, Planner, PlanResult, make_planner, shift
from wm_planner.types import Observation, RgbImage
from wm_planner.worker.messages import Planned, PlanOnce, PlanRequest, SetGoal
from wm_planner.worker.scoring import Scoring


class Engine:
    """Answers plan requests with one model.

    Args:
        config: All settings; ``model``, ``planning``, ``objective`` and ``worker.threads`` count.

    Raises:
        SpecError, WeightsError, ValueError: The model or the planner's settings are wrong.
    """

    def __init__(self, config: Config) -> None:
        if config.worker.threads:
            torch.set_num_threads(config.worker.threads)
        self._config = config
        self._model = load(
            config.model.directory,
            config.model.device,
            allow_unverified_statistics=config.model.allow_unverified_statistics,
            **config.model.options(),
        )
        self.spec = self._model.spec
        chosen = self.spec.objective if config.objective.mode == "model" else config.objective
        objective = Objective(mode=chosen.mode, base=chosen.base, alpha=chosen.alpha)
        self._scoring = Scoring(self._model, objective, captured=config.model.cuda_graphs)
        self._planners: dict[str, Planner] = {}
        self._planner(config.planning.preset)
        self._goal_observation: Observation | None = None
        self._goal: Latent | None = None
        self._previous: tuple[float, Tensor] | None = None
        problem = self.spec.statistics.problem()
        self.warnings = [f"unverified statistics: {problem}"] if problem else []

    def describe(self) -> str:
        """Model, training, device and planner in one line."""
        spec, training = self.spec, self.spec.training
        return (
            f"model {spec.name} ({spec.family}, epoch {training.epoch} of {training.epochs}) on "
            f"{self._model.device}, planner {self._config.planning.preset}, horizon "
            f"{self._config.planning.horizon}"
        )

    def warm_up(self) -> None:
        """Plan once on a gray image, so that the first real plan takes no longer than others."""
        gray = self.spec.gray_observation()
        self.answer(PlanOnce(0, gray, gray))

    def set_goal(self, request: SetGoal) -> None:
        """Take a new goal, which is encoded once, and forget the previous plan."""
        self._goal_observation, self._goal, self._previous = request.goal, None, None
        self._planner(self._config.planning.preset).reset()

    def answer(
        self, request: PlanRequest | PlanOnce, cancel: Callable[[], bool] | None = None
    ) -> Planned:
        """Plan.

        Args:
            request: A step toward the goal set before, or a plan of its own.
            cancel: Asked between iterations; True ends the plan early.

        Raises:
            ObservationError: The model cannot take the image or the state.
            PlanError: The planner found no finite plan, or has no preset of that name.
        """
        begin = time.monotonic()
        if isinstance(request, PlanOnce):
            stamp, imagine = math.nan, False
            goal = self._encode(request.goal)
            preset = request.preset or self._config.planning.preset
            planner = self._planner(preset, None if request.seed < 0 else request.seed)
            warm = None
        else:
            if self._goal is None:
                if self._goal_observation is None:
                    raise ObservationError("a plan was asked for before a goal was set")
                self._goal = self._encode(self._goal_observation)
            stamp, imagine, goal = request.observation.stamp, request.imagine, self._goal
            planner = self._planner(self._config.planning.preset)
            warm = self._warm_start(stamp)
        latent = self._encode(request.observation)
        distance = float(self._model.distance(latent, goal).item())
        calibration = self.spec.calibration
        result = self._plan(planner, latent, goal, warm, begin, cancel)
        if isinstance(request, PlanRequest):
            self._previous = (stamp, result.actions)
        imagined, decode_error = None, ""
        if imagine:
            try:
                imagined = self._imagined(latent, result.actions)
            except Exception as error:  # of the model's decoder: the plan is good without it
                decode_error = f"the plan cannot be imagined: {error!r}"
        return Planned(
            goal_id=request.goal_id,
            stamp=stamp,
            actions=self.spec.denormalize_actions(result.actions[0].cpu().numpy()),
            distance=math.sqrt(distance) / (calibration.typical_distance if calibration else 1.0),
            cost_history=[float(c) for c in result.cost_history[:, 0]],
            stop_reason=str(result.stop_reason),
            plan_time=time.monotonic() - begin,
            latent_score=self._latent_score(latent),
            imagined=imagined,
            decode_error=decode_error,
        )

    def _imagined(self, latent: Latent, actions: Tensor) -> RgbImage | None:
        """The plan's decoded frames in a row, then the goal image; None without a decoder."""
        assert self._goal_observation
        with torch.inference_mode():
            frames = self._model.decode(self._model.rollout(latent, actions[:, None]))
        if frames is None:
            return None
        goal = resize(torch.from_numpy(self._goal_observation.images[0])[None], frames.shape[-2])[0]
        images = [*frames[0, 0].cpu(), goal.round().clamp(0, 255).byte().permute(1, 2, 0)]
        return np.ascontiguousarray(torch.cat(images, dim=1).numpy())

    def _latent_score(self, latent: Latent) -> float | None:
        """How unusual an image's latent is, 1 being the most unusual of training."""
        calibration = self.spec.calibration
        if calibration is None or calibration.latent is None:
            return None
        pooled = latent.visual[0, -1].mean(dim=0).double().cpu().numpy()
        z = (pooled - np.asarray(calibration.latent.mean)) / np.asarray(calibration.latent.std)
        return float(np.sqrt(np.mean(z**2))) / calibration.latent_limit

    def _plan(
        self,
        planner: Planner,
        latent: Latent,
        goal: Latent,
        warm: Tensor | None,
        begin: float,
        cancel: Callable[[], bool] | None,
    ) -> PlanResult:
        budget = self._config.planning.budget
        deadline = begin + budget if budget else None
        with torch.inference_mode():
            cost = self._scoring.cost(latent, goal)
            return planner.plan(cost, warm_start=warm, deadline=deadline, cancel=cancel)

    def _planner(self, preset: str, seed: int | None = None) -> Planner:
        """The planner of a preset; one with a seed of its own is made afresh."""
        if seed is None and preset in self._planners:
            return self._planners[preset]
        settings = self._config.planning
        overrides = {
            name: value
            for name in ("num_samples", "iterations", "num_elites")
            if preset == settings.preset and (value := getattr(settings, name))
        }
        lower, upper = self.spec.action_bounds()
        planner = make_planner(
            preset,
            action_dim=self.spec.model_action_dim,
            horizon=settings.horizon,
            bounds=(lower.tolist(), upper.tolist()),
            seed=settings.seed if seed is None else seed,
            device=self._model.device,
            **overrides,
        )
        if seed is None:
            self._planners[preset] = planner
        return planner

    def _warm_start(self, stamp: float) -> Tensor | None:
        """The previous plan, moved on by the model steps that have passed since its image."""
        if self._previous is None:
            return None
        then, actions = self._previous
        if math.isnan(stamp - then):
            return None
        steps = round((stamp - then) / self.spec.step_duration)
        return shift(actions, steps=steps) if 0 <= steps < actions.shape[1] else None

    def _encode(self, observation: Observation) -> Latent:
        batch = observation_batch(observation, self.spec, self._model.device)
        with torch.inference_mode():
            return self._model.encode(batch)
