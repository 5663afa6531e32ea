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
        problem: Problem,
        device: torch.device,
        generator: torch.Generator,
    ) -> None:
        """Take the color; ``generator`` is the source of all draws."""
        eye = torch.eye(problem.action_dim, device=device)
        over_time = color_factor(color, problem.horizon).to(device)
        self._factor, self._generator = torch.kron(over_time, eye), generator

    def fill(self, memory: Tensor, widths: Tensor) -> None:
        """Write the candidates of a stage, not yet clamped.

        Args:
            memory: (calls, B, count, D) for the candidates.
            widths: (D,) deviations.
        """
        calls, _, count, dims = memory.shape
        generator = self._generator
        draws = torch.randn(calls, 1, count, dims, generator=generator, device=generator.device)
        memory.copy_(draws.to(memory.device) @ self._factor * widths)


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
        plans.append(block.pick(call, candidate.gather(0, call.unsqueeze(0)).squeeze(0)))
    cost, which = torch.stack(costs).min(dim=0)
    problems = torch.arange(len(cost), device=cost.device)
    margin = ties.margin(lowest[-1].unsqueeze(1)).squeeze(1)
    better = cost < lowest[-1] - margin
    return better.view(-1, 1, 1), torch.stack(plans)[which, problems].unsqueeze(1)


def none_seen(history: History, done: int) -> bool:
    """Decide on the host, where that is cheap, whether ``better_seen`` would find nothing."""
    blocks = history.until(done)
    best = np.min([b.costs[:calls].numpy().min(axis=(0, 2)) for b, calls in blocks], axis=0)
    block, calls = blocks[-1]
    return bool((best >= block.costs[calls - 1].numpy().min(axis=1)).all())
