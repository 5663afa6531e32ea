"""Trials of ways to compute rollouts: how fast each is, and whether it ranks as float32 does."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from wm_planner.config import Config
from wm_planner.models.batch import observation_batch
from wm_planner.models.goals import encode_goal, token_grid
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.models.spec import ModelSpec
from wm_planner.planning.action_box import Bounds
from wm_planner.planning.chunks import ChunkedCost, CostFn
from wm_planner.types import Goal, Observation
from wm_planner.worker.from_settings import objective_for
from wm_planner.worker.scoring import Scoring

ELITES_IN_COMMON = 0.95
"""Least share of elites in common with float32."""
COST_OF_PLAN = 1.01
"""Highest cost of the elites' mean, relative to that of float32's elites."""
CANDIDATES = 300
FEWEST = 30
SLOWEST = 1.0  # [s] that float32 may need for the candidates; on slow devices they are fewer
SPREADS = (1.0, 0.3)
"""Standard deviations of the candidates: as at the start of a plan, and near its end."""
REPEATS = 3
MASKED = 0.1
"""Approximate share of the image tokens that count for a goal with a mask."""


@dataclass(frozen=True)
class Way:
    """A way to compute rollouts.

    Attributes:
        precision: ``float32``, ``tf32``, ``bfloat16`` or ``float16``.
        compute: ``eager``, ``graphs`` or ``compiled``; see ``model.compute``.
    """

    precision: str = "float32"
    compute: str = "eager"

    @property
    def captured(self) -> bool:
        """Whether a GPU replays rollouts as CUDA graphs."""
        return self.compute != "eager"

    def __str__(self) -> str:
        return f"{self.precision}, {self.compute}"


@dataclass(frozen=True)
class Trial:
    """What was measured of a way.

    Attributes:
        seconds: Time to compute the costs of the candidates [s].
        elites: Share of elites in common with float32; the smallest over all goals.
        cost: Cost of its elites' mean, computed in float32, relative to that of float32's elites;
            the highest over all goals.
    """

    seconds: float
    elites: float
    cost: float

    @property
    def plans_alike(self) -> bool:
        """Whether the way may replace float32."""
        return self.elites >= ELITES_IN_COMMON and self.cost <= COST_OF_PLAN

    def __str__(self) -> str:
        return (
            f"{1e3 * self.seconds:.3g} ms, {self.elites:.0%} of float32's elites, whose mean costs "
            f"{self.cost:.4g} of theirs"
        )


def use(model: WorldModel, way: Way) -> None:
    """Have a model compute later rollouts in a way, if it knows several."""
    if hasattr(model, "use"):
        model.use(way.precision, way.compute)


class Course:
    """Candidates on which ways are compared, and float32's answers to them.

    The goal is an image; if goals may have masks, ways are compared also for a small part of it,
    for which a precision may rank candidates differently.

    Attributes:
        count: Candidates of each spread.
        goals: Words on the goals, if there are several.
    """

    def __init__(self, model: WorldModel, config: Config) -> None:
        self._model, self._config = model, config
        seen, wanted = (_noise(model.spec, seed) for seed in (1, 2))
        self._seen = observation_batch(seen, model.spec, model.device)
        self._latent = model.encode(self._seen)
        self._goals = [encode_goal(model, goal) for goal in _goals(model, wanted)]
        self.goals = " for two goals, one with a mask" if len(self._goals) > 1 else ""
        horizon, width = config.planning.horizon, model.spec.model_action_dim
        lower, upper = model.spec.action_bounds()
        bounds = Bounds(
            (torch.tensor(lower), torch.tensor(upper)),
            action_dim=width,
            horizon=horizon,
            device=model.device,
        )
        generator = torch.Generator().manual_seed(0)
        draws = torch.randn(1, CANDIDATES, horizon * width, generator=generator).to(model.device)
        shape = (1, CANDIDATES, horizon, width)
        every = [bounds.clamp_(spread * draws).view(shape) for spread in SPREADS]
        use(model, Way())
        _, cost_to = self._scored(captured=False)
        self._exact = [cost_to(goal) for goal in self._goals]
        few = self._timed(self._exact[0], every[0][:, :FEWEST])
        self.count = max(FEWEST, min(CANDIDATES, int(FEWEST * SLOWEST / max(few, 1e-9))))
        self._candidates = [some[:, : self.count] for some in every]
        self._elites = [self._elites_of(exact) for exact in self._exact]
        self._best = [self._costs_of_means(g, elites) for g, elites in enumerate(self._elites)]

    def trial(self, way: Way) -> Trial:
        """Measure a way; raises what the model or the device raises.

        Raises:
            OutOfMemoryError: There was too little memory for a graph.
        """
        use(self._model, way)
        self._model.encode(self._seen)  # its graph takes its memory before the rollout's
        scoring, cost_to = self._scored(captured=way.captured)
        cost = cost_to(self._goals[0])
        cost(self._candidates[0])  # captures, compiles
        if scoring.lacks_memory:
            raise torch.OutOfMemoryError("too little memory is free for a graph")
        seconds = self._timed(cost, self._candidates[0])
        found = [self._elites_of(cost_to(goal)) for goal in self._goals]
        use(self._model, Way())
        costs = [self._costs_of_means(g, elites) for g, elites in enumerate(found)]
        return Trial(
            seconds,
            min(map(_in_common, found, self._elites)),
            max(a / (b or 1.0) for a, b in zip(chain(*costs), chain(*self._best), strict=True)),
        )

    def _scored(self, captured: bool) -> tuple[Scoring, Callable[[Latent], CostFn]]:
        """Return the scoring for the model's current way, and a function from a goal to its cost.

        The cost is computed in chunks that fit the memory. A captured cost is valid only until
        that of the next goal is requested.
        """
        planning = self._config.planning
        scoring = Scoring(
            self._model,
            objective_for(self._model.spec, self._config.objective),
            captured=captured,
        )
        evaluate = ChunkedCost(planning.chunk or None, planning.memory_limit or None)
        return scoring, lambda goal: partial(evaluate, scoring.cost(self._latent, goal))

    @staticmethod
    def _timed(cost: CostFn, actions: Tensor) -> float:
        times = []
        for _ in range(REPEATS):
            begin = time.perf_counter()
            cost(actions).sum().item()
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    def _elites_of(self, cost: CostFn) -> list[list[int]]:
        """Return the elites of the candidates of each spread."""
        return [_elites(cost(some)) for some in self._candidates]

    def _costs_of_means(self, goal: int, elites: list[list[int]]) -> list[float]:
        """Return the costs in float32 of the elites' means; the model is set to it."""
        means = [
            some[:, best].mean(dim=1, keepdim=True)
            for some, best in zip(self._candidates, elites, strict=True)
        ]
        return [float(self._exact[goal](mean).item()) for mean in means]


def _noise(spec: ModelSpec, seed: int) -> Observation:
    """Return an image of smooth noise, with proprio as in training."""
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.random((1, 3, 8, 8), np.float32))
    smooth = torch.nn.functional.interpolate(coarse, size=2 * [spec.image.size], mode="bilinear")
    image = (255 * smooth[0]).byte().permute(1, 2, 0).numpy()
    proprio = None
    if spec.proprio.names and (moments := spec.statistics.proprio):
        proprio = np.asarray(moments.mean) + random.normal(size=len(moments.mean)) * moments.std
    return Observation((image,) * len(spec.views), proprio)


def _goals(model: WorldModel, wanted: Observation) -> list[Goal]:
    """Return the whole image as a goal, and its center if goals of the model can have masks."""
    goals = [Goal(wanted)]
    if grid := token_grid(model):
        weights = np.zeros((len(model.spec.views), *grid), np.float32)
        sides = [max(1, round(math.sqrt(MASKED) * side)) for side in grid]
        rows, columns = (
            slice((side - size) // 2, (side + size) // 2)
            for side, size in zip(grid, sides, strict=True)
        )
        weights[:, rows, columns] = 1.0
        goals.append(Goal(wanted, weights=weights))
    return goals


def _in_common(some: list[list[int]], others: list[list[int]]) -> float:
    """Return the share of elites that two ways have in common."""
    both = sum(len(set(a) & set(b)) for a, b in zip(some, others, strict=True))
    return both / sum(map(len, others))


def _elites(costs: Tensor) -> list[int]:
    """Return the numbers of the best tenth.

    Raises:
        ValueError: A cost is not finite.
    """
    if not costs.isfinite().all():
        raise ValueError("a cost is not finite")
    best: list[int] = costs[0].argsort()[: costs.shape[1] // 10].tolist()
    return best
