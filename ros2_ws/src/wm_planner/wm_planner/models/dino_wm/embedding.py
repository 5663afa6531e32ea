"""DINO-WM's embedding of actions and proprio (``models/proprio.py``): one linear layer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Embedding(nn.Module):
    """A linear embedding of vectors.

    Upstream computes it as a convolution over time with a kernel of one frame, so that the weight
    has the shape (embedded, numbers, 1).

    Args:
        numbers: Numbers in the vector.
        embedded: Features of its embedding.
    """

    def __init__(self, numbers: int, embedded: int) -> None:
        super().__init__()
        self.patch_embed = nn.Conv1d(numbers, embedded, kernel_size=1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Embed normalized vectors (..., numbers): (..., embedded)."""
        layer = self.patch_embed
        return functional.linear(vectors, layer.weight[..., 0], layer.bias)
