"""Costs from distances per frame: two rules of DINO-WM, and a mean over the horizon."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wm_planner.planning.errors import SettingsError

MODES = ("last", "all", "mean")


@dataclass(frozen=True)
class Objective:
    """How the distances of a candidate's frames to the goal become its cost.

    Attributes:
        mode: ``"last"``: only the last frame (DINO-WM ``create_objective_fn`` "last").
            ``"all"``: every frame, the observed one included, weighted by ``base ** i``. The
            weights sum to one, and the result is divided by the number of frames T once more, as
            in DINO-WM, so its values are not comparable with those of ``last``.
            ``"mean"``: the mean over the predicted frames (all but the first).
        base: Growth of the weights in mode ``all``.
        alpha: Weight of the proprio distance.
    """

    mode: str = "last"
    base: float = 2.0
    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingsError: The mode is unknown, base is not above 0, or alpha is below 0.
        """
        if self.mode not in MODES:
            raise SettingsError(f"there is no mode {self.mode!r}; choose {', '.join(MODES)}")
        if not self.base > 0:
            raise SettingsError(f"base is {self.base}; give a number above 0 (DINO-WM has 2)")
        if not self.alpha >= 0:
            raise SettingsError(f"alpha is {self.alpha}; give 0 or more (DINO-WM has 1)")

    def __call__(self, visual: Tensor, proprio: Tensor | None = None) -> Tensor:
        """Combine distances.

        Args:
            visual: (B, N, T) mean squared distance of each frame's visual embedding to the goal's;
                the first of the T frames is the observed one.
            proprio: (B, N, T) the same for the proprio embedding, or None.

        Returns:
            (B, N) costs.

        Raises:
            SettingsError: The shapes differ or are not (B, N, T).
        """
        if visual.ndim != 3 or (proprio is not None and proprio.shape != visual.shape):
            other = "" if proprio is None else f" and {tuple(proprio.shape)}"
            raise SettingsError(
                f"distances have shapes {tuple(visual.shape)}{other}; give (B, N, T) for both"
            )
        cost = self._reduce(visual)
        if proprio is not None and self.alpha:
            cost = cost + self.alpha * self._reduce(proprio)
        return cost

    def _reduce(self, distance: Tensor) -> Tensor:
        frames = distance.shape[-1]
        if self.mode == "last":
            return distance[..., -1]
        if self.mode == "mean":
            return distance[..., min(1, frames - 1) :].mean(dim=-1)
        weights = self.base ** torch.arange(frames, dtype=distance.dtype, device=distance.device)
        return (distance * (weights / weights.sum())).mean(dim=-1)
