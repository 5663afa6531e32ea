"""Opens the dataset that a converted model was trained on, as its spec describes it."""

from __future__ import annotations

from pathlib import Path

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm.kinds import DINO_WM_KINDS
from wm_planner.datasets.dino_wm.training_config import read_configured
from wm_planner.datasets.registry import read
from wm_planner.models.spec import ModelSpec

KINDS = tuple(DINO_WM_KINDS)
_LAYOUT, _WITH_LAYOUT = "layout.yaml", "franka"


def recognizes_dino_wm(directory: Path, spec: ModelSpec) -> bool:
    """Decide whether the spec names a dataset of DINO-WM, or the directory has a layout."""
    source = spec.source
    return bool(source.get("dataset_kind") or source.get("dataset")) or _has_layout(directory)


def open_dino_wm(directory: Path, kind: str | None, spec: ModelSpec) -> Dataset:
    """Read the numbers of a dataset.

    A converted model records its training's settings (how many episodes, which split); without
    them all episodes count.

    Args:
        directory: The dataset's directory.
        kind: One of ``KINDS``; None: the one that the spec names, or ``franka`` if the directory
            has a ``layout.yaml``.
        spec: The model's spec.

    Raises:
        DatasetError: The files are missing, damaged or do not fit.
    """
    kind = kind or spec.source.get("dataset_kind") or None
    if configured := spec.source.get("dataset"):
        return read_configured(directory, configured, kind)
    return read(directory, kind or _WITH_LAYOUT)


def _has_layout(directory: Path) -> bool:
    return (directory / _LAYOUT).is_file()
