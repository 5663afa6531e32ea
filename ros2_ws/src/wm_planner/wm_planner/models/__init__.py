"""World models: the spec beside the weights, the protocol, loading, and the families.

Importing this package does not import torch, so that the node's process stays small. ``load`` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from wm_planner.models.spec import ModelSpec, SpecError, StatisticsError, load_spec

if TYPE_CHECKING:
    from wm_planner.models.protocol import WorldModel

__all__ = ["ModelSpec", "SpecError", "StatisticsError", "load", "load_spec"]


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
