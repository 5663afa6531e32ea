"""DINO-WM's predictor: a transformer over the tokens of a few frames, causal frame by frame.

Parameter names and computation are those of ``models/vit.py`` of gaoyuezhou/dino_wm; rollouts are
computed by ``rollout.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from wm_planner.models.dino_wm.architecture import PredictorArchitecture
from wm_planner.models.shared.causal_transformer import Attention, FeedForward


class Predictor(nn.Module):
    """The predictor of a DINO-WM model.

    Args:
        architecture: Its sizes.
    """

    def __init__(self, architecture: PredictorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        positions = architecture.frames * architecture.tokens
        self.pos_embedding = nn.Parameter(torch.randn(1, positions, architecture.width))
        self.transformer = Transformer(architecture)

    def predict(self, z: Tensor) -> Tensor:
        """Predict the frame after each frame (B, T, tokens, width); the result has that shape."""
        x = z.flatten(1, 2)
        x = x + self.pos_embedding[:, : x.shape[1]]
        out: Tensor = self.transformer(x, z.shape[2])
        return out.view_as(z)


class Transformer(nn.Module):
    """Layers of attention and feed-forward, and a norm."""

    def __init__(self, architecture: PredictorArchitecture) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(architecture.width)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    Attention(architecture.width, architecture.heads, architecture.dim_head),
                    FeedForward(architecture.width, architecture.mlp_dim),
                ]
            )
            for _ in range(architecture.depth)
        )

    def forward(self, x: Tensor, tokens: int) -> Tensor:
        """Apply it to tokens (B, T * tokens, width)."""
        for attention, feed_forward in self.pairs():
            x = x + attention(x, tokens)
            x = x + feed_forward(x)
        out: Tensor = self.norm(x)
        return out

    def pairs(self) -> Iterator[tuple[Attention, FeedForward]]:
        """Yield the layers in order."""
        for layer in self.layers:
            attention, feed_forward = cast(nn.ModuleList, layer)
            yield cast(Attention, attention), cast(FeedForward, feed_forward)
