"""What a family of problems offers to the planners and to the report."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Budget = tuple[int, int]
"""Candidates per iteration, and iterations."""

BOX = 2.0
"""Actions are normalized (deviation 1) and executed within -BOX to BOX."""


@dataclass(frozen=True)
class Problems(ABC):
    """B independent problems of one family and one size.

    Every tensor of a subclass has B rows, so that a problem can be taken out.

    Attributes:
        horizon: H, steps of a plan.
        actions: A, numbers of an action.
    """

    horizon: int
    actions: int

    @abstractmethod
    def __len__(self) -> int:
        """Return B."""

    @abstractmethod
    def true_cost(self, actions: Tensor) -> Tensor:
        """Return the costs (B, N) of candidates (B, N, H, A) by which plans are judged."""

    def cost(self, actions: Tensor) -> Tensor:
        """Return the costs (B, N) of candidates (B, N, H, A) that the planner sees."""
        return self.true_cost(actions)

    def solved(self, costs: Tensor) -> Tensor | None:
        """Return whether true costs (B,) solve the problems; None: nothing is ever solved."""
        return None

    def one(self, index: int) -> Problems:
        """Return one of the problems, as a batch of one."""
        rows = {
            field.name: getattr(self, field.name)[index : index + 1]
            for field in dataclasses.fields(self)
            if isinstance(getattr(self, field.name), Tensor)
        }
        return dataclasses.replace(self, **rows)

    def judge(self, plans: Tensor) -> Tensor:
        """Return the true costs (B,) of one plan (B, H, A) each, executed within the box."""
        return self.true_cost(plans.clamp(-BOX, BOX).unsqueeze(1))[:, 0]

    def telling(self, actions: Tensor) -> Tensor:
        """Return (B, N) whether a candidate's cost tells more than that of doing nothing."""
        idle = self.cost(torch.zeros_like(actions[:, :1]))
        return self.cost(actions) != idle


class Moving(Problems):
    """Problems with a present state, for receding horizons."""

    @abstractmethod
    def after(self, action: Tensor) -> Moving:
        """Return the problems after one action (B, A), executed within the box."""

    @abstractmethod
    def error(self) -> Tensor:
        """Return what the cost measures, (B,), of the present state."""


Make = Callable[[int, int], Problems]
"""From a seed and a number of problems to the problems; those of fewer are the first ones."""


@dataclass(frozen=True)
class Family:
    """Problems of one kind.

    Attributes:
        name: In tables and on the command line.
        about: What is difficult, in a sentence.
        tuned: The sizes that the planner was tuned on (with seeds below 100), by name.
        unseen: Sizes that it was not tuned on.
        budgets: Sizes of the search to compare.
        smooth: The cost has gradients that point downhill, so ``cem_gd`` makes sense.
        graded: Costs have degrees, so that their ratios say something.
        floor: Costs below it count as it in ratios: nobody needs less.
        count: Problems of each group (tuned sizes, other sizes) and seed.
        loops: What receding horizons run on, by name; empty: none.
    """

    name: str
    about: str
    tuned: Mapping[str, Make]
    unseen: Mapping[str, Make]
    budgets: tuple[Budget, ...]
    smooth: bool = False
    graded: bool = True
    floor: float = 1e-9
    count: int = 48
    loops: Mapping[str, Make] = dataclasses.field(default_factory=dict)

    def groups(self) -> dict[str, Mapping[str, Make]]:
        return {"tuned sizes": self.tuned, "other sizes": self.unseen}


def first_draws(problems: Problems, count: int, seed: int = 0) -> Tensor:
    """Return candidates (B, count, H, A) as a search begins with: deviation 1, in the box."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(problems), count, problems.horizon, problems.actions)
    return torch.randn(shape, generator=generator).clamp(-BOX, BOX)


def generators(seed: int, count: int) -> list[torch.Generator]:
    """Return a generator per problem, so that a problem does not depend on their number."""
    return [torch.Generator().manual_seed(1000 * seed + b) for b in range(count)]
