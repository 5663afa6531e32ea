"""World models: the spec beside the weights, the protocol, loading, and the families.

Importing this package does not import torch, so that the node's process stays small. ``load`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wm_planner.models.spec import ModelSpec, SpecError, StatisticsError, load_spec

if TYPE_CHECKING:
    from torch import Tensor

    from wm_planner.models.protocol import WorldModel

__all__ = ["ModelSpec", "SpecError", "StatisticsError", "load", "load_spec", "write_model"]


def load(
    directory: str | Path,
    device: str = "auto",
    *,
    allow_unverified_statistics: bool = False,
    **options: Any,
) -> WorldModel:
    """Load the model in ``directory``; see ``wm_planner.models.loading.load``."""
    from wm_planner.models import loading

    return loading.load(
        directory, device, allow_unverified_statistics=allow_unverified_statistics, **options
    )


def write_model(output: Path, spec: ModelSpec, tensors: Mapping[str, Tensor]) -> None:
    """Write ``model.yaml`` and weights; see ``wm_planner.models.writing.write_model``."""
    from wm_planner.models import writing

    writing.write_model(output, spec, tensors)
