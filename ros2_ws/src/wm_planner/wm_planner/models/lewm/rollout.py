"""Rollouts of LeWM's predictor: the layers of ``LeWM.rollout`` of stable-worldmodel 0.1.1.

A frame is one token: its latent, and after it the modulations of all layers by its action. These
depend on the action alone, so they are computed once and move with the frame when the window
slides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.models.lewm.embedding import Projection
from wm_planner.models.lewm.packing import Layer, Norm, pack
from wm_planner.models.lewm.predictor import MODULATIONS, NORM_EPS, Predictor
from wm_planner.models.shared.compute import Compute, compiled
from wm_planner.models.shared.rollout import KeysValues, Rollout

Part: TypeAlias = Callable[..., Any]
"""A function of rows (R, width) made of many small operations."""
CANDIDATES = {"cpu": 64, "cuda": 4096}
"""Candidates computed at once: a CPU's cache fits few, a GPU needs many to be busy."""


class LewmRollout(Rollout):
    """Rollouts of one predictor.

    Args:
        predictor: With its weights and on its device; later changes of them have no effect.
        pred_proj: The network that turns what it returns into a latent.
        compute: Precision, compilation, approximation.
    """

    def __init__(self, predictor: Predictor, pred_proj: Projection, compute: Compute) -> None:
        device = predictor.pos_embedding.device
        most = CANDIDATES.get(device.type, CANDIDATES["cuda"])
        super().__init__(
            predictor.architecture.frames,
            replace(compute, candidates=compute.candidates or most),
        )
        self._packed = pack(predictor, pred_proj, compute.dtype)
        self._latent = self._packed.positions.shape[-1]
        self._normed: Part = _normed
        self._add_normed: Part = _add_normed
        self._ended: Part = _ended
        if compute.compute == "compiled":
            self._normed, self._add_normed = compiled(_normed), compiled(_add_normed)
            self._ended = compiled(_ended)

    def modulations(self, actions: Tensor) -> Tensor:
        """Compute the layers' modulations (..., layers * 6 * width) by embedded actions (..., E).

        1 is added to every scale.
        """
        condition = self._packed.condition
        c = actions if condition is None else condition(actions)
        return self._packed.modulation(functional.silu(c)) + self._packed.neutral

    def with_action(self, frames: Tensor, modulations: Tensor) -> Tensor:
        """Put modulations (..., K) after the latents of frames (..., 1, latent or more)."""
        leading = frames.shape[:-1]
        written = modulations.unsqueeze(-2).expand(*leading, -1)
        return torch.cat([frames[..., : self._latent], written], dim=-1)

    def advance(
        self, frames: Tensor, first: int, known: KeysValues, keep: bool
    ) -> tuple[Tensor, KeysValues]:
        """Predict the latent after a window; see ``Rollout``."""
        packed = self._packed
        out, kept = self._through(frames, first, known, keep)
        out = out if packed.leave is None else packed.leave(out)
        if packed.after_widen is None:
            out = packed.widen.gelu(out)
        else:
            out = functional.gelu(packed.after_widen(packed.widen(out).float()))
        return packed.narrow(out).float().unsqueeze(1), kept

    def keys_values(self, frames: Tensor) -> KeysValues:
        """Compute keys and values of the oldest frames of a window (B, F, 1, latent and more)."""
        return self._through(frames, 0, [], True)[1]

    def _through(
        self, frames: Tensor, first: int, known: KeysValues, keep: bool
    ) -> tuple[Tensor, KeysValues]:
        """Apply the layers and the last norm to the new frames of a window; see ``advance``.

        Outside the attention, frames are rows, so that F is no reason to compile anew.

        Returns:
            The newest frame's features (M, width), and the window's keys and values if kept.
        """
        packed, sizes = self._packed, frames.shape[:2]
        count = sizes[1]
        x, modulations = (part.flatten(0, 1) for part in self._entered(frames, first))
        # Where no frame is known, the attention itself is causal; one frame may see all.
        mask = None
        if count > 1 and known:
            mask = torch.ones(count, first + count, dtype=torch.bool, device=x.device).tril(first)
        h = self._normed(x, modulations[:, 0, :3], packed.layers[0].attention_norm)
        kept: KeysValues = []
        for index, layer in enumerate(packed.layers):
            last = index + 1 == len(packed.layers)
            before = known[index] if known else None
            written, kv = self._attention(layer, h.unflatten(0, sizes), before, mask, last)
            own = modulations[:, index]
            if last and count > 1:  # only the newest frame's output is needed
                x, own = (part.unflatten(0, sizes)[:, -1].contiguous() for part in (x, own))
            written = written.flatten(0, 1)
            x, h = self._add_normed(x, written, own[:, :3], own[:, 3:], layer.mlp_norm)
            written = layer.down(layer.up.gelu(h))
            if last:
                h = self._ended(x, written, own[:, 3:], packed.norm)
            else:
                following, norm = modulations[:, index + 1], packed.layers[index + 1].attention_norm
                x, h = self._add_normed(x, written, own[:, 3:], following[:, :3], norm)
            if keep:
                kept.append(kv)
        return h, kept

    def _entered(self, frames: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """Return the layers' input (M, F, width), and the modulations (M, F, layers, 6, width)."""
        packed, count = self._packed, frames.shape[1]
        x = frames[:, :, 0, : self._latent] + packed.positions[first : first + count]
        if packed.enter is not None:
            x = packed.enter(x).float()
        sizes = (len(packed.layers), MODULATIONS, x.shape[-1])
        return x, frames[:, :, 0, self._latent :].unflatten(-1, sizes)

    def _attention(
        self, layer: Layer, h: Tensor, before: Tensor | None, mask: Tensor | None, newest_only: bool
    ) -> tuple[Tensor, Tensor]:
        """Apply a layer's attention to the new frames of a window.

        Args:
            layer: Its weights.
            h: New frames (M, F, width), normalized.
            before: Keys and values of the frames before them.
            mask: Which frames each new one may see (F, all frames); None: itself and all before.
            newest_only: Compute the newest frame's output only.

        Returns:
            The attention's output (M, F or 1, width), and the keys and values of all frames.
        """
        if newest_only and h.shape[1] > 1:
            q, kv, mask = layer.q(h[:, -1])[:, None], layer.kv(h), None
        else:
            q, kv = layer.qkv(h).split((len(layer.q.weight), len(layer.kv.weight)), dim=-1)
        if before is not None:
            kv = torch.cat([before, kv], dim=1)
        k, v = kv.unflatten(-1, (2, layer.heads, -1)).permute(2, 0, 3, 1, 4)
        q = q.unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        causal = mask is None and q.shape[2] > 1
        attended = functional.scaled_dot_product_attention(q, k, v, mask, is_causal=causal)
        written = attended.transpose(1, 2).flatten(2)
        return written if layer.out is None else layer.out(written), kv


def _normed(x: Tensor, modulation: Tensor, norm: Norm) -> Tensor:
    """Normalize rows (R, width), shift and scale them (R, 3, width), apply a layer's own norm."""
    shift, scale = modulation[:, 0], modulation[:, 1]
    return norm(torch.addcmul(shift, functional.layer_norm(x, (x.shape[-1],), eps=NORM_EPS), scale))


def _add_normed(
    x: Tensor, written: Tensor, gates: Tensor, modulation: Tensor, norm: Norm
) -> tuple[Tensor, Tensor]:
    """Add what was written to rows x (R, width), scaled by the third of gates (R, 3, width).

    Returns:
        x, and x normalized for what follows.
    """
    x = torch.addcmul(x, gates[:, 2], written)
    return x, _normed(x, modulation, norm)


def _ended(x: Tensor, written: Tensor, gates: Tensor, norm: Norm) -> Tensor:
    """Add what the last layer has written, as ``_add_normed``; return x after the last norm."""
    return norm(torch.addcmul(x, gates[:, 2], written))
