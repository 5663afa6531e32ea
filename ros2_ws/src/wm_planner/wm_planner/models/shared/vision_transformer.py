"""The layers of a vision transformer (Dosovitskiy et al., 2020), named as DINOv2 names them.

The computation is that of ``dinov2/models/vision_transformer.py`` of facebookresearch/dinov2 at
b8931f7.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class PatchEmbedding(nn.Module):
    """The embedding of patches as tokens, row by row."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=patch, stride=patch)

    def forward(self, images: Tensor) -> Tensor:
        """Embed the whole patches of images (N, 3, height, width): (N, patches, features)."""
        # A matrix product: on a GPU, torch by default computes convolutions in TF32, but not these.
        size = self.proj.kernel_size[0]
        rows, columns = (side // size * size for side in images.shape[-2:])
        patches = images[..., :rows, :columns].unflatten(3, (-1, size)).unflatten(2, (-1, size))
        flat = patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        return functional.linear(flat, self.proj.weight.flatten(1), self.proj.bias)


class Block(nn.Module):
    """One transformer layer, normalized before attention and MLP.

    Args:
        width: Features per token.
        heads: Attention heads.
        mlp: The feed-forward network.
        eps: Of the norms.
        scaled: Whether it has LayerScale.
    """

    def __init__(self, width: int, heads: int, mlp: nn.Module, eps: float, *, scaled: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.attn = Attention(width, heads)
        self.ls1: nn.Module = LayerScale(width) if scaled else nn.Identity()
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.mlp = mlp
        self.ls2: nn.Module = LayerScale(width) if scaled else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to tokens (N, T, width)."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        out: Tensor = x + self.ls2(self.mlp(self.norm2(x)))
        return out


class Attention(nn.Module):
    """Self-attention over all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to tokens (N, T, width)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return out


class LayerScale(nn.Module):
    """A learned factor per feature (Touvron et al., "Going Deeper with Image Transformers")."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Scale the last dimension."""
        return x * self.gamma


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to tokens (..., width)."""
        out: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return out


class SwiGLU(nn.Module):
    """The gated layer of ViT-g (Shazeer, "GLU Variants Improve Transformer", 2020)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to tokens (..., width)."""
        gate, value = self.w12(x).chunk(2, dim=-1)
        out: Tensor = self.w3(functional.silu(gate) * value)
        return out
