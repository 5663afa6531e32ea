"""Rollouts of DINO-WM's predictor without redundant computation.

Equal to ``VWorldModel.rollout`` of gaoyuezhou/dino_wm, which predicts every frame from the newest
``num_hist`` frames, with positions counted from the oldest of them. Attention is causal frame by
frame, so a frame's keys and values depend only on the frame, its position and the frames before it.
They stay valid while the window grows, and those of the observed past are valid for every
candidate. When the window slides, every position changes, and with it all keys and values.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.models.dino_wm.compute import Compute
from wm_planner.models.dino_wm.packing import Layer, Norm, centered, pack
from wm_planner.models.dino_wm.predictor import Predictor

WriteAction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Writes embedded actions (..., E) into frames (..., tokens, width)."""

KeysValues: TypeAlias = list[Tensor]
"""Keys and values (M, tokens so far, 2 * heads * dim_head) of every layer; empty: none are known.

They stay in the order in which a layer writes them, so that those of several frames are joined by
plain copies. Of tensors with more dimensions, CUDA joins slowly.
"""


Part: TypeAlias = Callable[[Tensor, Tensor, Norm], tuple[Tensor, Tensor]]
"""A function of two tensors (..., padded width) and a norm."""


class Rollout:
    """Rollouts of one predictor.

    Args:
        predictor: With its weights and on its device; later changes of them have no effect.
        compute: Precision, compilation, approximation.
    """

    def __init__(self, predictor: Predictor, compute: Compute) -> None:
        compute = compute.on(predictor.pos_embedding.device)
        self._frames = predictor.architecture.frames
        self._rolling = compute.approximation == "rolling_cache"
        self._candidates = compute.candidates
        self._packed = pack(predictor, compute.dtype, compute.pad_to)
        self._precision = compute.matmul_precision
        self._embed: Part = _embed
        self._add_norm: Part = _add_norm
        if compute.compute == "compiled":  # the parts that are many small operations
            self._embed, self._add_norm = _compiled(_embed), _compiled(_add_norm)

    def __call__(self, history: Tensor, actions: Tensor, write_action: WriteAction) -> Tensor:
        """Predict H frames for B problems of N candidates each; differentiable in ``actions``.

        Args:
            history: Observed frames (B, T, tokens, width), oldest first, each with the action
                taken at it. The newest one's action is overwritten by the candidates' first.
            actions: Embedded actions (B, N, H, E); ``actions[:, :, 0]`` acts on the newest
                observed frame.
            write_action: Puts actions into frames (``TokenLayout.with_action``).

        Returns:
            Predicted frames (B, N, H, tokens, width), float32; the last still holds the action
            features that the network predicted.
        """
        with matmul_precision(history.device, self._precision):
            return self._predict(history, actions, write_action)

    def _predict(self, history: Tensor, actions: Tensor, write_action: WriteAction) -> Tensor:
        past, newest = history[:, :-1], history[:, -1]
        past = past[:, max(0, past.shape[1] - self._frames + 1) :]
        shared = _Shared(self, past)
        at_once = max(1, self._candidates // len(history))
        chunks = actions.chunk(math.ceil(actions.shape[1] / at_once), dim=1)
        return torch.cat([self._chunk(shared, newest, c, write_action) for c in chunks], dim=1)

    def _chunk(
        self, shared: _Shared, newest: Tensor, actions: Tensor, write_action: WriteAction
    ) -> Tensor:
        """Predict (B, n, H, tokens, width) for n candidates; ``newest`` is (B, tokens, width)."""
        batch, count, horizon = actions.shape[:3]
        tokens = newest.shape[-2]
        frame = newest[:, None].expand(-1, count, -1, -1)
        past = shared.frames
        own: list[Tensor] = []
        known: KeysValues = []
        predicted: list[Tensor] = []
        for step in range(horizon):
            own.append(write_action(frame, actions[:, :, step]).flatten(0, 1))
            if not known:
                known, new = shared.keys_values(past, count), own
            else:
                new = own[-1:]
            slides = past + len(own) == self._frames
            keep = step + 1 < horizon and (self._rolling or not slides)
            first = past + len(own) - len(new)
            out, known = self._advance(torch.stack(new, dim=1), first, known, keep)
            frame = out.unflatten(0, (batch, count))
            predicted.append(frame)
            if slides:
                known = [kv[:, tokens:] for kv in known]
                if past:
                    past -= 1
                else:
                    own.pop(0)
        return torch.stack(predicted, dim=2)

    def _advance(
        self, frames: Tensor, first: int, known: KeysValues, keep: bool
    ) -> tuple[Tensor, KeysValues]:
        """Predict the frame after a window.

        Args:
            frames: The window's newest frames (M, F, tokens, width).
            first: Position of the first of them in the window.
            known: Keys and values of the frames before them, or empty.
            keep: Whether to return keys and values.

        Returns:
            The predicted frame (M, tokens, width), and the window's keys and values if kept.
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
            h, x = h[:, -tokens:], x[:, -tokens:].contiguous()
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
        written = functional.linear(_up(layer, h), layer.down, layer.down_bias)
        return *self._add_norm(x, written, after), kv


class _Shared:
    """Keys and values of the observed past, computed once for the candidates of all chunks."""

    def __init__(self, rollout: Rollout, frames: Tensor) -> None:
        """Keep the frames (B, P, tokens, width)."""
        self._rollout, self._past = rollout, frames
        self._computed: dict[int, KeysValues] = {}
        self.frames = frames.shape[1]

    def keys_values(self, newest: int, count: int) -> KeysValues:
        """Return those of the ``newest`` newest past frames, for ``count`` candidates.

        Returns:
            Those of every layer for B * count candidates, or empty without frames.
        """
        if not newest:
            return []
        if newest not in self._computed:
            self._computed[newest] = self._rollout.keys_values(self._past[:, -newest:])
        return [kv.repeat_interleave(count, dim=0) for kv in self._computed[newest]]


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


def _compiled(part: Part) -> Part:
    """Compile a part for tokens of any number, so that another number is no reason to wait."""
    fast = torch.compile(part)

    def call(a: Tensor, b: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
        for tensor in (a, b):
            for dimension in range(tensor.ndim - 1):
                torch._dynamo.maybe_mark_dynamic(tensor, dimension)
        return fast(a, b, norm)

    return call


def _up(layer: Layer, h: Tensor) -> Tensor:
    """Apply the first half of the feed-forward network to normalized tokens (M, L, padded width).

    In half precision the matrix product computes the GELU too. On a GPU (cuBLASLt) that is its tanh
    form, which differs from the exact one by less than 5e-4.
    """
    if h.dtype != torch.float32 and not h.requires_grad:
        rows = torch._addmm_activation(layer.up_bias, h.flatten(0, 1), layer.up.t(), use_gelu=True)
        return rows.unflatten(0, h.shape[:2])
    return functional.gelu(functional.linear(h, layer.up, layer.up_bias))


@contextlib.contextmanager
def matmul_precision(device: torch.device, precision: str) -> Iterator[None]:
    """Compute float32 matrix products on a GPU in another precision (``highest``: float32)."""
    before = torch.get_float32_matmul_precision()
    if device.type != "cuda" or precision == before:
        yield
        return
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
