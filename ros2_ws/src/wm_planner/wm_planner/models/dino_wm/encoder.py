"""DINOv2's vision transformer, which encodes images as tokens.

Parameter names are those of the official ``dinov2_*_pretrain.pth`` files; the computation is that
of ``dinov2/models/vision_transformer.py`` and ``dinov2/hub/backbones.py`` of
facebookresearch/dinov2 at b8931f7.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.models.dino_wm.architecture import EncoderArchitecture

LAYER_NORM_EPS = 1e-6
MLP_RATIO = 4


class Encoder(nn.Module):
    """The encoder of a DINO-WM model.

    Args:
        architecture: Its sizes, and which features it returns.
    """

    positions: Tensor

    def __init__(self, architecture: EncoderArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        width, grid = architecture.width, architecture.grid
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + grid**2, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))  # for training only
        self.register_tokens = (
            nn.Parameter(torch.zeros(1, architecture.registers, width))
            if architecture.registers
            else None
        )
        self.patch_embed = PatchEmbedding(architecture.patch, width)
        self.blocks = nn.ModuleList(Block(architecture) for _ in range(architecture.depth))
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.register_buffer("positions", self._interpolated(), persistent=False)
        self.register_load_state_dict_post_hook(_refresh_positions)

    def forward(self, images: Tensor) -> Tensor:
        """Encode normalized images float (N, 3, input_size, input_size): (N, tokens, width)."""
        count, registers = len(images), self.register_tokens
        x = torch.cat([self.cls_token.expand(count, -1, -1), self.patch_embed(images)], dim=1)
        x = x + self.positions
        if registers is not None:
            x = torch.cat([x[:, :1], registers.expand(count, -1, -1), x[:, 1:]], dim=1)
        for block in self.blocks:
            x = block(x)
        first_patch = 1 + self.architecture.registers
        wanted = (
            slice(0, 1)
            if self.architecture.feature_key == "x_norm_clstoken"
            else slice(first_patch, None)
        )
        tokens: Tensor = self.norm(x[:, wanted])
        return tokens

    def _interpolated(self) -> Tensor:
        """Return the position embedding (1, 1 + patches, width) for images of ``input_size``.

        Without registers, it is interpolated by a scale factor with the official offset of 0.1,
        as DINO-WM was trained; with registers, by size and antialiased
        (``interpolate_pos_encoding`` and the hub's settings).
        """
        architecture = self.architecture
        grid, side = architecture.grid, architecture.input_size // architecture.patch
        embedding = self.pos_embed.detach()
        if side == grid:
            return embedding.clone()
        square = embedding[:, 1:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
        rule: dict[str, Any] = (
            {"size": (side, side), "antialias": True}
            if architecture.registers
            else {"scale_factor": ((side + 0.1) / grid, (side + 0.1) / grid)}
        )
        patches = functional.interpolate(square, mode="bicubic", **rule)
        return torch.cat([embedding[:, :1], patches.flatten(2).transpose(1, 2)], dim=1)


def _refresh_positions(encoder: Encoder, _incompatible_keys: Any) -> None:
    encoder.positions = encoder._interpolated()


class PatchEmbedding(nn.Module):
    """The embedding of patches as tokens, row by row."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=patch, stride=patch)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, 3, side, side) as tokens (N, patches, width)."""
        # A matrix product: on a GPU, torch by default computes convolutions in TF32, but not these.
        size = self.proj.kernel_size[0]
        patches = images.unflatten(3, (-1, size)).unflatten(2, (-1, size))
        rows = patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        return functional.linear(rows, self.proj.weight.flatten(1), self.proj.bias)


class Block(nn.Module):
    """One transformer layer with LayerScale."""

    def __init__(self, architecture: EncoderArchitecture) -> None:
        super().__init__()
        width = architecture.width
        self.norm1 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.attn = Attention(width, architecture.heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.mlp = SwiGLU(width) if architecture.mlp == "swiglu" else Mlp(width)
        self.ls2 = LayerScale(width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to tokens (N, T, width)."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


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

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to tokens (..., width)."""
        out: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return out


class SwiGLU(nn.Module):
    """The gated layer of ViT-g (Shazeer, "GLU Variants Improve Transformer", 2020).

    Its hidden width is two thirds of the MLP's, rounded up to a multiple of 8 (``SwiGLUFFNFused``).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = (MLP_RATIO * width * 2 // 3 + 7) // 8 * 8
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to tokens (..., width)."""
        gate, value = self.w12(x).chunk(2, dim=-1)
        out: Tensor = self.w3(functional.silu(gate) * value)
        return out
