"""The cost of one plan with a model and a planner's settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from wm_planner.diagnosis.cost import Cost, cost_of, matmul_rate, seconds
from wm_planner.models.batch import observation_batch
from wm_planner.models.goals import encode_goal
from wm_planner.models.protocol import WorldModel
from wm_planner.models.shared.compute import PRECISIONS
from wm_planner.planning import Objective
from wm_planner.types import Goal
from wm_planner.worker.scoring import Scoring
from wm_planner.worker.trials import Way, use

PROBE = 4
"""Candidates that are counted on a CPU; the cost of more is extrapolated."""
LONG = 0.5
"""Time of a rollout [s] from which that of more candidates is extrapolated."""


@dataclass(frozen=True)
class PlanCost:
    """FLOP, memory and estimated time of one plan from one frame.

    Attributes:
        encode_flop: Floating-point operations to encode the image and the goal.
        rollout_flop: Floating-point operations of all rollouts.
        peak_bytes: Most bytes of tensors held at once during a rollout, without the weights.
        matmul_rate: The device's measured rate in a large matrix product [FLOP/s].
        least_seconds: Time of all operations at that rate.
        estimated_seconds: Estimate from one rollout and its distance to the goal, timed as plans
            compute them.
        timed_candidates: Candidates of that rollout.
    """

    encode_flop: int
    rollout_flop: int
    peak_bytes: int
    matmul_rate: float
    least_seconds: float
    estimated_seconds: float
    timed_candidates: int


def plan_cost(
    model: WorldModel,
    objective: Objective,
    way: Way,
    *,
    samples: int,
    iterations: int,
    horizon: int,
) -> PlanCost:
    """Count and time what a plan with these settings executes.

    The rollouts of a model with ``static_rollout`` are counted without computing them. Other models
    may compute differently depending on their numbers, so one whole iteration is computed.

    Args:
        model: The model on its device.
        objective: How the frames of a rollout count.
        way: How plans compute rollouts; the model computes so afterward.
        samples: Candidates per iteration.
        iterations: Iterations.
        horizon: Model steps.
    """
    spec, device = model.spec, model.device
    gray = spec.gray_observation()
    observation = observation_batch(gray, spec, device)
    pretend = getattr(model, "static_rollout", False)
    use(model, replace(way, compute="eager"))  # operations of a graph cannot be counted
    with torch.inference_mode():
        latent = model.encode(observation)

    def candidates(count: int) -> Tensor:
        return torch.zeros(1, count, horizon, spec.model_action_dim, device=device)

    def rollout(count: int) -> None:
        model.rollout(latent, candidates(count))

    def duration_of(count: int) -> float:
        actions = candidates(count)
        score(actions)  # captures, compiles
        return _best(lambda: score(actions), device)

    encode = cost_of(lambda: model.encode(observation), pretend=False)
    counted = timed = min(samples, PROBE) if pretend and device.type == "cpu" else samples
    once = cost_of(lambda: rollout(counted), pretend=pretend)
    if counted < samples:
        once = _extended(once, cost_of(lambda: rollout(2 * counted)), counted, samples)
    use(model, way)
    with torch.inference_mode():
        scoring = Scoring(model, objective, captured=way.captured)
        score = scoring.cost(latent, encode_goal(model, Goal(gray)))
        duration = duration_of(timed)
        while timed < samples and duration < LONG:  # most of it may be overhead
            timed = min(samples, 4 * timed)
            duration = duration_of(timed)
    rate = matmul_rate(device, PRECISIONS[way.precision])
    flop = 2 * encode.flop + iterations * once.flop
    return PlanCost(
        encode_flop=2 * encode.flop,
        rollout_flop=iterations * once.flop,
        peak_bytes=once.peak,
        matmul_rate=rate,
        least_seconds=flop / rate,
        estimated_seconds=iterations * duration * samples / timed,
        timed_candidates=timed,
    )


def _best(call: Callable[[], object], device: torch.device) -> float:
    """Return the least time of three calls [s]; other programs may have slowed the others."""
    return min(seconds(call, device) for _ in range(3))


def _extended(one: Cost, two: Cost, each: int, samples: int) -> Cost:
    """The cost of all samples, from that of one and of two pieces of ``each``."""
    more = samples - each
    return Cost(
        one.flop + more * (two.flop - one.flop) // each,
        one.peak + more * (two.peak - one.peak) // each,
        one.operations + more * (two.operations - one.operations) // each,
    )
