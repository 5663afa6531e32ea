"""Trials of ways to compute rollouts: how fast each is, and whether it ranks as float32 does."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wm_planner.config import Config
from wm_planner.models.batch import observation_batch
from wm_planner.models.protocol import Latent, WorldModel
from wm_planner.planning.action_box import Bounds
from wm_planner.planning.chunks import ChunkedCost, CostFn
from wm_planner.types import Observation
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
        elites: Share of elites in common with float32.
        cost: Cost of its elites' mean, computed in float32, relative to that of float32's elites.
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

    Attributes:
        count: Candidates of each spread.
    """

    def __init__(self, model: WorldModel, config: Config) -> None:
        self._model, self._config = model, config
        self._latent, self._goal = (self._encoded(seed) for seed in (1, 2))
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
        self._exact = self._cost(self._scoring(captured=False))
        few = self._timed(self._exact, every[0][:, :FEWEST])
        self.count = max(FEWEST, min(CANDIDATES, int(FEWEST * SLOWEST / max(few, 1e-9))))
        self._candidates = [some[:, : self.count] for some in every]
        self._elites = [_elites(self._exact(some)) for some in self._candidates]
        self._best = [self._cost_of_mean(i, elites) for i, elites in enumerate(self._elites)]

    def trial(self, way: Way) -> Trial:
        """Measure a way; raises what the model or the device raises.

        Raises:
            OutOfMemoryError: There was too little memory for a graph.
        """
        use(self._model, way)
        scoring = self._scoring(captured=way.captured)
        cost = self._cost(scoring)
        cost(self._candidates[0])  # captures, compiles
        if scoring.lacks_memory:
            raise torch.OutOfMemoryError("too little memory is free for a graph")
        seconds = self._timed(cost, self._candidates[0])
        elites = [_elites(cost(some)) for some in self._candidates]
        use(self._model, Way())
        pairs = list(zip(elites, self._elites, strict=True))
        return Trial(
            seconds,
            sum(len(set(a) & set(b)) for a, b in pairs) / sum(len(b) for _, b in pairs),
            max(self._cost_of_mean(i, a) / (self._best[i] or 1.0) for i, a in enumerate(elites)),
        )

    def _scoring(self, captured: bool) -> Scoring:
        objective = objective_for(self._model.spec, self._config.objective)
        return Scoring(self._model, objective, captured=captured)

    def _cost(self, scoring: Scoring) -> CostFn:
        """Return the cost in the way that the model is set to, in chunks that fit the memory."""
        planning = self._config.planning
        evaluate = ChunkedCost(planning.chunk or None, planning.memory_limit or None)
        cost = scoring.cost(self._latent, self._goal)
        return lambda actions: evaluate(cost, actions)

    @staticmethod
    def _timed(cost: CostFn, actions: Tensor) -> float:
        times = []
        for _ in range(REPEATS):
            begin = time.perf_counter()
            cost(actions).sum().item()
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    def _cost_of_mean(self, index: int, elites: list[int]) -> float:
        """Return the cost in float32 of the mean of some candidates; the model is set to it."""
        mean = self._candidates[index][:, elites].mean(dim=1, keepdim=True)
        return float(self._exact(mean).item())

    def _encoded(self, seed: int) -> Latent:
        """Encode an image of smooth noise, with proprio as in training."""
        spec = self._model.spec
        random = np.random.default_rng(seed)
        coarse = torch.from_numpy(random.random((1, 3, 8, 8), np.float32))
        smooth = torch.nn.functional.interpolate(
            coarse, size=2 * [spec.image.size], mode="bilinear"
        )
        image = (255 * smooth[0]).byte().permute(1, 2, 0).numpy()
        proprio = None
        if spec.proprio.names and (moments := spec.statistics.proprio):
            proprio = np.asarray(moments.mean) + random.normal(size=len(moments.mean)) * moments.std
        seen = Observation((image,) * len(spec.views), proprio)
        return self._model.encode(observation_batch(seen, spec, self._model.device))


def _elites(costs: Tensor) -> list[int]:
    """Return the numbers of the best tenth.

    Raises:
        ValueError: A cost is not finite.
    """
    if not costs.isfinite().all():
        raise ValueError("a cost is not finite")
    best: list[int] = costs[0].argsort()[: costs.shape[1] // 10].tolist()
    return best
