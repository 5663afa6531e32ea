"""A share of the candidates that looks where the search is not."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from wm_planner.planning.draws import color_factor
from wm_planner.planning.history import History
from wm_planner.planning.planner import Problem


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


def best_aside(history: History, done: int, slack: Tensor) -> tuple[Tensor, Tensor] | None:
    """Find the broad candidates that are better than all others.

    Args:
        history: The plan.
        done: Iterations that count.
        slack: (B, 1) differences of costs that are noise.

    Returns:
        Per problem, whether there is one (B, 1, 1), and the best one (B, 1, D); None if there are
        no broad candidates.
    """
    usual, aside, plans = [], [], []
    for block, calls in history.until(done):
        n = block.stage.searching
        if n == block.stage.samples:
            continue
        usual.append(block.costs[:calls, :, :n].amin(dim=(0, 2)))
        lowest, place = block.costs[:calls, :, n:].transpose(0, 1).flatten(1).min(dim=1)
        call, candidate = place // (block.stage.samples - n), place % (block.stage.samples - n)
        aside.append(lowest)
        plans.append(block.pick(call, candidate + n))
    if not aside:
        return None
    lowest, which = torch.stack(aside).min(dim=0)
    problems = torch.arange(len(lowest), device=lowest.device)
    best = torch.stack(plans)[which, problems]
    better = lowest < torch.stack(usual).amin(dim=0) - slack.squeeze(1)
    return better.view(-1, 1, 1), best.unsqueeze(1)


def none_aside(history: History, done: int) -> bool:
    """Decide on the host, where that is cheap, whether ``best_aside`` would find nothing."""
    usual, aside = [], []
    for block, calls in history.until(done):
        n, costs = block.stage.searching, block.costs[:calls].numpy()
        usual.append(costs[:, :, :n].min(axis=(0, 2)))
        if n < block.stage.samples:
            aside.append(costs[:, :, n:].min(axis=(0, 2)))
    return not aside or bool((np.min(aside, axis=0) >= np.min(usual, axis=0)).all())
