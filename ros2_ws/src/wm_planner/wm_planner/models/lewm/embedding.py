"""The small networks of LeWM: embedding of actions, projections into the latent space.

Parameter names and computation are those of ``Embedder`` and ``MLP`` in ``module.py`` of
lucas-maes/le-wm.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "none": nn.Identity,
}
"""Norms of a projection; upstream's configurations name batch normalization."""


class ActionEncoder(nn.Module):
    """The embedding of one model step's action: a linear layer, then two with SiLU between them.

    Upstream computes the first as a convolution over time with a kernel of one step.

    Args:
        numbers: Numbers of the action.
        smoothed: Features after the first layer.
        hidden: Features between the other two.
        embedded: Features of the embedded action.
    """

    def __init__(self, numbers: int, smoothed: int, hidden: int, embedded: int) -> None:
        super().__init__()
        self.patch_embed = nn.Conv1d(numbers, smoothed, kernel_size=1)
        self.embed = nn.Sequential(
            nn.Linear(smoothed, hidden), nn.SiLU(), nn.Linear(hidden, embedded)
        )

    def forward(self, actions: Tensor) -> Tensor:
        """Embed z-normalized actions (..., numbers): (..., embedded)."""
        first = self.patch_embed
        embedded: Tensor = self.embed(functional.linear(actions, first.weight[..., 0], first.bias))
        return embedded


class Projection(nn.Module):
    """Two linear layers with a norm and a GELU between them.

    Of batch normalization, the statistics of the training are used: in training mode the latents
    would change by more than their own spread.

    Args:
        numbers: Features of the input.
        hidden: Features between the layers.
        latent: Features of the result.
        norm: One of ``NORMS``.
    """

    def __init__(self, numbers: int, hidden: int, latent: int, norm: str) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(numbers, hidden), NORMS[norm](hidden), nn.GELU(), nn.Linear(hidden, latent)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Project (..., numbers) to (..., latent)."""
        projected: Tensor = self.net(x.flatten(0, -2)).unflatten(0, x.shape[:-1])
        return projected
