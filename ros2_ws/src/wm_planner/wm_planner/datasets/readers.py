"""The dataset that a model was trained on: one reader for each way in which families describe it.

To add one, write a file with the two functions of a ``DatasetReader`` and add it to ``READERS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm import described as dino_wm
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.lewm import described as lewm
from wm_planner.models.spec import ModelSpec


@dataclass(frozen=True)
class DatasetReader:
    """Reads the datasets of some kinds.

    Attributes:
        kinds: Names for ``--dataset-kind``.
        recognizes: Decides from a directory and a spec whether the dataset is one of these.
        open: Reads the numbers as the training did; the kind is None if it was not given. Raises
            ``DatasetError`` if the files are missing, damaged or do not fit.
    """

    kinds: tuple[str, ...]
    recognizes: Callable[[Path, ModelSpec], bool]
    open: Callable[[Path, str | None, ModelSpec], Dataset]


READERS = (
    DatasetReader(lewm.KINDS, lewm.recognizes_lewm, lewm.open_lewm),
    DatasetReader(dino_wm.KINDS, dino_wm.recognizes_dino_wm, dino_wm.open_dino_wm),
)


def open_dataset(directory: Path, kind: str | None, spec: ModelSpec) -> Dataset:
    """Read the numbers of a dataset as the training read them.

    Args:
        directory: The dataset's directory.
        kind: A kind of one of ``READERS``; None: what the model or the directory says.
        spec: The model's spec.

    Raises:
        DatasetError: The kind is unknown, or the files are missing, damaged or do not fit.
    """
    for reader in READERS:
        if kind in reader.kinds or (kind is None and reader.recognizes(directory, spec)):
            return reader.open(directory, kind, spec)
    kinds = ", ".join(name for reader in READERS for name in reader.kinds)
    if kind is not None:
        raise DatasetError(f"There is no dataset kind '{kind}': give --dataset-kind ({kinds})")
    raise DatasetError(
        f"Neither model.yaml nor the files tell the kind of dataset {directory}: give "
        f"--dataset-kind ({kinds})"
    )
