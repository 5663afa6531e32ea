"""LeWM's encoder: a vision transformer, of which only the class token is used.

The computation is that of ``ViTModel`` of huggingface/transformers 4.57 without its pooling layer;
the converter turns its parameter names, of transformers 4 and 5, into ours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.models.lewm.architecture import EncoderArchitecture
from wm_planner.models.shared.vision_transformer import Block, Mlp, PatchEmbedding

LAYER_NORM_EPS = 1e-12


class Encoder(nn.Module):
    """The encoder of a LeWM model.

    Args:
        architecture: Its sizes.
    """

    def __init__(self, architecture: EncoderArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        width, places = architecture.width, 1 + architecture.grid**2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, places, width))
        self.patch_embed = PatchEmbedding(architecture.patch, width)
        self.blocks = nn.ModuleList(
            Block(
                width,
                architecture.heads,
                Mlp(width, architecture.mlp_dim),
                LAYER_NORM_EPS,
                scaled=False,
            )
            for _ in range(architecture.depth)
        )
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)

    def forward(self, images: Tensor) -> Tensor:
        """Encode normalized images float (N, 3, height, width): all tokens (N, 1 + T, width).

        Of images of another shape than the training's, the whole patches count, and positions are
        interpolated.
        """
        patch = self.architecture.patch
        rows, columns = (side // patch for side in images.shape[-2:])
        x = self.patch_embed(images)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + self._positions(rows, columns)
        for block in self.blocks:
            x = block(x)
        tokens: Tensor = self.norm(x)
        return tokens

    def _positions(self, rows: int, columns: int) -> Tensor:
        """Return the position embedding (1, 1 + rows * columns, width), bicubic if not square."""
        grid = self.architecture.grid
        if (rows, columns) == (grid, grid):
            return self.pos_embed
        square = self.pos_embed[:, 1:].unflatten(1, (grid, grid)).permute(0, 3, 1, 2)
        patches = functional.interpolate(
            square, size=(rows, columns), mode="bicubic", align_corners=False
        )
        return torch.cat([self.pos_embed[:, :1], patches.flatten(2).transpose(1, 2)], dim=1)
