"""How a DINO-WM model is computed: the options that ``load`` takes for this family."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
APPROXIMATIONS = ("none", "rolling_cache")


@dataclass(frozen=True)
class Compute:
    """Options; the defaults compute what DINO-WM computes.

    Attributes:
        precision: Of the predictor's matrix products and attention. Features between the layers,
            norms and positions are float32 in any case.
        compile: Compile the predictor's layers (``torch.compile``); the first plans take longer.
        approximation: ``none``, or ``rolling_cache``: once the window slides, keys and values are
            kept as they were, though upstream computes them anew with positions moved by one.
            Costs three fifths, and ranks candidates differently (``benchmarks/dino_wm.py``).
        pad_to: Features per token are padded to a multiple of it; 0: as the device likes it.
        candidates: Candidates computed at once; 0: as the device likes it.
    """

    precision: str = "float32"
    compile: bool = False
    approximation: str = "none"
    pad_to: int = 0
    candidates: int = 0

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: There is no such precision or approximation.
        """
        for name, choices in (("precision", PRECISIONS), ("approximation", APPROXIMATIONS)):
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"model.{name} is '{value}'; choose {', '.join(choices)}")

    @property
    def dtype(self) -> torch.dtype:
        """Torch's name of the precision."""
        return PRECISIONS[self.precision]

    def on(self, device: torch.device) -> Compute:
        """With what is left to the device filled in.

        Tensor cores read 16 bytes at a time, and DINO-WM's 404 features are no multiple of that; on
        the CPU padding is lost time. Few candidates fit a CPU's cache; a GPU is filled by more.
        """
        cuda = device.type == "cuda"
        return replace(
            self,
            pad_to=self.pad_to or (8 if cuda else 1),
            candidates=self.candidates or (150 if cuda else 4),
        )
