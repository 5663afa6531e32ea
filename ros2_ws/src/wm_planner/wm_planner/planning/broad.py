"""A share of the candidates that looks where the search is not."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.planning.draws import color_factor
from wm_planner.planning.planner import Problem


class BroadDraws:
    """Draws around zero with the width of a cold start, whatever was learned.

    Their spectrum over time is 1/f^color, so that many of them go far in one direction and come
    back, where draws that are independent in each step mostly stay near.

    Attributes:
        count: Candidates per iteration.
        looks: Iterations (counted from 0) after which the best of them may take the mean's place.
    """

    def __init__(
        self,
        share: float,
        color: float,
        *,
        samples: int,
        iterations: int,
        problem: Problem,
        generator: torch.Generator,
    ) -> None:
        """Take ``share`` of ``samples`` candidates, from ``iterations`` - 1 iterations."""
        self.count = min(round(share * samples), samples - 2) if iterations > 1 else 0
        self.looks = {round(iterations * at / 5) for at in (1, 2, 3)} - {0} if self.count else set()
        self._iterations, self._problem, self._generator = iterations, problem, generator
        eye = torch.eye(problem.action_dim, device=problem.device)
        over_time = color_factor(color, problem.horizon).to(problem.device)
        self._factor = torch.kron(over_time, eye)

    def fill(self, memory: Tensor, mean: Tensor, widths: Tensor) -> None:
        """Write the candidates of all iterations, not yet clamped.

        Those of the first iteration are copies of the mean: its other candidates are broad enough,
        and the costs of the copies show the noise.

        Args:
            memory: (I, B, count, D) for the candidates.
            mean: (B, 1, D) the first guess.
            widths: (D,) deviations.
        """
        shape = (self._iterations - 1, 1, self.count, len(widths))
        generator = self._generator
        draws = torch.randn(shape, generator=generator, device=generator.device)
        draws = draws.to(memory.device) @ self._factor
        memory[0] = mean
        memory[1:] = draws * widths
