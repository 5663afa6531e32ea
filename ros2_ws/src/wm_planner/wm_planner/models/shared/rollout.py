"""Rollouts of a predictor over a sliding window of frames, without redundant computation.

A predictor predicts every frame from the newest ones, with positions counted from the oldest of
them (``VWorldModel.rollout`` of gaoyuezhou/dino_wm, ``LeWM.rollout`` of stable-worldmodel).
Attention is causal frame by frame, so a frame's keys and values depend only on the frame, its
position and the frames before it. They stay valid while the window grows, and those of the observed
past are valid for every candidate. When the window slides, every position changes, and with it all
keys and values.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from wm_planner.models.shared.compute import Compute, matmul_precision

WriteAction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Writes embedded actions (..., E) into frames (..., tokens, width)."""

KeysValues: TypeAlias = list[Tensor]
"""Keys and values (M, tokens so far, 2 * heads * dim_head) of every layer; empty: none are known.

They stay in the order in which a layer writes them, so that those of several frames are joined by
plain copies. Of tensors with more dimensions, CUDA joins slowly.
"""


class Rollout(ABC):
    """Rollouts of one predictor; a family's subclass computes its layers.

    Args:
        frames: Frames of the window.
        compute: Precision, approximation and the candidates computed at once.
    """

    def __init__(self, frames: int, compute: Compute) -> None:
        self._frames = frames
        self._rolling = compute.approximation == "rolling_cache"
        self._candidates = compute.candidates
        self._precision = compute.matmul_precision

    @abstractmethod
    def advance(
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

    @abstractmethod
    def keys_values(self, frames: Tensor) -> KeysValues:
        """Compute keys and values of the oldest frames of a window (B, F, tokens, width)."""

    def __call__(self, history: Tensor, actions: Tensor, write_action: WriteAction) -> Tensor:
        """Predict H frames for B problems of N candidates each; differentiable in ``actions``.

        Args:
            history: Observed frames (B, T, tokens, width), oldest first, each with the action
                taken at it. The newest one's action is overwritten by the candidates' first.
            actions: Embedded actions (B, N, H, E); ``actions[:, :, 0]`` acts on the newest
                observed frame.
            write_action: Puts actions into frames.

        Returns:
            Predicted frames (B, N, H, tokens, width), float32, as ``advance`` returns them.
        """
        with matmul_precision(history.device, self._precision):
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
            out, known = self.advance(torch.stack(new, dim=1), first, known, keep)
            frame = out.unflatten(0, (batch, count))
            predicted.append(frame)
            if slides:
                known = [kv[:, tokens:] for kv in known]
                if past:
                    past -= 1
                else:
                    own.pop(0)
        return torch.stack(predicted, dim=2)


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


def observed_first(observed: Tensor, predicted: Tensor) -> Tensor:
    """Put observed frames (B, T, ...) before each candidate's own (B, N, H, ...)."""
    shared = observed.unsqueeze(1).expand(-1, predicted.shape[1], *observed.shape[1:])
    return torch.cat([shared, predicted], dim=2)


def check_actions(actions: Tensor, problems: int, width: int) -> None:
    """Check that candidates are (B, N, H, A).

    Raises:
        ValueError: They are not.
    """
    if actions.ndim != 4 or (actions.shape[0], actions.shape[3]) != (problems, width):
        raise ValueError(f"actions must be ({problems}, N, H, {width}), not {tuple(actions.shape)}")


def history_actions(
    actions: Tensor | None, problems: int, frames: int, width: int, device: torch.device
) -> Tensor | None:
    """Return the actions between T observed frames, (B, T - 1, A), as float32 on the device.

    Raises:
        ValueError: There are actions, but of another shape.
    """
    if actions is None:
        return None
    if actions.shape != (problems, frames - 1, width):
        raise ValueError(
            f"the actions of a history must be ({problems}, {frames - 1}, {width}), "
            f"not {tuple(actions.shape)}"
        )
    return actions.to(device, torch.float32)
