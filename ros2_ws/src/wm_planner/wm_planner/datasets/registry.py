"""The kinds of datasets, and ``read``, which reads one of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm.kinds import DINO_WM_KINDS
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.lewm import stable_worldmodel
from wm_planner.files.home import expanded

Reader: TypeAlias = Callable[[Path, Mapping[str, Any]], Dataset]
"""Reads a directory as a training with these settings read it; raises DatasetError."""

KINDS: dict[str, Reader] = {**DINO_WM_KINDS, stable_worldmodel.KIND: stable_worldmodel.read}
"""Readers by kind; a family adds its own here."""


def read(directory: str | Path, kind: str | None, **settings: Any) -> Dataset:
    """Read the numbers of a dataset; images may be missing and are read later.

    Args:
        directory: Its directory, or of some kinds its file.
        kind: One of ``KINDS``.
        **settings: What the training was configured with; those of the kind, for example
            ``dino_wm.options.Options``.

    Raises:
        DatasetError: The kind or a setting is unknown, or the files are missing, damaged, unsafe to
            read, or do not fit each other.
    """
    path = expanded(directory)
    if not path.exists():
        raise DatasetError(f"{path} does not exist: give the directory or file of the dataset")
    if kind not in KINDS:
        raise DatasetError(f"the kind of {path} must be one of {', '.join(KINDS)}, not '{kind}'")
    return KINDS[kind](path, settings)
