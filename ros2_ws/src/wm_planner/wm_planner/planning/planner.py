"""The interface of all planners: a search for actions of low cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from wm_planner.planning.action_box import Side
from wm_planner.planning.chunks import CostFn
from wm_planner.planning.errors import SettingsError
from wm_planner.planning.plan_result import PlanResult
from wm_planner.planning.prior import Prior


@dataclass(frozen=True)
class Problem:
    """What a planner is built for.

    Attributes:
        action_dim: A, dimensions of one action of the model.
        horizon: H, model steps planned ahead.
        bounds: None or (lower, upper), each a number or (A,), in the actions' own units.
        deviation: None or first deviations for a planner's ``sigma`` of 1, a number or (A,), in
            the actions' own units.
        seed: Seed of the planner's own generator.
        device: Where plans are made.
    """

    action_dim: int
    horizon: int
    bounds: tuple[Side, Side] | None = None
    seed: int = 0
    device: str | torch.device = "cpu"
    deviation: Side | None = None

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            SettingsError: One is no whole number above 0.
        """
        for name in ("action_dim", "horizon"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise SettingsError(f"{name} is {value}; give a whole number above 0")


class Planner(ABC):
    """A search for actions of low cost, given a function from candidates to costs.

    ``reset`` clears all state that outlives a plan, e.g. the generator.

    Attributes:
        problem: What it was built for.
    """

    problem: Problem

    @property
    @abstractmethod
    def call_sizes(self) -> set[int]:
        """Numbers of candidates with which ``plan`` calls the cost, if all fit into the memory."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all earlier plans; the next plan is that of a new planner."""

    @abstractmethod
    def plan(
        self,
        cost: CostFn,
        *,
        batch: int = 1,
        warm_start: Tensor | None = None,
        prior: Prior | None = None,
        deadline: float | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> PlanResult:
        """Plan for ``batch`` problems at once.

        Args:
            cost: From actions (B, N, H, A), float32 on the planner's device, to real numbers (B,
                N) of any dtype. NaN and infinity mean that a candidate is impossible. It may change
                the actions that it is given, if it does so in the first iteration too.
            batch: B.
            warm_start: (B, h, A) first guess: the previous plan, already shifted (``shift``). If it
                has fewer than H steps, the rest is filled up. It is not changed. Pass it and
                the prior as CPU tensors, so that checking them does not wait for the GPU.
            prior: Mean and standard deviation of a Gaussian for every number of the plan, each a
                number or numbers that broadcast to (B, H, A); the deviation may be infinite. The
                first candidates come from its product with the planner's own first distribution,
                whose mean is the warm start, or zero. It is not changed.
            deadline: Time of ``time.monotonic()`` by which to return the best plan so far [s]. One
                iteration is always done, another one only if the longest so far still fits, and the
                mean is evaluated only if that still fits.
            cancel: Called between iterations; True ends the search with the best plan so far.

        Raises:
            NoFiniteCostError: All candidates of a problem cost NaN or infinity.
            PlanCanceledError: Canceled before the first iteration.
            NonFinitePlanError: The best plan contains NaN or infinity.
            CostShapeError: ``cost`` returned another shape, or complex numbers.
            CostWritesError: ``cost`` changed the actions, but not in the first iteration.
            CostMemoryError: The memory is too small for one candidate per problem.
            WarmStartError: The warm start does not fit.
            PriorError: The prior does not fit.
        """
