"""The options of ``load`` for this family: how rollouts are computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from wm_planner.config.model import COMPUTES

PRECISIONS = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
APPROXIMATIONS = ("none", "rolling_cache")


@dataclass(frozen=True)
class Compute:
    """Options; with the defaults, the results equal DINO-WM's.

    Attributes:
        precision: Precision of the predictor's matrix products and attention; ``tf32`` is float32
            with products in TF32 on a GPU. Features between the layers, norms and positions are
            always float32.
        compute: ``compiled`` compiles the parts of the predictor's layers that are many small
            operations (``torch.compile``); the first plans take longer.
        approximation: ``none``, or ``rolling_cache``: keep keys and values when the window slides,
            although upstream computes them again for the new positions. This takes three fifths
            of the FLOP and ranks candidates differently (``benchmarks/dino_wm.py``).
        pad_to: Features per token are padded to a multiple of it; 0: chosen for the device.
        candidates: Candidates computed at once; 0: chosen for the device.
    """

    precision: str = "float32"
    compute: str = "eager"
    approximation: str = "none"
    pad_to: int = 0
    candidates: int = 0

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: There is no such precision, way to compute or approximation.
        """
        for name, choices in (
            ("precision", PRECISIONS), ("compute", COMPUTES), ("approximation", APPROXIMATIONS)
        ):  # fmt: skip
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"model.{name} is '{value}'; choose {', '.join(choices)}")

    @property
    def dtype(self) -> torch.dtype:
        """The precision as a type of torch."""
        return PRECISIONS[self.precision]

    @property
    def matmul_precision(self) -> str:
        """The precision of float32 matrix products, as torch names it."""
        return "high" if self.precision == "tf32" else "highest"

    def on(self, device: torch.device) -> Compute:
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
