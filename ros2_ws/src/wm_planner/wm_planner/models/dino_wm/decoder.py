"""DINO-WM's image decoder (``models/vqvae.py`` of gaoyuezhou/dino_wm).

Only what decoding needs; parameter and buffer names are upstream's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.models.dino_wm.architecture import DecoderArchitecture


class Decoder(nn.Module):
    """The decoder of patch tokens into an image, with 16 pixels per token.

    Args:
        architecture: Its sizes.
    """

    def __init__(self, architecture: DecoderArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.quantize_b = Codebook(architecture.emb_dim, architecture.n_embed)
        self.upsample_b = Upsampling(architecture, architecture.emb_dim)
        self.dec = Upsampling(architecture, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        """Decode tokens (N, side * side, emb_dim): normalized images (N, 3, 16 side, 16 side)."""
        side = math.isqrt(tokens.shape[1])
        if self.architecture.quantize:
            tokens = self.quantize_b(tokens)
        square = tokens.transpose(1, 2).unflatten(2, (side, side))
        images: Tensor = self.dec(self.upsample_b(square))
        return images


class Codebook(nn.Module):
    """A codebook, which replaces a token by the nearest of ``n_embed`` learned ones."""

    embed: Tensor

    def __init__(self, emb_dim: int, n_embed: int) -> None:
        super().__init__()
        self.register_buffer("embed", torch.zeros(emb_dim, n_embed))
        self.register_buffer("cluster_size", torch.zeros(n_embed))  # for training only
        self.register_buffer("embed_avg", torch.zeros(emb_dim, n_embed))  # for training only

    def forward(self, tokens: Tensor) -> Tensor:
        """Replace tokens (..., emb_dim) by codebook entries."""
        distance = self.embed.square().sum(dim=0) - 2 * tokens @ self.embed
        return functional.embedding(distance.argmin(dim=-1), self.embed.T)


class Upsampling(nn.Module):
    """Residual blocks, then two transposed convolutions: four times as high and wide."""

    def __init__(self, architecture: DecoderArchitecture, out_channels: int) -> None:
        super().__init__()
        channel = architecture.channel
        self.blocks = nn.Sequential(
            nn.Conv2d(architecture.emb_dim, channel, 3, padding=1),
            *(
                ResidualBlock(channel, architecture.n_res_channel)
                for _ in range(architecture.n_res_block)
            ),
            nn.ReLU(),
            nn.ConvTranspose2d(channel, channel // 2, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(channel // 2, out_channels, 4, stride=2, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Upsample (N, emb_dim, side, side) to (N, out_channels, 4 side, 4 side)."""
        out: Tensor = self.blocks(x)
        return out


class ResidualBlock(nn.Module):
    """Two convolutions with a residual connection."""

    def __init__(self, channel: int, inner: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channel, inner, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(inner, channel, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to (N, channel, side, side)."""
        out: Tensor = x + self.conv(x)
        return out
