"""The predictor's weights, cast to the precision of rollouts and padded for the hardware."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import LayerNorm, functional

from wm_planner.models.dino_wm.predictor import Predictor
from wm_planner.models.shared.causal_transformer import Attention, FeedForward


@dataclass(frozen=True)
class Norm:
    """A LayerNorm over the true width of padded features (..., padded width).

    Its input is centered: the true features have mean zero, and the padding is zero. So the mean
    over the padded width is right, and the variance is too small by true / padded, for which
    ``weight`` and ``eps`` compensate.
    """

    weight: Tensor
    bias: Tensor
    eps: float
    dtype: torch.dtype

    def __call__(self, x: Tensor) -> Tensor:
        """Normalize in x's precision; the result has that of the matrix products."""
        out = functional.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps)
        return out.to(self.dtype)


@dataclass(frozen=True)
class Layer:
    """The weights of one layer."""

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
    """The weights of a predictor; the modules' own tensors if nothing had to change.

    Attributes:
        layers: The layers in order.
        norm: The last norm, whose result is float32.
        positions: Position embedding (frames * tokens, padded width).
        width: True features per token.
    """

    layers: list[Layer]
    norm: Norm
    positions: Tensor
    width: int


def pack(predictor: Predictor, dtype: torch.dtype, multiple: int = 1) -> Packed:
    """Pack the weights for ``rollout.py``.

    Features enter every layer, and leave the last, through a LayerNorm, which subtracts their mean.
    So the mean can be subtracted from the weights that write features; then padding with zeros
    changes no norm.

    Args:
        predictor: With its weights and on its device.
        dtype: Precision of the matrix products; features, norms and positions stay float32.
        multiple: Features per token are padded to a multiple of it.
    """
    width = predictor.architecture.width
    padded = math.ceil(width / multiple) * multiple

    def rows(weight: Tensor) -> Tensor:
        return centered(weight.mT, padded).mT.contiguous().to(dtype)

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
            out_bias=None if projection is None else centered(projection.bias, padded).to(dtype),
            mlp_norm=norm(mlp_norm, dtype),
            up=_padded(up.weight, padded).to(dtype),
            up_bias=up.bias.to(dtype),
            down=rows(down.weight),
            down_bias=centered(down.bias, padded).to(dtype),
        )

    with torch.no_grad():
        return Packed(
            layers=[layer(*pair) for pair in predictor.transformer.pairs()],
            norm=norm(predictor.transformer.norm, torch.float32),
            positions=centered(predictor.pos_embedding[0], padded),
            width=width,
        )


def _padded(x: Tensor, padded: int) -> Tensor:
    """Append zeros to x (..., width) up to the padded width; return x itself without padding."""
    missing = padded - x.shape[-1]
    return functional.pad(x, (0, missing)) if missing else x


def centered(x: Tensor, padded: int) -> Tensor:
    """Subtract the mean of x (..., width) and pad it; return x itself without padding."""
    if padded == x.shape[-1]:
        return x
    return _padded(x - x.mean(dim=-1, keepdim=True), padded)
