"""The options of ``load`` for this family."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from wm_planner.models.shared.compute import Compute


@dataclass(frozen=True)
class DinoCompute(Compute):
    """The options that families share, and one more.

    Attributes:
        pad_to: Features per token are padded to a multiple of it; 0: chosen for the device.
    """

    pad_to: int = 0

    def on(self, device: torch.device) -> DinoCompute:
        """Return the options with the choices for a device filled in.

        Tensor cores read 16 bytes at a time, and DINO-WM's 404 features are no multiple of that; on
        a CPU, padding only costs time. A CPU's cache fits few candidates; a GPU needs more to be
        busy.
        """
        cuda = device.type == "cuda"
        return replace(
            self,
            pad_to=self.pad_to or (8 if cuda else 1),
            candidates=self.candidates or (150 if cuda else 4),
        )
