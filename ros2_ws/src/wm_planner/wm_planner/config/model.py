"""Settings of the world model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wm_planner.config.schema import setting

PRECISIONS = ["float32", "tf32", "bfloat16", "float16"]
COMPUTES = ["eager", "graphs", "compiled"]


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
        "auto",
        "Precision of rollouts: float32, tf32, bfloat16 or float16 (models of dino_wm and lewm); "
        "auto: half precision or TF32 on a GPU if it plans as float32 does there, and float32 on a "
        "CPU.",
        choices=["auto", *PRECISIONS],
    )
    compute: str = setting(
        "auto",
        "How a GPU runs rollouts: eager, graphs (replays them as CUDA graphs) or compiled (graphs "
        "of compiled kernels, models of dino_wm and lewm); auto: the fastest. A CPU has no graphs, "
        "and auto is eager there.",
        choices=["auto", *COMPUTES],
    )
    approximation: str = setting(
        "none",
        "none: rollouts as the model was trained; rolling_cache: keep keys and values when the "
        "window slides, which is cheaper and ranks candidates differently (models of dino_wm and "
        "lewm).",
        choices=["none", "rolling_cache"],
    )

    history: str = setting(
        "none",
        "What a plan is made from: none (the newest image alone, as the papers do) or real (also "
        "up to num_hist - 1 earlier images, one model step apart, and the actions between them). "
        "Single plans (~/plan_once, wm-planner plan) are made from one image. wm-planner doctor "
        "measures on a recording which predicts better.",
        choices=["none", "real"],
    )

    def options(self) -> dict[str, Any]:
        """Return the options for the model's family: how to compute, if not by default."""
        chosen: dict[str, Any] = {}
        if self.precision not in ("auto", "float32"):  # every family computes in float32
            chosen["precision"] = self.precision
        if self.compute == "compiled":
            chosen["compute"] = self.compute
        if self.approximation != "none":
            chosen["approximation"] = self.approximation
        return chosen
