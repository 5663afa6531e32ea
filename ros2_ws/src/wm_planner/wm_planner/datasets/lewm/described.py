"""Opens the data set that a converted LeWM model was trained on, as its spec describes it."""

from __future__ import annotations

from pathlib import Path

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.lewm.stable_worldmodel import KIND
from wm_planner.datasets.registry import read
from wm_planner.models.spec import ModelSpec

KINDS = (KIND,)


def recognizes_lewm(directory: Path, spec: ModelSpec) -> bool:
    """Decide whether the spec names such a data set, or it is an HDF5 file."""
    return spec.source.get("dataset_kind") == KIND or directory.suffix == ".h5"


def open_lewm(directory: Path, kind: str | None, spec: ModelSpec) -> Dataset:
    """Read the numbers of a data set as the training did.

    Raises:
        DatasetError: The file is missing or damaged, or the spec does not say how actions were
            normalized.
    """
    said = spec.source.get("dataset")
    normalization = said.get("normalization") if isinstance(said, dict) else None
    return read(directory, kind or KIND, normalization=normalization)
