"""What every planner is: a search for actions of low cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from wm_planner.planning.bounds import Side
from wm_planner.planning.chunks import CostFn
from wm_planner.planning.errors import SettingsError
from wm_planner.planning.result import PlanResult


@dataclass(frozen=True)
class Problem:
    """What a planner is built for.

    Attributes:
        action_dim: A, dimensions of one action of the model.
        horizon: H, steps planned ahead.
        bounds: None or (lower, upper), each a number or (A,), in the actions' own units.
        seed: Seed of the planner's own generator.
        device: Where plans are made.
    """

    action_dim: int
    horizon: int
    bounds: tuple[Side, Side] | None = None
    seed: int = 0
    device: str | torch.device = "cpu"

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            SettingsError: No action dimension, or no step.
        """
        for name in ("action_dim", "horizon"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise SettingsError(name, f"{value} is not a whole number above 0", "give one")


class Planner(ABC):
    """Searches actions of low cost; knows no model, only a function from candidates to costs.

    State that outlives a plan (the generator, and what a solver keeps) is cleared by ``reset``.

    Attributes:
        problem: What it was built for.
    """

    problem: Problem

    @abstractmethod
    def reset(self) -> None:
        """Forget everything of earlier plans; the next plan is that of a new planner."""

    @abstractmethod
    def plan(
        self,
        cost: CostFn,
        *,
        batch: int = 1,
        warm_start: Tensor | None = None,
        deadline: float | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> PlanResult:
        """Plan for ``batch`` problems at once.

        Args:
            cost: From actions (B, N, H, A), float32 on the planner's device, to costs (B, N). NaN
                and infinity mean that a candidate is impossible.
            batch: B.
            warm_start: (B, h, A) first guess: the previous plan, already shifted (``shift``). With
                fewer than H steps, the rest is filled up. It is left as it is.
            deadline: Time of ``time.monotonic()`` by which to return the best plan so far [s]. One
                iteration is always done; another one only when the longest so far fits.
            cancel: Asked between iterations; True ends the search with the best plan so far.

        Raises:
            NoFiniteCostError: All candidates of a problem cost NaN or infinity.
            PlanCanceledError: Canceled before the first iteration.
            CostShapeError: ``cost`` returned another shape.
            CostMemoryError: Too little memory for one candidate per problem.
            WarmStartError: The warm start does not fit.
        """
