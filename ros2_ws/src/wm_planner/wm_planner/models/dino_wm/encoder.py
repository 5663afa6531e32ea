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
from wm_planner.models.shared.vision_transformer import Block, Mlp, PatchEmbedding, SwiGLU

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
        self.blocks = nn.ModuleList(_block(architecture) for _ in range(architecture.depth))
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


def _block(architecture: EncoderArchitecture) -> Block:
    """Return one layer. SwiGLU is narrower by a third, up to 8 (``SwiGLUFFNFused``)."""
    width = architecture.width
    mlp: nn.Module
    if architecture.mlp == "swiglu":
        mlp = SwiGLU(width, (MLP_RATIO * width * 2 // 3 + 7) // 8 * 8)
    else:
        mlp = Mlp(width, MLP_RATIO * width)
    return Block(width, architecture.heads, mlp, LAYER_NORM_EPS, scaled=True)
