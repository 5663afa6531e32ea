"""Rollouts of DINO-WM's predictor: the layers of ``VWorldModel.rollout`` of gaoyuezhou/dino_wm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.models.dino_wm.compute import DinoCompute
from wm_planner.models.dino_wm.packing import Layer, Norm, centered, pack
from wm_planner.models.dino_wm.predictor import Predictor
from wm_planner.models.shared.compute import compiled, linear_gelu
from wm_planner.models.shared.rollout import KeysValues, Rollout

Part: TypeAlias = Callable[[Tensor, Tensor, Norm], tuple[Tensor, Tensor]]
"""A function of two tensors (..., padded width) and a norm."""


class DinoRollout(Rollout):
    """Rollouts of one predictor.

    Args:
        predictor: With its weights and on its device; later changes of them have no effect.
        compute: Precision, compilation, approximation.
    """

    def __init__(self, predictor: Predictor, compute: DinoCompute) -> None:
        compute = compute.on(predictor.pos_embedding.device)
        super().__init__(predictor.architecture.frames, compute)
        self._packed = pack(predictor, compute.dtype, compute.pad_to)
        self._embed: Part = _embed
        self._add_norm: Part = _add_norm
        if compute.compute == "compiled":  # the parts that are many small operations
            self._embed, self._add_norm = compiled(_embed), compiled(_add_norm)

    def advance(
        self, frames: Tensor, first: int, known: KeysValues, keep: bool
    ) -> tuple[Tensor, KeysValues]:
        """Predict the frame after a window; see ``Rollout``.

        The frame still holds the action features that the network predicted.
        """
        packed, tokens = self._packed, frames.shape[2]
        x, h = self._embedded(frames, first)
        kept: KeysValues = []
        for index, layer in enumerate(packed.layers):
            last = index + 1 == len(packed.layers)
            before = known[index] if known else None
            after = packed.norm if last else packed.layers[index + 1].attention_norm
            x, h, kv = self._layer(layer, x, h, before, tokens, last, after)
            if keep:
                kept.append(kv)
        return h[..., : packed.width], kept

    def keys_values(self, frames: Tensor) -> KeysValues:
        """Compute keys and values of the oldest frames of a window (B, F, tokens, width)."""
        packed, tokens = self._packed, frames.shape[2]
        x, h = self._embedded(frames, 0)
        kept: KeysValues = []
        for layer, after in zip(packed.layers, packed.layers[1:], strict=False):
            x, h, kv = self._layer(layer, x, h, None, tokens, False, after.attention_norm)
            kept.append(kv)
        return [*kept, _keys_values(packed.layers[-1], h)]

    def _embedded(self, frames: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """Return tokens of frames (M, F, tokens, width) and the same normalized for layer 0.

        Args:
            frames: Frames to embed.
            first: Position of the first frame in the window.
        """
        packed, count, tokens = self._packed, frames.shape[1], frames.shape[2]
        positions = packed.positions[first * tokens : (first + count) * tokens]
        return self._embed(frames.flatten(1, 2), positions, packed.layers[0].attention_norm)

    def _layer(
        self,
        layer: Layer,
        x: Tensor,
        h: Tensor,
        before: Tensor | None,
        tokens: int,
        newest_only: bool,
        after: Norm,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Apply one layer to the new frames of a window.

        Args:
            layer: Its weights.
            x: New frames (M, F * tokens, padded width).
            h: The same, normalized for this layer.
            before: Keys and values of the frames before them.
            tokens: Tokens per frame.
            newest_only: Compute the newest frame's output only.
            after: The norm that follows this layer.

        Returns:
            x after the layer, x normalized by ``after``, and the keys and values of all frames.
        """
        kv = _keys_values(layer, h)
        if before is not None:
            kv = torch.cat([before, kv], dim=1)
        k, v = kv.unflatten(-1, (2, layer.heads, -1)).permute(2, 0, 3, 1, 4)
        if newest_only:
            h, x = (part[:, -tokens:].contiguous() for part in (h, x))
        q = functional.linear(h, layer.q).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        seen = range(k.shape[2] - q.shape[2] + tokens, k.shape[2] + 1, tokens)
        attended = [
            functional.scaled_dot_product_attention(part, k[:, :, :end], v[:, :, :end])
            for part, end in zip(q.split(tokens, dim=2), seen, strict=True)
        ]
        by_token = [part.transpose(1, 2) for part in attended]
        joined = (by_token[0] if len(by_token) == 1 else torch.cat(by_token, dim=1)).flatten(2)
        if layer.out is None:
            written = centered(joined, x.shape[-1])
        else:
            written = functional.linear(joined, layer.out, layer.out_bias)
        x, h = self._add_norm(x, written, layer.mlp_norm)
        up = linear_gelu(h, layer.up, layer.up_bias)
        written = functional.linear(up, layer.down, layer.down_bias)
        return *self._add_norm(x, written, after), kv


def _keys_values(layer: Layer, h: Tensor) -> Tensor:
    """Compute keys and values (M, L, 2 * heads * dim_head) of normalized tokens (M, L, width)."""
    return functional.linear(h, layer.kv)


def _embed(frames: Tensor, positions: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """Turn features (M, L, width) into tokens (M, L, padded width); return them normalized too."""
    x = centered(frames, positions.shape[-1]) + positions
    return x, norm(x)


def _add_norm(x: Tensor, written: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """Add what a layer has written to tokens x (M, L, padded width); return them normalized too."""
    x = x + written
    return x, norm(x)
