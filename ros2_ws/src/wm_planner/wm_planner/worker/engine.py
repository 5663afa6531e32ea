"""The model and its planners; knows neither ROS nor processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from wm_planner.config import PRESETS, Config
from wm_planner.images.resize import resize
from wm_planner.models.batch import ObservationError, observation_batch
from wm_planner.models.calibration_check import check_calibration
from wm_planner.models.device import unused_gpu
from wm_planner.models.goals import encode_goal, token_grid
from wm_planner.models.loading import load
from wm_planner.models.protocol import Latent
from wm_planner.models.shared.compute import set_threads
from wm_planner.planning import Planner, PlanResult, shift
from wm_planner.planning.chunks import ChunkedCost
from wm_planner.types import Goal, Observation, Past, RgbImage
from wm_planner.worker.explained import explained
from wm_planner.worker.fastest import choose
from wm_planner.worker.from_settings import objective_for, planner_for
from wm_planner.worker.gradients import GRADIENTS
from wm_planner.worker.messages import Planned, PlanOnce, PlanRequest, SetGoal
from wm_planner.worker.scoring import Scoring, since_newest


class Engine:
    """Answers requests for plans with one model.

    Args:
        config: All settings; used are ``model``, ``planning``, ``objective``, ``worker.threads``.

    Raises:
        SpecError, WeightsError, ValueError: The model or the planner's settings are wrong.

    Attributes:
        plan_time: About how long the rollouts of a plan take, as measured by ``warm_up`` [s]; 0:
            unknown.
    """

    def __init__(self, config: Config) -> None:
        set_threads(config.worker.threads)
        self._model = load(
            config.model.directory,
            config.model.device,
            allow_unverified_statistics=config.model.allow_unverified_statistics,
            **config.model.options(),
        )
        self._auto_device = config.model.device == "auto"
        self._most_past = self._model.spec.num_hist - 1 if config.model.history == "real" else 0
        self.spec = self._model.spec
        self.token_grid = token_grid(self._model)
        self._goal: Goal | None = None
        self._encoded_goal: Latent | None = None
        problem = self.spec.statistics.problem()
        self.warnings = [f"unverified statistics: {problem}"] if problem else []
        self.plan_time = 0.0
        # Raises what is wrong with the settings, before ways to compute are tried.
        planner_for(self._model, config.planning, precision=config.model.precision)
        self._choice = choose(self._model, config)
        self.configure(config)
        self._planner(config.planning.preset)

    def configure(self, config: Config) -> None:
        """Use other settings of ``planning`` and ``objective``, and forget the previous plan."""
        self._planning = config.planning
        objective = objective_for(self.spec, config.objective)
        self._scoring = Scoring(self._model, objective, captured=self._choice.way.captured)
        self._planners: dict[str, Planner] = {}
        self._previous: tuple[float, Tensor] | None = None

    def describe(self) -> str:
        """Return a line on the model, its training and its device."""
        spec, device = self.spec, self._model.device
        parts = [f"model {spec.name} ({spec.family}, {spec.training.progress}) on {device}"]
        if self._choice.sentence:
            parts.append(self._choice.sentence)
        if self._auto_device and self._model.device.type == "cpu" and (why := unused_gpu()):
            parts.append(f"not on the GPU, because {why}")
        if self._scoring.lacks_memory:
            parts.append("without CUDA graphs, because the GPU has too little memory left for one")
        if self.plan_time:
            parts.append(f"a plan takes about {self.plan_time:.2g} s")
        return ", ".join(parts)

    @property
    def precision(self) -> str:
        """The precision of rollouts: ``float32``, ``tf32``, ``bfloat16`` or ``float16``."""
        return self._choice.way.precision

    def warm_up(self, cancel: Callable[[], bool] | None = None) -> None:
        """Plan once on a gray image, so that the first real plan takes no longer than others.

        Also evaluate every number of candidates with which the planner calls the cost, after every
        number of observed frames: for each shape code is compiled or a graph captured, and the
        budget may leave no time for all. The largest number tells ``plan_time``.

        Args:
            cancel: See ``answer``.
        """
        gray = self.spec.gray_observation()
        self.answer(PlanOnce(0, gray, Goal(gray)), cancel)
        goal, planning = encode_goal(self._model, Goal(gray)), self._planning
        steps = (planning.horizon, self.spec.model_action_dim)
        evaluate = ChunkedCost(planning.chunk or None, planning.memory_limit or None)
        for seen in range(self._most_past + 1):
            past = Past((gray,) * seen, self.spec.denormalize_actions(np.zeros((seen, steps[1]))))
            latent = self._encode(gray, past)
            for count in sorted(self._planner(planning.preset).call_sizes):
                if cancel and cancel():
                    return
                with torch.inference_mode():
                    score = self._scoring.cost(latent, goal)
                    candidates = torch.zeros(1, count, *steps, device=self._model.device)
                    if self._choice.way.compute != "eager":
                        evaluate(score, candidates)
                    begin = time.monotonic()
                    evaluate(score, candidates).sum().item()
                    duration = time.monotonic() - begin
        if PRESETS[planning.preset].planner not in GRADIENTS:
            size = planning.size_of(planning.preset)
            whole = duration * size.iterations * size.num_samples / count
            self.plan_time = min(whole, planning.budget or whole)

    def check_calibration(self) -> None:
        """Check the calibration against the networks; see ``models/calibration_check.py``.

        Raises:
            SpecError: It cannot be true.
        """
        check_calibration(self._model)

    def set_goal(self, request: SetGoal) -> None:
        """Take a new goal, which is encoded once, and forget the previous plan."""
        self._goal, self._encoded_goal, self._previous = request.goal, None, None
        if planner := self._planners.get(self._planning.preset):
            planner.reset()

    def answer(
        self, request: PlanRequest | PlanOnce, cancel: Callable[[], bool] | None = None
    ) -> Planned:
        """Make a plan.

        Args:
            request: A plan toward the current goal, or one with a goal of its own.
            cancel: Called between iterations; True ends the plan early.

        Raises:
            ObservationError: The model cannot take an image, the proprio or a mask.
            PlanError: The planner found no finite plan, or there is no such preset.
        """
        begin = time.monotonic()
        if isinstance(request, PlanOnce):
            stamp, imagine, explain, past = math.nan, False, False, Past()
            asked, goal = request.goal, encode_goal(self._model, request.goal)
            preset = request.preset or self._planning.preset
            planner = self._planner(preset, None if request.seed < 0 else request.seed)
            warm = None
        else:
            if self._goal is None:
                raise ObservationError("a plan was requested before a goal was set")
            if self._encoded_goal is None:
                self._encoded_goal = encode_goal(self._model, self._goal)
            stamp = request.observation.stamp
            imagine, explain = request.imagine, request.explain
            asked, goal = self._goal, self._encoded_goal
            past = request.past
            planner = self._planner(self._planning.preset)
            warm = self._warm_start(stamp)
        latent = self._encode(request.observation, past)
        # Read after the plan, so that nothing waits for the device before it.
        squared = [self._model.distance(latent, goal)]
        if asked.weights is not None:
            squared.append(self._model.distance(latent, replace(goal, weights=None, masked=None)))
        result = self._plan(planner, latent, goal, warm, begin, cancel)
        distance, *whole = map(self._in_typical_distances, squared)
        (learned,) = result.learned
        actions = result.actions.cpu()
        if isinstance(request, PlanRequest):
            # A plan that learned nothing would only mislead the next one, which begins cold.
            self._previous = (stamp, actions) if learned else None
        imagined, decode_error = None, ""
        if imagine:
            try:
                imagined = self._imagined(latent, result.actions)
            except Exception as error:  # the model's decoder failed; the plan is good without it
                decode_error = f"the plan's frames cannot be decoded: {error!r}"
        return Planned(
            goal_id=request.goal_id,
            stamp=stamp,
            actions=self.spec.denormalize_actions(actions[0].numpy()),
            distance=distance,
            cost_history=[float(c) for c in result.cost_history[:, 0]],
            stop_reason=str(result.stop_reason),
            learned=learned,
            plan_time=time.monotonic() - begin,
            latent_score=self._latent_score(latent),
            imagined=imagined,
            decode_error=decode_error,
            frames=1 + len(past.observations),
            whole_distance=whole[0] if whole else None,
            candidates=explained(result, self.spec) if explain else None,
        )

    def _in_typical_distances(self, squared: Tensor) -> float:
        """Convert a squared distance (1, 1) to typical distances."""
        calibration = self.spec.calibration
        typical = calibration.typical_distance if calibration else 1.0
        return math.sqrt(float(squared.item())) / typical

    def _imagined(self, latent: Latent, actions: Tensor) -> RgbImage | None:
        """Return the decoded frames of a plan in a row, then the goal image, or None."""
        assert self._goal
        with torch.inference_mode():
            rollout = since_newest(self._model.rollout(latent, actions[:, None]), actions.shape[1])
            frames = self._model.decode(rollout)
        if frames is None:
            return None
        goal = resize(torch.from_numpy(self._goal.observation.images[0])[None], frames.shape[-2])[0]
        images = [*frames[0, 0].cpu(), goal.round().clamp(0, 255).byte().permute(1, 2, 0)]
        return np.ascontiguousarray(torch.cat(images, dim=1).numpy())

    def _latent_score(self, latent: Latent) -> float | None:
        """Return how unusual the image's latent is; 1 is the most unusual one of training."""
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
        budget = self._planning.budget
        deadline = begin + budget if budget else None
        with torch.inference_mode():
            cost = self._scoring.cost(latent, goal)
            return planner.plan(cost, warm_start=warm, deadline=deadline, cancel=cancel)

    def _planner(self, preset: str, seed: int | None = None) -> Planner:
        """Return the planner of a preset; one with another seed is built anew."""
        if seed is None and preset in self._planners:
            return self._planners[preset]
        planner = planner_for(
            self._model, self._planning, preset=preset, seed=seed, precision=self.precision
        )
        if seed is None:
            self._planners[preset] = planner
        return planner

    def _warm_start(self, stamp: float) -> Tensor | None:
        """Return the previous plan, shifted by the model steps since its image."""
        if self._previous is None:
            return None
        then, actions = self._previous
        if math.isnan(stamp - then):
            return None
        steps = round((stamp - then) / (self.spec.frameskip * self.spec.step_time))
        return shift(actions, steps=steps) if 0 <= steps < actions.shape[1] else None

    def _encode(self, observation: Observation, past: Past | None = None) -> Latent:
        batch = observation_batch(observation, self.spec, self._model.device, past)
        with torch.inference_mode():
            return self._model.encode(batch)
