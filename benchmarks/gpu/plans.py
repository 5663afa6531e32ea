"""One plan of a DINO-WM of the paper's size, by our computation and by upstream's.

"Agreement" compares with our own float32 on the same candidates: the share of elites in common, and
the cost of the plan found, computed in float32, over that of the plan that float32 finds.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch
from dino_wm_models import HORIZON
from dino_wm_plans import Problem, elites, plan_upstream
from gpu.report import Table, arguments
from torch import Tensor

from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.planning import Planner, make_planner
from wm_planner.planning.captured import Captured
from wm_planner.planning.chunks import CostFn

BUDGETS = ((64, 5), (128, 5), (300, 5), (300, 30))
LONG = 5000
"""Candidates of a plan above which float32 and TF32 are left out; the cost of a plan is then
relative to bfloat16's."""
WAYS: dict[str, dict[str, Any]] = {
    "float32": {"precision": "float32"},
    "tf32": {"precision": "tf32"},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "bfloat16, compiled": {"precision": "bfloat16", "compute": "compiled"},
    "float16, compiled": {"precision": "float16", "compute": "compiled"},
}


def planner_of(model: DinoWorldModel, samples: int, iterations: int) -> Planner:
    return make_planner(
        "dino_wm",
        action_dim=model.spec.model_action_dim,
        horizon=HORIZON,
        device=model.device,
        num_samples=samples,
        iterations=iterations,
        num_elites=elites(samples),
    )


class Costs:
    """The cost of a model between two images, as a CUDA graph or not."""

    def __init__(self, model: DinoWorldModel, problem: Problem, captured: bool = True) -> None:
        self.model, self.problem = model, problem
        self.latent, self.goal = model.encode(problem.now), model.encode(problem.goal)
        self._cost: CostFn = Captured(self.eager) if captured else self.eager

    def eager(self, actions: Tensor) -> Tensor:
        return self.model.distance(self.model.rollout(self.latent, actions), self.goal)

    def __call__(self, actions: Tensor) -> Tensor:
        return self._cost(actions)

    def observe(self) -> None:
        """Encode both images anew, as a plan for a new image does."""
        for mine, seen in ((self.latent, self.problem.now), (self.goal, self.problem.goal)):
            fresh = self.model.encode(seen)
            mine.visual.copy_(fresh.visual)
            mine.proprio.copy_(fresh.proprio)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def median_seconds(call: Any, device: torch.device, repeats: int) -> float:
    """Time calls, the device's work included [s]."""
    times = []
    for _ in range(repeats):
        wait(device)
        begin = time.perf_counter()
        call()
        wait(device)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


@dataclass
class Found:
    """A plan (1, H, A), its times, and all its candidates (1, N, H, A)."""

    actions: Tensor
    seconds: float
    first: float
    candidates: list[Tensor]


def plan(cost: Costs, samples: int, iterations: int, repeats: int = 3) -> Found:
    """Plan several times and return the median time, and that of the first plan [s]."""
    planner = planner_of(cost.model, samples, iterations)
    candidates: list[Tensor] = []

    def recording(actions: Tensor) -> Tensor:
        candidates.append(actions.clone())
        return cost(actions)

    def once(cost_of: CostFn) -> Tensor:
        planner.reset()
        cost.observe()
        return planner.plan(cost_of).actions

    device = cost.model.device
    first = median_seconds(lambda: once(cost), device, 1)
    begin = time.perf_counter()
    actions = once(recording)
    wait(device)
    seconds = time.perf_counter() - begin
    if repeats:
        seconds = median_seconds(lambda: once(cost), device, repeats)
    return Found(actions, seconds, first, [c for c in candidates if c.shape[1] == samples])


def elites_of(cost: Costs, candidates: list[Tensor], count: int) -> list[set[int]]:
    """Return the numbers of the best candidates of each iteration."""
    return [set(cost(some)[0].argsort()[:count].tolist()) for some in candidates]


def agreement(some: list[set[int]], others: list[set[int]]) -> float:
    """Return the share of elites in common."""
    return statistics.fmean(len(a & b) / len(a) for a, b in zip(some, others, strict=True))


def main() -> None:
    given = arguments()
    device, models = given.device, given.models()
    budgets = ((6, 2),) if given.toy else BUDGETS
    problem = Problem.random(models.spec, device)
    table = Table(
        "plans",
        ["budget", "computation", "time [s]", "times upstream", "first plan [s]", "TFLOP/s",
         "peak [GiB]", "elites in common", "cost of plan"],
        given.out,
    )  # fmt: skip
    with torch.inference_mode():
        exact_model = models.make()
        for samples, iterations in budgets:
            budget, count = f"{samples}x{iterations}", elites(samples)
            run = plan_upstream(exact_model, problem, samples, iterations)
            upstream = run.wall
            table.add(budget=budget, computation="upstream's, float32", time=upstream,
                      peak=(run.peak or 0) / 2**30)  # fmt: skip
            del run
            flop = models.cost(samples, iterations, upstream=False).flop
            exact = Costs(exact_model, problem)
            best: float | None = None
            reference: list[Tensor] = []
            wanted: list[set[int]] = []
            long = samples * iterations > LONG
            for name, options in WAYS.items():
                if long and options["precision"] in ("float32", "tf32"):
                    continue
                torch.compiler.reset()
                if device.type == "cuda":
                    torch.cuda.reset_peak_memory_stats()
                    before = torch.cuda.memory_allocated()
                cost = Costs(models.make(**options), problem)
                found = plan(cost, samples, iterations, 2 if long else 5)
                peak = torch.cuda.max_memory_allocated() - before if device.type == "cuda" else 0
                value = float(exact(found.actions[:, None])[0, 0])
                if best is None:
                    best = value
                    reference = found.candidates[:: max(1, iterations // 5)]
                    wanted = elites_of(exact, reference, count)  # in float32, always
                table.add(
                    budget=budget,
                    computation=name,
                    time=found.seconds,
                    times_upstream=upstream / found.seconds,
                    first_plan=found.first,
                    tflop_s=flop / found.seconds / 1e12,
                    peak=peak / 2**30,
                    elites_in_common=agreement(elites_of(cost, reference, count), wanted),
                    cost_of_plan=value / best,
                )
