"""Settings of the world model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wm_planner.config.schema import setting


@dataclass
class ModelConfig:
    """Which world model to load, and how it computes."""

    directory: str = setting("", "Directory with model.yaml and the weights.")
    device: str = setting("auto", "Torch device; auto: the first GPU, or the CPU without one.")
    allow_unverified_statistics: bool = setting(
        False,
        "Accept normalization statistics without provenance; every status then warns about it.",
    )
    precision: str = setting(
        "float32",
        "Precision of rollouts: float32, bfloat16 or float16 (dino_wm models only).",
        choices=["float32", "bfloat16", "float16"],
    )
    compile: bool = setting(
        False, "Compile rollouts; the first plans take longer (dino_wm models only)."
    )
    cuda_graphs: bool = setting(
        False, "Replay rollouts as CUDA graphs on a GPU (dino_wm models only)."
    )
    approximation: str = setting(
        "none",
        "none: rollouts as the model was trained; rolling_cache: keep keys and values when the "
        "window slides, which is cheaper and ranks candidates differently (dino_wm models only).",
        choices=["none", "rolling_cache"],
    )

    def options(self) -> dict[str, Any]:
        """Return the options for the model's family: how to compute, if not by default."""
        names = ("precision", "compile", "approximation")
        default = ModelConfig()
        chosen = {name: getattr(self, name) for name in names}
        return {k: v for k, v in chosen.items() if v != getattr(default, k)}
