"""Plans of ``dino_wm.py``, timed: upstream's and ours on one problem."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from dino_wm_models import HORIZON
from dino_wm_upstream import Upstream
from torch import Tensor

from wm_planner.diagnosis.cost import seconds
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.spec import ModelSpec
from wm_planner.planning import make_planner
from wm_planner.planning.captured import Captured


@dataclass
class Problem:
    """An image and a goal image with their proprio."""

    now: ObservationBatch
    goal: ObservationBatch

    @classmethod
    def random(cls, spec: ModelSpec, device: torch.device) -> Problem:
        def observe(seed: int) -> ObservationBatch:
            generator = torch.Generator().manual_seed(seed)
            side, names = spec.image.size, spec.proprio.names
            coarse = torch.rand(1, 3, 8, 8, generator=generator)
            smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic")
            pixels = (255 * smooth.clamp(0, 1)).to(torch.uint8).permute(0, 2, 3, 1)
            state = torch.randn(1, 1, len(names), generator=generator) if names else None
            return ObservationBatch(
                pixels[:, None].to(device), None if state is None else state.to(device)
            )

        return cls(observe(1), observe(2))

    def for_upstream(self, model: DinoWorldModel) -> list[tuple[Tensor, Tensor]]:
        """Return normalized images (1, 3, side, side) and proprio (1, P) of now and of the goal."""
        pairs = []
        for seen in (self.now, self.goal):
            pixels = seen.images[:, 0].permute(0, 3, 1, 2) / 255.0
            mean, std = (
                torch.tensor(v, device=pixels.device).view(3, 1, 1)
                for v in (model.spec.image.mean, model.spec.image.std)
            )
            state = model._normalized_proprio(seen.proprio, 1, 1)[:, 0]
            pairs.append(((pixels - mean) / std, state))
        return pairs


@dataclass
class TimedPlan:
    """One plan: its times, and candidates (S, H, A) with costs (S,) of each iteration."""

    wall: float
    cpu: float
    trace: list[tuple[Tensor, Tensor]]
    peak: int | None


def timed(call: object, device: torch.device) -> tuple[float, float, int | None]:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    cpu = time.process_time()
    wall = seconds(call, device)
    cpu = time.process_time() - cpu
    peak = torch.cuda.max_memory_allocated() - before if device.type == "cuda" else None
    return wall, cpu, peak


def plan_upstream(
    model: DinoWorldModel, problem: Problem, samples: int, iterations: int
) -> TimedPlan:
    rule, (now, goal) = Upstream(model), problem.for_upstream(model)
    sizes = {"samples": samples, "iterations": iterations, "elites": elites(samples)}
    wall, cpu, peak = timed(
        lambda: rule.plan(now, goal, **sizes, horizon=HORIZON, seed=0), model.device
    )
    return TimedPlan(wall, cpu, rule.trace, peak)


def plan_ours(model: DinoWorldModel, problem: Problem, samples: int, iterations: int) -> TimedPlan:
    planner = make_planner(
        "dino_wm",
        action_dim=model.spec.model_action_dim,
        horizon=HORIZON,
        seed=0,
        device=model.device,
        num_samples=samples,
        iterations=iterations,
        num_elites=elites(samples),
    )
    trace: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        latent, goal = model.encode(problem.now), model.encode(problem.goal)
        captured = Captured(lambda a: model.distance(model.rollout(latent, a), goal))

        def cost(actions: Tensor) -> Tensor:
            costs = captured(actions)
            if actions.shape[1] == samples:
                trace.append((actions[0].clone(), costs[0].clone()))
            return costs

        if model.device.type == "cuda":  # captures the graphs of all candidates, and of the mean
            planner.plan(cost)
            planner.reset()
            trace.clear()

        def plan() -> None:
            for part, fresh in (
                (latent, model.encode(problem.now)),
                (goal, model.encode(problem.goal)),
            ):
                part.visual.copy_(fresh.visual)
                part.proprio.copy_(fresh.proprio)
            planner.plan(cost)

        wall, cpu, peak = timed(plan, model.device)
    return TimedPlan(wall, cpu, trace, peak)


def cost_again(model: DinoWorldModel, problem: Problem, candidates: list[Tensor]) -> TimedPlan:
    """Compute the costs of given candidates, so that rankings can be compared."""
    trace: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        latent, goal = model.encode(problem.now), model.encode(problem.goal)
        cost = Captured(lambda a: model.distance(model.rollout(latent, a), goal))
        if model.device.type == "cuda":
            cost(candidates[0][None])

        def every() -> None:
            trace.extend((some, cost(some[None])[0].clone()) for some in candidates)

        wall, cpu, peak = timed(every, model.device)
    return TimedPlan(wall, cpu, trace, peak)


def elites(samples: int) -> int:
    return max(2, samples // 4 if samples < 64 else samples // 10)


def agreement(plan: TimedPlan, other: TimedPlan, count: int) -> tuple[float, float, float]:
    """Return the largest relative difference of a cost, share of equal elites, rank correlation."""
    largest, common, correlation = 0.0, [], []
    for (_, a), (_, b) in zip(plan.trace, other.trace, strict=True):
        largest = max(largest, float(((a - b).abs() / b.abs()).max()))
        best = [set(costs.argsort()[:count].tolist()) for costs in (a, b)]
        common.append(len(best[0] & best[1]) / count)
        ranks = torch.stack([costs.argsort().argsort().float() for costs in (a, b)])
        correlation.append(float(torch.corrcoef(ranks)[0, 1]))
    return largest, sum(common) / len(common), sum(correlation) / len(correlation)
