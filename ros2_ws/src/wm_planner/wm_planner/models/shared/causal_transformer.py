"""The layers of a predictor that is causal frame by frame.

Parameter names and computation are those of ``models/vit.py`` of gaoyuezhou/dino_wm, whose layers
LeWM's predictor has too (``module.py`` of lucas-maes/le-wm).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Self-attention, of a token to those of its own and of earlier frames.

    Args:
        width: Features per token.
        heads: Attention heads.
        dim_head: Features per head.
    """

    def __init__(self, width: int, heads: int, dim_head: int) -> None:
        super().__init__()
        inner = heads * dim_head
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.to_qkv = nn.Linear(width, 3 * inner, bias=False)
        projects = not (heads == 1 and dim_head == width)
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
    """A norm, then two linear layers with a GELU between them.

    Args:
        width: Features per token.
        hidden: Features between the layers.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
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
