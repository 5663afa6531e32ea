"""Cost functions that the tests of the planners share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from wm_planner.planning import reading, solver

CostFn = Callable[[Tensor], Tensor]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def bowl() -> Callable[[Tensor], CostFn]:
    """Return a maker of squared distances to a target (B, H, A), with a weight per dimension."""

    def make(target: Tensor) -> CostFn:
        numbers = target[0].numel()
        weight = torch.linspace(0.2, 3.0, numbers, device=target.device).view(target.shape[1:])

        def cost(actions: Tensor) -> Tensor:
            return ((actions - target.unsqueeze(1)) ** 2 * weight).sum((-1, -2))

        return cost

    return make


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let new planners read costs with a delay, as on a GPU that is always behind."""
    monkeypatch.setattr(solver, "reads_at_once", lambda device: False)
    monkeypatch.setattr(reading.Reading, "arrived", lambda self: False)


@pytest.fixture(params=["host", "device"])
def host_or_device(request: pytest.FixtureRequest) -> None:
    """Let new planners look at costs at once, and as on a GPU."""
    if request.param == "device":
        request.getfixturevalue("as_on_a_gpu")


class Recorder:
    """A cost function that records its candidates and costs."""

    def __init__(self, cost: CostFn) -> None:
        self.cost = cost
        self.actions: list[Tensor] = []
        self.costs: list[Tensor] = []

    def __call__(self, actions: Tensor) -> Tensor:
        costs = self.cost(actions)
        self.actions.append(actions.clone())
        self.costs.append(costs.detach().clone())
        return costs

    def everything(self) -> tuple[Tensor, Tensor]:
        """All candidates (B, n, H, A) and costs (B, n) so far."""
        return torch.cat(self.actions, dim=1), torch.cat(self.costs, dim=1)

    def iterations(self) -> list[Tensor]:
        """Candidates (B, N, H, A) of each iteration, without the mean, which is evaluated last."""
        return [actions for actions in self.actions if actions.shape[1] > 1]


@pytest.fixture
def recorder() -> type[Recorder]:
    return Recorder
