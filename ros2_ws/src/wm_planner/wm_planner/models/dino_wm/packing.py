"""The predictor's weights as the hardware wants them: cast, and padded to whole multiples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import LayerNorm, functional

from wm_planner.models.dino_wm.predictor import Attention, FeedForward, Predictor


@dataclass(frozen=True)
class Norm:
    """A LayerNorm over the true width of padded features (..., padded width).

    What it normalizes is centered: its true features have mean zero, and so do the padding's zeros.
    Then the mean over the padded width is right, the variance is too small by true / padded, and
    ``weight`` and ``eps`` make up for it.
    """

    weight: Tensor
    bias: Tensor
    eps: float
    dtype: torch.dtype

    def __call__(self, x: Tensor) -> Tensor:
        """Normalizes in x's precision; the result is in that of the matrix products."""
        out = functional.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps)
        return out.to(self.dtype)


@dataclass(frozen=True)
class Layer:
    """One layer's weights."""

    heads: int
    attention_norm: Norm
    q: Tensor
    kv: Tensor
    out: Tensor | None
    out_bias: Tensor | None
    mlp_norm: Norm
    up: Tensor
    up_bias: Tensor
    down: Tensor
    down_bias: Tensor


@dataclass(frozen=True)
class Packed:
    """A predictor's weights; the modules' own tensors wherever nothing had to change.

    Attributes:
        layers: In order.
        norm: The last norm, whose result is in float32.
        positions: Position embedding (frames * tokens, padded width).
        width: True features per token.
    """

    layers: list[Layer]
    norm: Norm
    positions: Tensor
    width: int

    @property
    def padded(self) -> int:
        """Features per token, padding included."""
        return self.positions.shape[-1]

    def embed(self, frames: Tensor, first: int) -> Tensor:
        """Frames (M, F, tokens, width) to tokens (M, F * tokens, padded width) with positions.

        Args:
            frames: What to embed.
            first: Position of the first frame in the window.
        """
        tokens, count = frames.shape[2], frames.shape[1]
        x = self.centered(frames.flatten(1, 2))
        return x + self.positions[first * tokens : (first + count) * tokens]

    def centered(self, x: Tensor) -> Tensor:
        """Takes the mean off x (..., width) and pads it; x itself where nothing is padded."""
        return _centered(x, self.padded)


def pack(predictor: Predictor, dtype: torch.dtype, multiple: int = 1) -> Packed:
    """Weights for ``rollout.py``.

    Features enter every layer and leave the last through a LayerNorm, which takes their mean off.
    So the mean can be taken off the weights that write features instead, which lets padding by
    zeros keep every norm as it was.

    Args:
        predictor: Filled and on its device.
        dtype: Precision of the matrix products; features, norms and positions stay float32.
        multiple: Features per token are padded to a multiple of it.
    """
    width = predictor.architecture.width
    padded = math.ceil(width / multiple) * multiple

    def rows(weight: Tensor) -> Tensor:
        return _centered(weight.mT, padded).mT.contiguous().to(dtype)

    def norm(module: LayerNorm, out: torch.dtype) -> Norm:
        weight = module.weight if padded == width else module.weight * math.sqrt(width / padded)
        return Norm(
            _padded(weight, padded),
            _padded(module.bias, padded),
            module.eps * width / padded,
            out,
        )

    def layer(attention: Attention, mlp: FeedForward) -> Layer:
        inner = attention.to_qkv.out_features // 3
        mlp_norm, up, down = (cast(Any, mlp.net[i]) for i in (0, 1, 4))
        qkv = _padded(attention.to_qkv.weight, padded).to(dtype)
        projection = attention.projection
        return Layer(
            heads=attention.heads,
            attention_norm=norm(attention.norm, dtype),
            q=qkv[:inner],
            kv=qkv[inner:],
            out=None if projection is None else rows(projection.weight),
            out_bias=None if projection is None else _centered(projection.bias, padded).to(dtype),
            mlp_norm=norm(mlp_norm, dtype),
            up=_padded(up.weight, padded).to(dtype),
            up_bias=up.bias.to(dtype),
            down=rows(down.weight),
            down_bias=_centered(down.bias, padded).to(dtype),
        )

    with torch.no_grad():
        return Packed(
            layers=[layer(*pair) for pair in predictor.transformer.pairs()],
            norm=norm(predictor.transformer.norm, torch.float32),
            positions=_centered(predictor.pos_embedding[0], padded),
            width=width,
        )


def _padded(x: Tensor, padded: int) -> Tensor:
    """Zeros behind x (..., width) up to the padded width; x itself where it has that."""
    missing = padded - x.shape[-1]
    return functional.pad(x, (0, missing)) if missing else x


def _centered(x: Tensor, padded: int) -> Tensor:
    """Takes the mean over the features off x (..., width) and pads it; x itself without padding."""
    if padded == x.shape[-1]:
        return x
    return _padded(x - x.mean(dim=-1, keepdim=True), padded)
