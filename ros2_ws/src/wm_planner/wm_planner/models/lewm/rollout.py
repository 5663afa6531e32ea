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

Part: TypeAlias = Callable[[Tensor, Tensor, Any], Tensor]
"""A function of rows (R, width), their modulations (R, 3 or 6, width), and something else."""
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
        self._modulated: Part = _modulated
        self._gated: Part = _gated
        if compute.compute == "compiled":  # the parts that are many small operations
            self._modulated, self._gated = compiled(_modulated), compiled(_gated)

    def modulations(self, actions: Tensor) -> Tensor:
        """Compute what embedded actions (..., E) make of the layers: (..., layers * 6 * width)."""
        condition = self._packed.condition
        c = actions if condition is None else condition(actions)
        return self._packed.modulation(functional.silu(c)).float()

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
        x, modulations = self._entered(frames, first)
        kept: KeysValues = []
        for index, layer in enumerate(packed.layers):
            x, kv = self._layer(
                layer,
                x,
                modulations[:, :, index],
                known[index] if known else None,
                newest_only=index + 1 == len(packed.layers),
            )
            if keep:
                kept.append(kv)
        out = packed.norm(x[:, -1:])
        out = out if packed.leave is None else packed.leave(out)
        out = packed.widen(out)
        if packed.after_widen is not None:
            out = packed.after_widen(out.float())
        return packed.narrow(functional.gelu(out)).float(), kept

    def keys_values(self, frames: Tensor) -> KeysValues:
        """Compute keys and values of the oldest frames of a window (B, F, 1, latent and more)."""
        x, modulations = self._entered(frames, 0)
        kept: KeysValues = []
        for index, layer in enumerate(self._packed.layers):
            x, kv = self._layer(layer, x, modulations[:, :, index], None, newest_only=False)
            kept.append(kv)
        return kept

    def _entered(self, frames: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """Return the layers' input (M, F, width), and the modulations (M, F, layers, 6, width)."""
        packed, count = self._packed, frames.shape[1]
        x = frames[:, :, 0, : self._latent] + packed.positions[first : first + count]
        if packed.enter is not None:
            x = packed.enter(x).float()
        sizes = (len(packed.layers), MODULATIONS, x.shape[-1])
        return x, frames[:, :, 0, self._latent :].unflatten(-1, sizes)

    def _layer(
        self,
        layer: Layer,
        x: Tensor,
        modulation: Tensor,
        before: Tensor | None,
        *,
        newest_only: bool,
    ) -> tuple[Tensor, Tensor]:
        """Apply one layer to the new frames of a window.

        Args:
            layer: Its weights.
            x: New frames (M, F, width).
            modulation: Shift, scale and gate of attention and MLP (M, F, 6, width).
            before: Keys and values of the frames before them.
            newest_only: Compute the newest frame's output only.

        Returns:
            x after the layer, and the keys and values of all frames.
        """
        h = self._rows(self._modulated, x, modulation, layer.attention_norm)
        kv = layer.kv(h)
        if before is not None:
            kv = torch.cat([before, kv], dim=1)
        if newest_only:
            h, x, modulation = (part[:, -1:].contiguous() for part in (h, x, modulation))
        k, v = kv.unflatten(-1, (2, layer.heads, -1)).permute(2, 0, 3, 1, 4)
        q = layer.q(h).unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        count, seen = q.shape[2], k.shape[2]
        mask = None
        if count > 1:
            mask = torch.ones(count, seen, dtype=torch.bool, device=q.device).tril(seen - count)
        attended = functional.scaled_dot_product_attention(q, k, v, mask)
        written = attended.transpose(1, 2).flatten(2)
        if layer.out is not None:
            written = layer.out(written)
        x = self._rows(self._gated, x, modulation, written.flatten(0, 1))
        rest = modulation[:, :, 3:]  # of the MLP
        h = self._rows(self._modulated, x, rest, layer.mlp_norm)
        written = layer.down(functional.gelu(layer.up(h)))
        return self._rows(self._gated, x, rest, written.flatten(0, 1)), kv

    @staticmethod
    def _rows(part: Part, x: Tensor, modulation: Tensor, other: Any) -> Tensor:
        """Apply a part to frames (M, F, ...) as rows, so that F is no reason to compile anew."""
        return part(x.flatten(0, 1), modulation.flatten(0, 1), other).unflatten(0, x.shape[:2])


def _modulated(x: Tensor, modulation: Tensor, norm: Norm) -> Tensor:
    """Normalize rows (R, width), shift and scale them, and apply a layer's own norm."""
    shift, scale = modulation[:, 0], modulation[:, 1]
    return norm(functional.layer_norm(x, (x.shape[-1],), eps=NORM_EPS) * (1 + scale) + shift)


def _gated(x: Tensor, modulation: Tensor, written: Tensor) -> Tensor:
    """Add what a layer has written to rows (R, width), as far as the gate is open."""
    return x + modulation[:, 2] * written
