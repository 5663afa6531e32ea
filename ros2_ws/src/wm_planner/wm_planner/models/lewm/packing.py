"""The predictor's weights, in the precision of rollouts and as few as possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.models.lewm.embedding import Projection
from wm_planner.models.lewm.predictor import MODULATIONS, ConditionalBlock, Predictor
from wm_planner.models.shared.compute import linear_gelu


@dataclass(frozen=True)
class Linear:
    """A linear layer; its result has the precision of its weights."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """Apply it to (..., numbers)."""
        return functional.linear(x.to(self.weight.dtype), self.weight, self.bias)

    def gelu(self, x: Tensor) -> Tensor:
        """Apply it and then GELU, see ``linear_gelu``."""
        return linear_gelu(x.to(self.weight.dtype), self.weight, self.bias)


@dataclass(frozen=True)
class Norm:
    """A LayerNorm in float32, whose result has the precision of the matrix products."""

    weight: Tensor
    bias: Tensor
    eps: float
    dtype: torch.dtype

    def __call__(self, x: Tensor) -> Tensor:
        """Normalize (..., width)."""
        return functional.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps).to(
            self.dtype
        )


@dataclass(frozen=True)
class Layer:
    """The weights of one layer, but for its modulation."""

    heads: int
    attention_norm: Norm
    qkv: Linear
    q: Linear
    kv: Linear
    out: Linear | None
    mlp_norm: Norm
    up: Linear
    down: Linear


@dataclass(frozen=True)
class Packed:
    """The weights of a predictor and of the network after it.

    Attributes:
        layers: The layers in order.
        condition: From an embedded action to the width of the layers; None if that is the same.
        modulation: From there to the modulations of all layers, layer by layer.
        neutral: Added to the modulations (layers * 6 * width): 1 for scales, else 0.
        positions: Position embedding (frames, latent).
        enter: From a latent to the width of the layers; None if that is the same.
        norm: The last norm.
        leave: From the width of the layers to what the predictor returns; None: the same.
        widen: First layer of the network after it, with the batch norm.
        narrow: Second layer of it, to a latent.
    """

    layers: list[Layer]
    condition: Linear | None
    modulation: Linear
    neutral: Tensor
    positions: Tensor
    enter: Linear | None
    norm: Norm
    leave: Linear | None
    widen: Linear
    after_widen: Norm | None
    narrow: Linear


def pack(predictor: Predictor, pred_proj: Projection, dtype: torch.dtype) -> Packed:
    """Pack the weights for ``rollout.py``.

    Args:
        predictor: With its weights and on its device.
        pred_proj: The network after it.
        dtype: Precision of the matrix products; features, norms and positions stay float32.
    """

    def linear(layer: nn.Module) -> Linear:
        assert isinstance(layer, nn.Linear)
        bias = layer.bias  # of a layer without one, None
        return Linear(layer.weight.to(dtype), None if bias is None else bias.to(dtype))

    def unless_equal(layer: nn.Module) -> Linear | None:
        return None if isinstance(layer, nn.Identity) else linear(layer)

    def norm(layer: nn.Module) -> Norm:
        assert isinstance(layer, nn.LayerNorm)
        return Norm(layer.weight, layer.bias, layer.eps, dtype)

    def packed(block: ConditionalBlock) -> Layer:
        attention, mlp = block.attn, block.mlp.net
        qkv = attention.to_qkv.weight.to(dtype)
        inner = len(qkv) // 3
        return Layer(
            heads=attention.heads,
            attention_norm=norm(attention.norm),
            qkv=Linear(qkv, None),
            q=Linear(qkv[:inner], None),
            kv=Linear(qkv[inner:], None),
            out=None if attention.projection is None else linear(attention.projection),
            mlp_norm=norm(mlp[0]),
            up=linear(mlp[1]),
            down=linear(mlp[4]),
        )

    with torch.no_grad():
        transformer = predictor.transformer
        blocks = [cast(ConditionalBlock, block) for block in transformer.layers]
        modulations = [cast(nn.Linear, block.adaLN_modulation[1]) for block in blocks]
        neutral = torch.zeros(len(blocks), MODULATIONS, len(transformer.norm.weight))
        neutral[:, [1, 4]] = 1.0
        first, between, _, last = pred_proj.net
        widen = linear(first)
        if isinstance(between, nn.BatchNorm1d):
            widen = _with_batch_norm(first, between, dtype)
        return Packed(
            layers=[packed(block) for block in blocks],
            condition=unless_equal(transformer.cond_proj),
            modulation=Linear(
                torch.cat([layer.weight for layer in modulations]).to(dtype),
                torch.cat([layer.bias for layer in modulations]).to(dtype),
            ),
            neutral=neutral.flatten().to(predictor.pos_embedding.device),
            positions=predictor.pos_embedding[0],
            enter=unless_equal(transformer.input_proj),
            norm=norm(transformer.norm),
            leave=unless_equal(transformer.output_proj),
            widen=widen,
            after_widen=norm(between) if isinstance(between, nn.LayerNorm) else None,
            narrow=linear(last),
        )


def _with_batch_norm(layer: nn.Module, norm: nn.BatchNorm1d, dtype: torch.dtype) -> Linear:
    """Return a linear layer and the batch norm after it, with training's statistics, as one."""
    assert isinstance(layer, nn.Linear)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    bias = (layer.bias.double() - norm.running_mean.double()) * scale + norm.bias.double()
    return Linear((layer.weight.double() * scale[:, None]).to(dtype), bias.to(dtype))
