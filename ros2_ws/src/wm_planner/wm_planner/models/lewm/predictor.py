"""LeWM's predictor: a causal transformer over frames, one token each, modulated by actions.

Parameter names and computation are those of ``ARPredictor``, ``Transformer`` and
``ConditionalBlock`` in ``module.py`` of lucas-maes/le-wm; the modulation is the adaLN-Zero of
Peebles and Xie, "Scalable Diffusion Models with Transformers", 2023. Rollouts are computed by
``rollout.py``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wm_planner.models.lewm.architecture import PredictorArchitecture
from wm_planner.models.shared.causal_transformer import Attention, FeedForward

NORM_EPS = 1e-6
MODULATIONS = 6
"""Of each layer and frame: shift, scale and gate of the attention, then of the MLP."""


class Predictor(nn.Module):
    """The predictor of a LeWM model.

    Args:
        architecture: Its sizes.
        latent: Numbers of a latent.
        embedded: Features of an embedded action.
        predicted: Numbers that it returns.
    """

    def __init__(
        self, architecture: PredictorArchitecture, latent: int, embedded: int, predicted: int
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.pos_embedding = nn.Parameter(torch.randn(1, architecture.frames, latent))
        self.transformer = Transformer(architecture, latent, embedded, predicted)

    def predict(self, frames: Tensor, actions: Tensor) -> Tensor:
        """Predict what follows each frame (B, T, latent) under actions (B, T, embedded)."""
        x = frames + self.pos_embedding[:, : frames.shape[1]]
        out: Tensor = self.transformer(x, actions)
        return out


class Transformer(nn.Module):
    """The layers, a norm, and linear layers wherever widths differ."""

    def __init__(
        self, architecture: PredictorArchitecture, latent: int, embedded: int, predicted: int
    ) -> None:
        super().__init__()
        width = architecture.width
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            ConditionalBlock(architecture) for _ in range(architecture.depth)
        )
        self.input_proj = linear_unless_equal(latent, width)
        self.cond_proj = linear_unless_equal(embedded, width)
        self.output_proj = linear_unless_equal(width, predicted)

    def forward(self, x: Tensor, actions: Tensor) -> Tensor:
        """Apply it to frames (B, T, latent) and embedded actions (B, T, embedded)."""
        x, condition = self.input_proj(x), self.cond_proj(actions)
        for layer in self.layers:
            x = layer(x, condition)
        out: Tensor = self.output_proj(self.norm(x))
        return out


class ConditionalBlock(nn.Module):
    """One layer: attention and MLP, each shifted, scaled and gated by the action."""

    def __init__(self, architecture: PredictorArchitecture) -> None:
        super().__init__()
        width = architecture.width
        self.attn = Attention(width, architecture.heads, architecture.dim_head)
        self.mlp = FeedForward(width, architecture.mlp_dim)
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=NORM_EPS)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=NORM_EPS)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, MODULATIONS * width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Apply it to frames (B, T, width) under conditions (B, T, width)."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.adaLN_modulation(condition).chunk(
            MODULATIONS, dim=-1
        )
        x = x + gate_a * self.attn(self.norm1(x) * (1 + scale_a) + shift_a, 1)
        out: Tensor = x + gate_m * self.mlp(self.norm2(x) * (1 + scale_m) + shift_m)
        return out


def linear_unless_equal(numbers: int, other: int) -> nn.Module:
    """Return a linear layer, or nothing if both widths are equal."""
    return nn.Identity() if numbers == other else nn.Linear(numbers, other)
