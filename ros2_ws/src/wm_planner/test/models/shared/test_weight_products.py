"""Products with weights are single matrix products for all candidates and frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small_dino_wm
import torch
from lewm_runs import random_lewm, small_spec
from torch.utils._python_dispatch import TorchDispatchMode

from wm_planner.models.protocol import Latent


class Named(TorchDispatchMode):
    """Collects the names of operations."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func._schema.name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", ["dino_wm", "lewm"])
def test_no_weight_is_multiplied_candidate_by_candidate(
    family: str, precision: str, tmp_path: Path
) -> None:
    """torch does so for a part of the frames, and copies the weight for each candidate."""
    if family == "lewm":
        model: Any = random_lewm(small_spec(frames=3))
        latent = Latent(torch.randn(1, 1, 1, model.spec.architecture["latent"]))
    else:
        model = small_dino_wm.random_model(tmp_path, num_hist=3)
        latent = Latent(torch.randn(1, 1, 4, 24), torch.randn(1, 1, 3))
    model.use(precision, "eager")
    with torch.no_grad(), Named() as seen:
        model.rollout(latent, torch.randn(1, 8, 5, model.spec.model_action_dim))
    assert "aten::mm" in seen.names  # of queries, keys and values
    assert "aten::bmm" not in seen.names
