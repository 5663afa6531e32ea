"""DINO-WM's predictor: a transformer over the tokens of a few frames, causal frame by frame.

Parameter names and computation are those of ``models/vit.py`` of gaoyuezhou/dino_wm; rollouts are
computed by ``rollout.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.models.dino_wm.architecture import PredictorArchitecture


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
            nn.ModuleList([Attention(architecture), FeedForward(architecture)])
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


class Attention(nn.Module):
    """Self-attention, of a token to those of its own and of earlier frames."""

    def __init__(self, architecture: PredictorArchitecture) -> None:
        super().__init__()
        width, inner = architecture.width, architecture.heads * architecture.dim_head
        self.heads = architecture.heads
        self.norm = nn.LayerNorm(width)
        self.to_qkv = nn.Linear(width, 3 * inner, bias=False)
        projects = not (architecture.heads == 1 and architecture.dim_head == width)
        self.to_out: nn.Module = (
            nn.Sequential(nn.Linear(inner, width), nn.Dropout(0.0)) if projects else nn.Identity()
        )

    @property
    def projection(self) -> nn.Linear | None:
        """The linear layer after the heads; None if a single head is as wide as a token."""
        return cast(nn.Linear, self.to_out[0]) if isinstance(self.to_out, nn.Sequential) else None

    def forward(self, x: Tensor, tokens: int) -> Tensor:
        """Apply it to tokens (B, T * tokens, width)."""
        qkv = self.to_qkv(self.norm(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attended = [
            functional.scaled_dot_product_attention(
                q[:, :, end - tokens : end], k[:, :, :end], v[:, :, :end]
            )
            for end in range(tokens, x.shape[1] + 1, tokens)
        ]
        out: Tensor = self.to_out(torch.cat(attended, dim=2).transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    """A norm, then two linear layers with a GELU between them."""

    def __init__(self, architecture: PredictorArchitecture) -> None:
        super().__init__()
        width, hidden = architecture.width, architecture.mlp_dim
        self.net = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(0.0),
            nn.Linear(hidden, width),
            nn.Dropout(0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to tokens (..., width)."""
        out: Tensor = self.net(x)
        return out
