"""One update of the adaptive cross-entropy method, for calls of one size."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.planning.draws import Draws
from wm_planner.planning.history import Stage
from wm_planner.planning.noise import Evidence, Noise
from wm_planner.planning.ties import Ties
from wm_planner.planning.weights import RankWeights


def aligned(batch: int, rows: int, columns: int, device: torch.device) -> Tensor:
    """Return memory (batch, rows, columns) whose rows begin at multiples of 64 bytes.

    On the CPU, rounding depends on the alignment, so that the plan of a problem would depend on its
    batch.
    """
    return torch.empty(batch, rows, -(-columns // 16) * 16, device=device)[:, :, :columns]


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
            widths: Width of each call, if it follows the schedule.
            num_elites: Elites of a whole iteration, None for the default.
            settings: Of the planner.
            dims: D.
            device: Where plans are made.
        """
        self.stage, self._settings, self._dims = stage, settings, dims
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
        if device.type != "cpu":
            self._weights.prepare()  # later, it would wait for the device
        self._scales_of = {warm: self._scaling(widths, warm=warm) for warm in (False, True)}
        self._eye = torch.eye(dims, device=device)
        self._design: Tensor | None = None
        self._batch = 0
        self._usual: dict[bool, tuple[tuple[Tensor, ...], tuple[Tensor, ...]]] = {}

    def rate(self, *, warm: bool) -> float:
        """Return the step of the covariance.

        By default it is larger the more samples there are per dimension. On a warm start it is
        smaller, because the covariance has been learned before.
        """
        n, settings = self.stage.searching, self._settings
        rate, warm_rate = settings.learning_rate, settings.warm_learning_rate
        if rate < 0:
            rate = n / (n + 5 * self._dims)
        if not warm:
            return rate
        return rate / 2 if warm_rate < 0 else warm_rate

    def begin(self, draws: Draws, batch: int, *, warm: bool, rotate: bool) -> Tensor | None:
        """Make the draws of a plan.

        Args:
            draws: Where they come from.
            batch: B.
            warm: Whether this is a warm start.
            rotate: Whether to rotate the draws.

        Returns:
            A rotation (D, D) of the draws, to be multiplied into the first factor, or None.
        """
        design, rotation = draws.next(rotate=rotate)
        if batch != self._batch:
            self._batch, self._design, self._usual = batch, None, {}
            with torch.inference_mode(False):  # so that plans inside and outside of it can use it
                self._reserve(batch)
        if design is not self._design:
            self._design = design
            spread = design[:, None].expand(-1, batch, -1, -1)
            self._all = spread.unbind(), spread.mT.unbind()
        self.spread, self._across = self._all
        self._evidence: Evidence | None = None
        if warm not in self._usual:
            scales = self._scales_of[warm]
            usual = (scales * self._weights.untied)[:, None].expand(-1, batch, -1, -1)
            self._usual[warm] = scales.unbind(), usual.unbind()
        self._scales, self._weights_now = self._usual[warm]
        return rotation

    def _scaling(self, widths: list[float], *, warm: bool) -> Tensor:
        """Return the factors for the weights of mean and covariance, per call (calls, 2, 1)."""
        rate = self.rate(warm=warm) / 2
        return torch.tensor([[[width], [rate]] for width in widths], device=self._device)

    def repeat(self, call: int, rows: Tensor, others: Tensor, problems: Tensor) -> None:
        """Let some draws of a call be the same as others, in some problems (B, 1)."""
        draws = self.spread[call].clone()
        draws[:, rows] = torch.where(problems.unsqueeze(-1), draws[:, others], draws[:, rows])
        self.spread = (*self.spread[:call], draws, *self.spread[call + 1 :])
        self._across = (*self._across[:call], draws.mT, *self._across[call + 1 :])

    def forget(self, problems: Tensor) -> None:
        """Take that the mean of some problems (B, 1, 1) was moved, see ``Evidence``."""
        if self._evidence is not None:
            self._evidence.forget(problems)

    def _reserve(self, batch: int) -> None:
        n, dims, device = self.stage.searching, self._dims, self._device
        left = torch.empty(batch, dims + 2, n, device=device)
        self._left, self._weighted = left[:, : dims + 1], left[:, :dims]
        self._by_candidate, self._of_covariance = left[:, dims:], left[:, dims + 1 :]
        self._ranked = torch.empty(batch, n, device=device)
        self._order = torch.empty(batch, n, dtype=torch.int64, device=device)
        self._places = self._order[:, None].expand(-1, 2, -1)
        self._change = aligned(batch, dims + 1, dims, device)

    def rank(self, costs: Tensor) -> Tensor:
        """Sort costs (B, N) for the next update, and return them sorted."""
        if costs.dtype != self._ranked.dtype:
            with torch.inference_mode(False):
                self._ranked = torch.empty(costs.shape, dtype=costs.dtype, device=costs.device)
        torch.sort(costs, dim=1, out=(self._ranked, self._order))
        return self._ranked

    def update(self, call: int, states: tuple[Tensor, Tensor, Tensor]) -> None:
        """Learn from ranked costs of which none tie.

        Args:
            call: Number of the call.
            states: The state (B, D + 1, D), its factor (B, D, D), and memory for the new state.
        """
        self._sum(call, self._weights_now[call])
        self._add(*states)

    def update_with_ties(
        self, call: int, ties: Ties, states: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """Do the same for any ranked costs, without waiting for the device.

        Args:
            call: Number of the call.
            ties: Which costs tie.
            states: As for ``update``.

        Returns:
            (B, 1, 1) whether the costs tell any candidates apart; if not, the state stays.
        """
        ranked = self._ranked
        self._weights.prepare()
        threshold = ties.threshold(ranked)
        if ties.noise.seen:
            told = self._sum_of_noisy(call, ranked, threshold, ties.noise)
        else:
            weights, better = self._weights.tied(ranked, threshold)
            told = (better > 0).unsqueeze(-1)
            self._sum(call, weights * self._scales[call])
        self._add(*states)
        return told

    def _sum_of_noisy(self, call: int, ranked: Tensor, threshold: Tensor, noise: Noise) -> Tensor:
        """Make the change if some problems have noise; return whether there is one (B, 1, 1).

        In those, all candidates count by their rank if the costs as a whole differ by more than the
        noise, or only the outliers. Otherwise the ranks may still show a direction.
        """
        noisy = noise.noisy
        weights, better = self._weights.tied(
            ranked, torch.where(noisy, noise.outlier(ranked), threshold)
        )
        as_a_whole = noise.exceeded(ranked)
        by_rank = noisy & (as_a_whole | (better == 0))
        possible = (ranked < torch.inf).unsqueeze(1)
        usual = self._weights.untied * possible
        usual = (usual - usual.sum(2, True) / possible.sum(2, True).clamp(min=1)) * possible
        weights = torch.where(by_rank.unsqueeze(-1), usual, weights)
        # The evidence adds up draws, before they are scaled by a width.
        unscaled = noisy.unsqueeze(-1)
        self._sum(call, weights * torch.where(unscaled, 1.0, self._scales[call]))
        if self._evidence is None:
            self._evidence = Evidence(self._change)
        sure = (as_a_whole | (better > 0)).unsqueeze(-1)
        directions = 3 * ranked.shape[1] // 8  # mirrored draws, a quarter of which may be twins
        told = self._evidence.weigh(self._change, weights[:, 0], directions, sure)
        mean, covariance = torch.where(unscaled, self._scales[call], 1.0).split(1, dim=1)
        self._change[:, : self._dims].mul_(covariance)
        self._change[:, self._dims :].mul_(mean)
        return told

    def _sum(self, call: int, weights: Tensor) -> None:
        """Make the change from weights (B, 2, N) by rank, for mean and covariance."""
        self._by_candidate.scatter_(2, self._places, weights)
        torch.mul(self._across[call], self._of_covariance, out=self._weighted)
        torch.bmm(self._left, self.spread[call], out=self._change)
        if self._settings.covariance == "diagonal":
            self._change[:, : self._dims].mul_(self._eye)

    def _add(self, state: Tensor, factor: Tensor, out: Tensor) -> None:
        torch.baddbmm(state, self._change, factor, out=out)
