"""One update of the adaptive cross-entropy method, for calls of one size."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.planning.draws import Draws
from wm_planner.planning.history import Stage
from wm_planner.planning.weights import RankWeights


class AdaptiveStage:
    """Draws, weights and memory for the calls of one stage.

    The state of a search is (B, D + 1, D): the factor of the covariance, and below it the mean. An
    update adds change @ factor to it, where the change is (sum v z z') for the factor and (sum w z)
    for the mean, with z the draws and v, w weights by rank. Both sums are one product: of a matrix
    (D + 2, N) that has the draws times v above, then w and v, with the draws.

    Attributes:
        stage: Its sizes.
        spread: Per call, the draws (B, N, D).
    """

    def __init__(
        self,
        stage: Stage,
        draws: Draws,
        widths: list[float],
        *,
        num_elites: int | None,
        settings: AdaptiveCEMSettings,
        dims: int,
        device: torch.device,
    ) -> None:
        """Make the weights.

        Args:
            stage: The sizes.
            draws: Where draws come from.
            widths: Width of each call, if it follows the schedule.
            num_elites: Elites of a whole iteration, None for the default.
            settings: Of the planner.
            dims: D.
            device: Where plans are made.
        """
        self._widths = widths
        self.stage, self._draws, self._settings, self._dims = stage, draws, settings, dims
        self._device = device
        n = stage.searching
        elites = round(num_elites / stage.calls) if num_elites else round(0.2 * n)
        self._weights = RankWeights(
            n,
            elites=max(1, elites),
            shapers=max(1, round(n * settings.shape_fraction)),
            repulsion=settings.repulsion,
            step=settings.step,
            device=device,
        )
        self._eye = torch.eye(dims, device=device)
        self._design: Tensor | None = None
        self._batch = 0
        self._usual: dict[bool, tuple[tuple[Tensor, ...], tuple[Tensor, ...]]] = {}

    def rate(self, *, warm: bool) -> float:
        """Return the step of the covariance.

        By default it is larger the more samples there are per dimension. On a warm start it is
        smaller, because the covariance has been learned before.
        """
        n, rate, warm_rate = self.stage.searching, *self._rates
        if rate < 0:
            rate = n / (n + 5 * self._dims)
        if not warm:
            return rate
        return rate / 2 if warm_rate < 0 else warm_rate

    @property
    def _rates(self) -> tuple[float, float]:
        return self._settings.learning_rate, self._settings.warm_learning_rate

    def begin(self, batch: int, *, copies: int, warm: bool, rotate: bool) -> Tensor | None:
        """Make the draws of a plan.

        Args:
            batch: B.
            copies: How many candidates of the first call, the first ones, are the mean.
            warm: Whether this is a warm start.
            rotate: Whether to rotate the draws.

        Returns:
            A rotation (D, D) of the draws, to be multiplied into the first factor, or None.
        """
        draws, rotation = self._draws.next(rotate=rotate)
        if draws is not self._design or batch != self._batch:
            self._design, self._batch = draws, batch
            spread = draws[:, None].expand(-1, batch, -1, -1)
            self._all = spread.unbind(), spread.mT.unbind()
            self._reserve(batch)
            self._usual = {}
        self.spread, self._across = self._all
        if copies > 1:
            first = self.spread[0].clone()
            first[:, :copies] = 0.0
            self.spread, self._across = (first, *self.spread[1:]), (first.mT, *self._across[1:])
        self._rate = self.rate(warm=warm) / 2
        if warm not in self._usual:
            scales = torch.tensor([[[width], [self._rate]] for width in self._widths])
            scales = scales.to(self._device)
            usual = (scales * self._weights.untied)[:, None].expand(-1, batch, -1, -1)
            self._usual[warm] = scales.unbind(), usual.unbind()
        self._scales, self._weights_now = self._usual[warm]
        return rotation

    def _reserve(self, batch: int) -> None:
        n, dims, device = self.stage.searching, self._dims, self._device
        left = torch.empty(batch, dims + 2, n, device=device)
        self._left, self._weighted = left[:, : dims + 1], left[:, :dims]
        self._by_candidate, self._of_covariance = left[:, dims:], left[:, dims + 1 :]
        self._ranked = torch.empty(batch, n, device=device)
        self._order = torch.empty(batch, n, dtype=torch.int64, device=device)
        self._places = self._order[:, None].expand(-1, 2, -1)
        # Rows begin at multiples of 64 bytes: on the CPU, sums round differently elsewhere, and a
        # problem must get the same plan in any batch.
        width = -(-dims // 16) * 16
        self._change = torch.empty(batch, dims + 1, width, device=device)[:, :, :dims]

    def update(self, call: int, costs: Tensor, states: tuple[Tensor, Tensor, Tensor]) -> None:
        """Learn from costs of which none tie.

        Args:
            call: Number of the call.
            costs: (B, N).
            states: The state (B, D + 1, D), its factor (B, D, D), and memory for the new state.
        """
        if costs.dtype != self._ranked.dtype:
            self._ranked = torch.empty_like(costs)
        torch.sort(costs, dim=1, out=(self._ranked, self._order))
        self._apply(call, self._weights_now[call], *states)

    def update_with_ties(
        self, call: int, costs: Tensor, threshold: Tensor, states: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """Do the same for any costs, without waiting for the device.

        Args:
            call: Number of the call.
            costs: (B, N), inf for impossible candidates.
            threshold: (B, 1) cost from which on candidates tie with the worst one.
            states: As for ``update``.

        Returns:
            (B, 1, 1) whether the costs tell any candidates apart; if not, the state stays.
        """
        ranked, order = costs.sort(dim=1)
        self._order.copy_(order)
        self._weights.prepare()
        weights, better = self._weights.tied(ranked, threshold)
        self._apply(call, weights * self._scales[call], *states)
        return (better > 0).unsqueeze(-1)

    def _apply(
        self, call: int, weights: Tensor, state: Tensor, factor: Tensor, out: Tensor
    ) -> None:
        """Add what weights (B, 2, N) by rank, for mean and covariance, make of the draws."""
        self._by_candidate.scatter_(2, self._places, weights)
        torch.mul(self._across[call], self._of_covariance, out=self._weighted)
        torch.bmm(self._left, self.spread[call], out=self._change)
        if self._settings.covariance == "diagonal":
            self._change[:, : self._dims].mul_(self._eye)
        torch.baddbmm(state, self._change, factor, out=out)
