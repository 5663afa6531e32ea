"""Combine image, proprio and action into the predictor's tokens, as DINO-WM does.

``models/visual_world_model.py`` of gaoyuezhou/dino_wm: ``encode``, ``separate_emb`` and
``replace_actions_from_z``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wm_planner.models.dino_wm.architecture import Architecture


@dataclass(frozen=True)
class TokenLayout:
    """The places of image, proprio and action in a frame (..., tokens, width).

    With ``concat_dim`` 1, proprio and action follow the image's features in every token, each
    repeated; with 0, they are the last two tokens.
    """

    architecture: Architecture

    def join(self, visual: Tensor, proprio: Tensor) -> Tensor:
        """Combine image tokens and proprio into frames whose action is zero.

        Args:
            visual: (..., image tokens, encoder width).
            proprio: (..., proprio_emb_dim).

        Returns:
            (..., tokens, width).
        """
        layout, state = self.architecture, proprio.unsqueeze(-2)
        if layout.concat_dim == 0:
            return torch.cat([visual, state, torch.zeros_like(state)], dim=-2)
        state = torch.cat(
            [
                state.tile(layout.num_proprio_repeat),
                state.new_zeros(*state.shape[:-1], layout.action_width),
            ],
            dim=-1,
        )
        return torch.cat([visual, state.expand(*visual.shape[:-1], -1)], dim=-1)

    def with_action(self, frames: Tensor, action: Tensor) -> Tensor:
        """Return frames (..., tokens, width) with other embedded actions (..., action_emb_dim)."""
        embedded = action.unsqueeze(-2)
        if self.architecture.concat_dim == 0:
            leading = frames.shape[:-2]
            return torch.cat([frames[..., :-1, :], embedded.expand(*leading, -1, -1)], dim=-2)
        embedded = embedded.tile(self.architecture.num_action_repeat)
        return torch.cat(
            [
                frames[..., : -self.architecture.action_width],
                embedded.expand(*frames.shape[:-1], -1),
            ],
            dim=-1,
        )

    def split(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return image tokens (..., tokens, encoder width) and proprio (..., proprio_emb_dim).

        With ``concat_dim`` 1, proprio is read from the first token, as upstream does.
        """
        layout = self.architecture
        if layout.concat_dim == 0:
            return frames[..., :-2, :], frames[..., -2, :]
        width = layout.encoder.width
        proprio = frames[..., 0, width : width + layout.proprio_emb_dim]
        return frames[..., :width], proprio
