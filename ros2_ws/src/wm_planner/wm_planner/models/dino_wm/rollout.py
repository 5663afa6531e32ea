"""Rollouts of DINO-WM's predictor without redundant computation.

Equal to ``VWorldModel.rollout`` of gaoyuezhou/dino_wm, which predicts every frame from the newest
``num_hist`` frames, with positions counted from the oldest of them. Attention is causal frame by
frame, so a frame's keys and values depend only on the frame, its position and the frames before it.
They stay valid while the window grows, and those of the observed past are valid for every
candidate. When the window slides, every position changes, and with it all keys and values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.models.dino_wm.compute import Compute
from wm_planner.models.dino_wm.packing import Layer, pack
from wm_planner.models.dino_wm.predictor import Predictor

WriteAction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Writes embedded actions (..., E) into frames (..., tokens, width)."""

Pair: TypeAlias = tuple[Tensor, Tensor]
"""Keys and values (M, heads, tokens so far, dim_head) of one layer."""

KeysValues: TypeAlias = list[Pair]
"""Keys and values of every layer; empty: none are known."""


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
        self._normalized, self._fed_forward = _normalized, _fed_forward
        if compute.compile:  # the parts that are many small operations
            self._normalized = torch.compile(_normalized, dynamic=True)
            self._fed_forward = torch.compile(_fed_forward, dynamic=True)

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
                known = [(k[:, :, tokens:], v[:, :, tokens:]) for k, v in known]
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
        x = packed.embed(frames, first)
        kept: KeysValues = []
        for index, layer in enumerate(packed.layers):
            last = index + 1 == len(packed.layers)
            before = known[index] if known else None
            x, pair = self._layer(layer, x, before, tokens, last)
            if keep:
                kept.append(pair)
        return packed.norm(x)[..., : packed.width], kept

    def keys_values(self, frames: Tensor) -> KeysValues:
        """Compute keys and values of the oldest frames of a window (B, F, tokens, width)."""
        packed, tokens = self._packed, frames.shape[2]
        x = packed.embed(frames, 0)
        kept: KeysValues = []
        for layer in packed.layers[:-1]:
            x, pair = self._layer(layer, x, None, tokens, False)
            kept.append(pair)
        last = packed.layers[-1]
        return [*kept, _keys_values(last, self._normalized(last, x))]

    def _layer(
        self, layer: Layer, x: Tensor, before: Pair | None, tokens: int, newest_only: bool
    ) -> tuple[Tensor, Pair]:
        """Apply one layer to the new frames of a window.

        Args:
            layer: Its weights.
            x: New frames (M, F * tokens, padded width).
            before: Keys and values of the frames before them.
            tokens: Tokens per frame.
            newest_only: Compute the newest frame's output only.

        Returns:
            x after the layer, and the keys and values of all frames.
        """
        h = self._normalized(layer, x)
        k, v = _keys_values(layer, h)
        if before is not None:
            k, v = torch.cat([before[0], k], dim=2), torch.cat([before[1], v], dim=2)
        if newest_only:
            h, x = h[:, -tokens:], x[:, -tokens:]
        q = functional.linear(h, layer.q).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        seen = range(k.shape[2] - q.shape[2] + tokens, k.shape[2] + 1, tokens)
        attended = [
            functional.scaled_dot_product_attention(part, k[:, :, :end], v[:, :, :end])
            for part, end in zip(q.split(tokens, dim=2), seen, strict=True)
        ]
        by_token = [part.transpose(1, 2) for part in attended]
        joined = (by_token[0] if len(by_token) == 1 else torch.cat(by_token, dim=1)).flatten(2)
        if layer.out is None:
            x = x + self._packed.centered(joined)
        else:
            x = x + functional.linear(joined, layer.out, layer.out_bias)
        return self._fed_forward(layer, x), (k, v)


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
            Keys and values (B * count, heads, tokens, dim_head), or empty without frames.
        """
        if not newest:
            return []
        if newest not in self._computed:
            self._computed[newest] = self._rollout.keys_values(self._past[:, -newest:])
        return [
            (k.repeat_interleave(count, dim=0), v.repeat_interleave(count, dim=0))
            for k, v in self._computed[newest]
        ]


def _keys_values(layer: Layer, h: Tensor) -> Pair:
    """Compute keys and values (M, heads, L, dim_head) of normalized tokens (M, L, padded width)."""
    kv = functional.linear(h, layer.kv).unflatten(-1, (2, layer.heads, -1))
    k, v = kv.permute(2, 0, 3, 1, 4)
    return k, v


def _normalized(layer: Layer, x: Tensor) -> Tensor:
    """Normalize (M, L, padded width) for attention, in the precision of the matrix products."""
    return layer.attention_norm(x)


def _fed_forward(layer: Layer, x: Tensor) -> Tensor:
    """Apply the feed-forward network to tokens x (M, L, padded width)."""
    hidden = functional.gelu(functional.linear(layer.mlp_norm(x), layer.up, layer.up_bias))
    return x + functional.linear(hidden, layer.down, layer.down_bias)
