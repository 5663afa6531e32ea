"""Costs from distances per frame, as DINO-WM computes them, and a mean over the horizon."""

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
        mode: ``"last"``: the last frame alone (DINO-WM ``create_objective_fn`` "last").
            ``"all"``: every frame, the observed one included, weighted by ``base ** i`` (weights
            summing to one) and then divided by the number of frames T once more, as DINO-WM does;
            its values are therefore not comparable with those of ``last``.
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
            SettingsError: An unknown mode, a base not above 0, or an alpha below 0.
        """
        if self.mode not in MODES:
            raise SettingsError("mode", f"there is no {self.mode!r}", f"choose {', '.join(MODES)}")
        if not self.base > 0:
            raise SettingsError("base", f"{self.base} is not above 0", "2 is DINO-WM's")
        if not self.alpha >= 0:
            raise SettingsError("alpha", f"{self.alpha} is not 0 or more", "1 is DINO-WM's")

    def __call__(self, visual: Tensor, proprio: Tensor | None = None) -> Tensor:
        """Combine distances.

        Args:
            visual: (B, N, T) mean squared distance of each frame's visual embedding to the goal's,
                T frames of which the first is the observed one.
            proprio: (B, N, T) the same for the proprio embedding, or None.

        Returns:
            (B, N) costs.

        Raises:
            SettingsError: Shapes that differ or lack the frames.
        """
        if visual.ndim != 3 or (proprio is not None and proprio.shape != visual.shape):
            other = "" if proprio is None else f" and {tuple(proprio.shape)}"
            raise SettingsError(
                "distances", f"shapes {tuple(visual.shape)}{other}", "give (B, N, T) for both"
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
