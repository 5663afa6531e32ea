"""Rollouts of LeWM's predictor: the layers of ``LeWM.rollout`` of stable-worldmodel 0.1.1.

A frame is one token: its latent, and after it the modulations of all layers by its action. These
depend on the action alone, so they are computed once and move with the frame when the window
slides.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.models.lewm.embedding import Projection
from wm_planner.models.lewm.packing import Layer, Norm, pack
from wm_planner.models.lewm.predictor import MODULATIONS, NORM_EPS, Predictor
from wm_planner.models.shared.compute import Compute, compiled
from wm_planner.models.shared.rollout import KeysValues, Rollout

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
        self._modulated, self._gated = _modulated, _gated
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
                modulations[index],
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
        for layer, modulation in zip(self._packed.layers, modulations, strict=True):
            x, kv = self._layer(layer, x, modulation, None, newest_only=False)
            kept.append(kv)
        return kept

    def _entered(self, frames: Tensor, first: int) -> tuple[Tensor, list[list[Tensor]]]:
        """Return the layers' input (M, F, width), and per layer its six modulations."""
        packed, count = self._packed, frames.shape[1]
        x = frames[:, :, 0, : self._latent] + packed.positions[first : first + count]
        if packed.enter is not None:
            x = packed.enter(x).float()
        parts = frames[:, :, 0, self._latent :].split(x.shape[-1], dim=-1)
        return x, [list(parts[i : i + MODULATIONS]) for i in range(0, len(parts), MODULATIONS)]

    def _layer(
        self,
        layer: Layer,
        x: Tensor,
        modulation: list[Tensor],
        before: Tensor | None,
        *,
        newest_only: bool,
    ) -> tuple[Tensor, Tensor]:
        """Apply one layer to the new frames of a window.

        Args:
            layer: Its weights.
            x: New frames (M, F, width).
            modulation: Shift, scale and gate of attention and MLP, each (M, F, width).
            before: Keys and values of the frames before them.
            newest_only: Compute the newest frame's output only.

        Returns:
            x after the layer, and the keys and values of all frames.
        """
        h = self._modulated(x, modulation[0], modulation[1], layer.attention_norm)
        kv = layer.kv(h)
        if before is not None:
            kv = torch.cat([before, kv], dim=1)
        if newest_only:
            h, x = h[:, -1:], x[:, -1:]
            modulation = [part[:, -1:] for part in modulation]
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
        x = self._gated(x, modulation[2], written)
        h = self._modulated(x, modulation[3], modulation[4], layer.mlp_norm)
        return self._gated(x, modulation[5], layer.down(functional.gelu(layer.up(h)))), kv


def _modulated(x: Tensor, shift: Tensor, scale: Tensor, norm: Norm) -> Tensor:
    """Normalize frames x (M, F, width), scale and shift them, and apply a layer's own norm."""
    return norm(functional.layer_norm(x, (x.shape[-1],), eps=NORM_EPS) * (1 + scale) + shift)


def _gated(x: Tensor, gate: Tensor, written: Tensor) -> Tensor:
    """Add what a layer has written to frames x (M, F, width), as far as the gate is open."""
    return x + gate * written
