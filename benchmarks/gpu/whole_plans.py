"""Whole plans as the worker makes them, and their times; several parts measure them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import torch
from dino_wm_models import HORIZON
from dino_wm_plans import Problem, elites
from gpu.report import Table, problem
from torch import Tensor

from wm_planner.diagnosis.cost import cost_of
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.planning import Objective, Planner, make_planner
from wm_planner.planning.chunks import CostFn
from wm_planner.worker.scoring import Scoring
from wm_planner.worker.trials import Way

Model = DinoWorldModel | LewmWorldModel
WAYS = (
    Way("float32", "graphs"),
    Way("float16", "compiled"),
    Way("bfloat16", "compiled"),
    Way("float16", "graphs"),
    Way("bfloat16", "graphs"),
    Way("bfloat16", "eager"),
    Way("tf32", "graphs"),
)
MOST, LONGEST = 9, 2.0
"""Repetitions of a plan, and the time that they may take together [s], but at least one."""


class Costs:
    """The cost of a model between an image and a goal, as the worker computes it.

    The model's option ``compute`` decides whether the cost, and the encoder, are CUDA graphs.
    """

    def __init__(self, model: Model, given: Problem) -> None:
        self.model, self._problem = model, given
        self._scoring = Scoring(model, Objective(), captured=model._compute.captured)
        self.goal = model.encode(given.goal)
        self.observe()

    def observe(self) -> None:
        """Encode the image anew, as every plan does; the goal is encoded once."""
        self.latent = self.model.encode(self._problem.now)
        self._cost = self._scoring.cost(self.latent, self.goal)

    def __call__(self, actions: Tensor) -> Tensor:
        return self._cost(actions)


def planner_of(model: Model, samples: int, iterations: int, preset: str = "dino_wm") -> Planner:
    """Return a planner that never stops early: upstream's, or with ``online`` the node's own."""
    own = {"patience": 0} if preset == "online" else {"num_elites": elites(samples)}
    return make_planner(
        preset,
        action_dim=model.spec.model_action_dim,
        horizon=HORIZON,
        device=model.device,
        num_samples=samples,
        iterations=iterations,
        **own,
    )


def plan_anew(planner: Planner, cost: Costs, cost_fn: CostFn | None = None) -> Tensor:
    """Plan (1, H, A) for a new image, without a previous plan."""
    cost.observe()
    return planner.plan(cost_fn or cost).actions


def searched(planner: Planner, cost: Costs) -> tuple[Tensor, list[Tensor]]:
    """Return a plan (1, H, A), and the candidates (1, N, H, A) of each call of the cost.

    The draws are the first ones of the planner, so that other costs get the same. The last mean,
    which is evaluated alone, is left out.
    """
    seen: list[Tensor] = []

    def recording(actions: Tensor) -> Tensor:
        seen.append(actions.clone())
        return cost(actions)

    planner.reset()
    actions = plan_anew(planner, cost, recording)
    return actions, [some for some in seen if some.shape[1] > 1]


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def once_seconds(call: Callable[[], object], device: torch.device) -> float:
    """Time a call, the device's work included [s]."""
    wait(device)
    begin = time.perf_counter()
    call()
    wait(device)
    return time.perf_counter() - begin


def median_seconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    return statistics.median(once_seconds(call, device) for _ in range(repeats))


def elites_of(cost: CostFn, candidates: list[Tensor], count: int) -> list[set[int]]:
    """Return the numbers of the best candidates of each iteration."""
    return [set(cost(some)[0].argsort()[:count].tolist()) for some in candidates]


def agreement(some: list[set[int]], others: list[set[int]]) -> float:
    """Return the share of elites in common."""
    return statistics.fmean(len(a & b) / len(a) for a, b in zip(some, others, strict=True))


@dataclass(frozen=True)
class Found:
    """A plan, and its times.

    Attributes:
        actions: The plan (1, H, A).
        candidates: Those of each call of the cost (1, N, H, A).
        first: Time of the first plan, which compiles and captures [s].
        seconds: Time of a later plan [s].
        bare: Time of its forwards alone [s]: the image is encoded, and the costs of the same
            candidates are computed; the host waits only at the end.
        mean: Time of the cost of the last mean, which a plan computes after its candidates [s].
    """

    actions: Tensor
    candidates: list[Tensor]
    first: float
    seconds: float
    bare: float
    mean: float


def timed(planner: Planner, cost: Costs) -> Found:
    """Plan several times, in turns with the bare forwards; times are medians."""
    device = cost.model.device

    def whole() -> None:
        plan_anew(planner, cost)

    def bare() -> None:
        cost.observe()
        for some in candidates:
            cost(some)

    first = once_seconds(whole, device)
    actions, candidates = searched(planner, cost)
    repeats = max(1, min(MOST, int(LONGEST / (2 * once_seconds(bare, device)))))
    pairs = [(once_seconds(whole, device), once_seconds(bare, device)) for _ in range(repeats)]
    seconds, forwards = (statistics.median(times) for times in zip(*pairs, strict=True))
    mean = median_seconds(lambda: cost(actions[:, None]), device, repeats)
    return Found(actions, candidates, first, seconds, forwards, mean)


COLUMNS = [
    "budget", "computation", "plan [ms]", "over bare", "mean [ms]", "online [ms]",
    "online over bare", "times upstream", "first plan [s]", "TFLOP/s", "elites in common",
    "cost of plan", "error",
]  # fmt: skip


Budget = tuple[int, int]
"""Samples and iterations of a plan."""


def compare(
    table: Table,
    model: Model,
    exact: Costs,
    given: Problem,
    upstream: dict[Budget, float],
    ways: tuple[Way, ...] = WAYS,
) -> None:
    """Add a row for each way to compute plans, upstream's first, and each budget.

    Args:
        table: A table with ``COLUMNS``.
        model: The model, which is set to each way.
        exact: The cost in float32, by another model with the same weights.
        given: The images.
        upstream: The budgets, and the time of one plan of upstream's [s].
        ways: The ways; elites and costs are compared on the candidates of the first.
    """
    for budget, theirs in upstream.items():
        name = "{}x{}".format(*budget)
        table.add(budget=name, computation="upstream's, float32", plan=1e3 * theirs)
    references: dict[Budget, Reference] = {}
    for way in ways:
        torch.compiler.reset()
        model.use(**asdict(way))
        for budget, theirs in upstream.items():
            named = {"budget": "{}x{}".format(*budget), "computation": str(way)}
            try:
                cost = Costs(model, given)
                found = timed(planner_of(model, *budget), cost)
                if budget not in references:
                    references[budget] = Reference.of(exact, found, elites(budget[0]))
                row = named | references[budget].compared(exact, cost, found)
                row |= {
                    "plan": 1e3 * found.seconds,
                    "over_bare": found.seconds / found.bare,
                    "mean": 1e3 * found.mean,
                    "times_upstream": theirs / found.seconds,
                    "first_plan": found.first,
                    "tflop_s": budget[1] * references[budget].flop / found.seconds / 1e12,
                }
                if found.seconds < LONGEST / 4:  # else this takes too long
                    online = timed(planner_of(model, *budget, "online"), cost)
                    row["online"] = 1e3 * online.seconds
                    row["online_over_bare"] = online.seconds / online.bare
                table.add(**row)
            except Exception as error:  # a card may be unable to
                table.add(**named, error=problem(error))


@dataclass(frozen=True)
class Reference:
    """What float32 makes of the candidates of one plan.

    Attributes:
        candidates: Those of each iteration (1, N, H, A).
        wanted: The numbers of the best.
        cost: Cost of the plan found.
        flop: Operations of the costs of one iteration.
    """

    candidates: list[Tensor]
    wanted: list[set[int]]
    cost: float
    flop: int

    @classmethod
    def of(cls, exact: Costs, found: Found, count: int) -> Reference:
        wanted = elites_of(exact, found.candidates, count)
        flop = cost_of(partial(exact, found.candidates[0])).flop
        return cls(found.candidates, wanted, cost_of_plan(exact, found), flop)

    def compared(self, exact: Costs, cost: Costs, found: Found) -> dict[str, object]:
        """Compare the elites that another cost finds, and the cost of its plan."""
        best = elites_of(cost, self.candidates, len(self.wanted[0]))
        return {
            "elites_in_common": agreement(best, self.wanted),
            "cost_of_plan": cost_of_plan(exact, found) / self.cost,
        }


def cost_of_plan(exact: Costs, found: Found) -> float:
    return float(exact(found.actions[:, None])[0, 0])
