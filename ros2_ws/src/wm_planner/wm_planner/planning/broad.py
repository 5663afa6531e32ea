"""A share of the candidates that looks where the search is not."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from wm_planner.planning.draws import color_factor
from wm_planner.planning.history import History
from wm_planner.planning.planner import Problem
from wm_planner.planning.ties import Ties


class BroadDraws:
    """Draws around zero with the width of a cold start, whatever was learned.

    Their spectrum over time is 1/f^color, so that many of them go far in one direction and come
    back, where draws that are independent in each step mostly stay near.
    """

    def __init__(
        self,
        color: float,
        *,
        widths: Tensor,
        problem: Problem,
        generator: torch.Generator,
    ) -> None:
        """Take the color and the deviations (D,); ``generator`` is the source of all draws."""
        device = widths.device
        eye = torch.eye(problem.action_dim, device=device)
        over_time = color_factor(color, problem.horizon).to(device)
        self._factor, self._generator = torch.kron(over_time, eye) * widths, generator

    def fill(self, memories: list[Tensor]) -> None:
        """Write the candidates of a plan, not yet clamped.

        Args:
            memories: (calls, B, count, D) for the candidates of some calls each.
        """
        counts = [memory.shape[0] * memory.shape[2] for memory in memories]
        shape, source = (sum(counts), len(self._factor)), self._generator
        draws = torch.randn(shape, generator=source, device=source.device)
        plans = (draws.to(self._factor.device) @ self._factor).split(counts)
        for memory, some in zip(memories, plans, strict=True):
            memory.copy_(some.view(len(memory), 1, *memory.shape[2:]))


def better_seen(history: History, done: int, ties: Ties) -> tuple[Tensor, Tensor]:
    """Find plans that are better than all candidates of the last call.

    Those include the mean (``schedule.mean_calls``), so if there is a better plan, the search has
    gone to a worse place.

    Args:
        history: The plan.
        done: Iterations that count.
        ties: Which costs tie.

    Returns:
        Per problem, whether there is one (B, 1, 1), and the best one (B, 1, D).
    """
    costs, plans = [], []
    for block, calls in history.until(done):
        lowest, candidate = block.lowest(calls)
        cost, call = lowest.min(dim=0)
        costs.append(cost)
        plans.append(block.pick(call, candidate[call, block.problems]))
    cost, which = torch.stack(costs).min(dim=0)
    margin = ties.margin(lowest[-1].unsqueeze(1)).squeeze(1)
    better = cost < lowest[-1] - margin
    return better.view(-1, 1, 1), torch.stack(plans)[which, block.problems].unsqueeze(1)


def none_seen(history: History, done: int) -> bool:
    """Decide on the host, where that is cheap, whether ``better_seen`` would find nothing."""
    blocks = history.until(done)
    lowest = [block.lowest_on_host(calls) for block, calls in blocks]
    best = np.min([each.min(axis=0) for each in lowest], axis=0)
    return bool((best >= lowest[-1][-1]).all())
