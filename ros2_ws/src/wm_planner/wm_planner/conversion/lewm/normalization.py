"""The statistics of actions that a LeWM training normalized with; no checkpoint holds them.

They come from the data set, from a file of statistics, from the ``normalizer.pt`` that H-JEPA's
training leaves beside its checkpoints, or from the scaler in the file of an action prior (PRISM).
Nothing is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.conversion.errors import ConversionError
from wm_planner.datasets import Dataset, read_statistics
from wm_planner.datasets.lewm.stable_worldmodel import KIND, NORMALIZATIONS
from wm_planner.datasets.moments import of_moments, shift
from wm_planner.datasets.registry import read
from wm_planner.files.array_record import array_of
from wm_planner.files.digest import file_sha256
from wm_planner.files.inert_pickle import Record
from wm_planner.files.tensor_record import TensorRecord
from wm_planner.files.torch_file import read_torch_file
from wm_planner.models.spec import CONSTANTS, Moments, Provenance, SpecError, Statistics
from wm_planner.text import listed, one_line

_MEAN, _STD, _VARIANCE = ("mean_", "mean"), ("scale_", "std_", "std", "scale"), ("var_", "var")
_MOST_DEPTH, _MOST_ENTRIES = 8, 100_000
_ACTIONS = re.compile(r"(^|\.)actions?($|[._])")  # places of statistics of actions
_UNNAMED = ("", "scaler", "normalizer", "stats", "statistics")  # places that name no column
_DIFFERENT = 1e-3  # shift [sigma] above which two files are of different data
_FEW = 20  # episodes that are hardly all of a training


def check_normalization(normalization: str, file: Path | None) -> None:
    """Check that the rule is known, and does not contradict a file of statistics.

    Raises:
        ConversionError: It is unknown, or says that there are no statistics.
    """
    if normalization not in ("", *NORMALIZATIONS):
        raise ConversionError(
            f"--normalization is {one_line(normalization, 60)}: give {', '.join(NORMALIZATIONS)}"
        )
    if normalization == "none" and file is not None:
        raise ConversionError(
            f"--normalization none says that actions were not normalized, but {file} has their "
            "statistics: leave one of them out (a normalizer.pt beside the checkpoint counts)"
        )


def read_dataset(path: Path | None, kind: str | None, normalization: str) -> Dataset | None:
    """Read the data set, if one was given.

    Raises:
        ConversionError: The kind is that of another family.
        DatasetError: The data set is unusable.
    """
    if path is None:
        return None
    if kind not in (None, KIND):
        raise ConversionError(f"--dataset-kind is {kind}, but LeWM trains on {KIND}: leave it out")
    return read(path, KIND, normalization=normalization)


def training_statistics(
    dataset: Dataset | None, file: Path | None, normalization: str, width: int
) -> Statistics:
    """Return the statistics of the training; those of a file, if there is one.

    Args:
        dataset: The data set, or None; beside a file it may be a part of the training's.
        file: A file of statistics, or None.
        normalization: ``none`` needs neither.
        width: Numbers in the action of one environment step.

    Raises:
        ConversionError: The file of torch has no statistics of actions, or several.
        DatasetError: The file of statistics is unusable.
        FileFormatError: The file of torch is damaged.
    """
    given = None
    if file is not None:
        given = (
            _of_torch_file(file)
            if file.suffix in (".pt", ".pth")
            else read_statistics(file, proprio=False)
        )
    statistics = given
    if statistics is None and dataset is not None:
        statistics = dataset.statistics()
    if statistics is None:
        assert normalization == "none"
        statistics = _identity(width)
    if len(statistics.action.mean) != width:
        raise ConversionError(
            f"the statistics are of {len(statistics.action.mean)} action numbers, but there are "
            f"{width} names of them: give those of one environment step"
        )
    statistics.proprio = statistics.state = None  # the model takes neither
    statistics.sha256 = statistics.digest()
    return statistics


def warnings_on(statistics: Statistics, dataset: Dataset) -> list[str]:
    """Return what a user should know of statistics beside a data set that was given, too."""
    warnings, own = [], dataset.statistics()
    apart = float(shift(of_moments(statistics.action), of_moments(own.action)))
    if apart > _DIFFERENT:
        warnings.append(
            f"The statistics of the file are used. Those of {dataset.directory} differ by up to "
            f"{apart:.2g} sigma: it is a part of the training's data, or other data."
        )
    elif len(dataset) < _FEW:
        warnings.append(
            f"The statistics are of {len(dataset)} episodes: give all data of the training."
        )
    return warnings


def _identity(width: int) -> Statistics:
    return Statistics(
        action=Moments([0.0] * width, [1.0] * width),
        provenance=Provenance(
            dataset="not read",
            dataset_sha256="not read",
            split=CONSTANTS,
            formula="not normalized: mean 0, std 1",
            episodes=0,
            steps=0,
        ),
    )


@dataclass(frozen=True)
class _Found:
    """A mean and a deviation (d,), and where in the file they are."""

    place: str
    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def _of_torch_file(file: Path) -> Statistics:
    """Read the statistics of actions in a file of ``torch.save``."""
    found = list(_walk(read_torch_file(file), "", [_MOST_ENTRIES]))
    chosen = [one for one in found if _ACTIONS.search(one.place)]
    chosen = chosen or [one for one in found if one.place in _UNNAMED]
    distinct = {(*one.mean, *one.std): one for one in chosen}
    if len(distinct) != 1:
        places = listed([one.place or "the file itself" for one in found], 9) or "none"
        raise ConversionError(
            f"{file} must hold mean and standard deviation of the actions once; found: {places}. "
            "Give them with --statistics as YAML"
        )
    (one,) = distinct.values()
    try:
        action = Moments(one.mean.tolist(), one.std.tolist())
    except SpecError as error:
        raise ConversionError(f"{file}: {one.place}: {error}") from error
    where = f" under {one.place}" if one.place else ""
    return Statistics(
        action=action,
        provenance=Provenance(
            dataset=f"not read; {file.name}",
            dataset_sha256=f"not read; {file.name} {file_sha256(file)}",
            split=CONSTANTS,
            formula=f"as the training wrote them into {file.name}{where}",
            episodes=0,
            steps=0,
        ),
    )


def _walk(value: Any, place: str, left: list[int], depth: int = 0) -> Iterator[_Found]:
    """Yield all pairs of mean and deviation in a file; ``left``: entries to look at, at most."""
    held = value.state if isinstance(value, Record) else value
    if depth > _MOST_DEPTH or not isinstance(held, Mapping):
        return
    left[0] -= len(held)
    if left[0] < 0:
        return
    entries = {name: entry for name, entry in held.items() if isinstance(name, str)}
    yield from _pairs(entries, place, "")
    for name in entries:
        before = name.removesuffix("mean")
        if before not in (name, "") and before.endswith(("_", ".")):
            yield from _pairs(entries, f"{place}.{before[:-1]}".strip("."), before)
    for name, entry in entries.items():
        yield from _walk(entry, f"{place}.{name}".strip("."), left, depth + 1)


def _pairs(entries: Mapping[str, Any], place: str, before: str) -> Iterator[_Found]:
    """Yield the mean and the deviation among some entries, as far as a scaler uses them."""
    mean = _numbers(entries, before, _MEAN)
    std = _numbers(entries, before, _STD)
    if std is None and (variance := _numbers(entries, before, _VARIANCE)) is not None:
        std = np.sqrt(np.maximum(variance, 0.0))
    if mean is not None and entries.get("with_mean") is False:
        mean = np.zeros_like(mean)
    if mean is not None and entries.get("with_std") is False:
        std = np.ones_like(mean)
    if mean is not None and std is not None and mean.shape == std.shape:
        yield _Found(place, mean, std)


def _numbers(
    entries: Mapping[str, Any], before: str, names: tuple[str, ...]
) -> NDArray[np.float64] | None:
    """Return the first of the entries that is an array, flat."""
    for name in names:
        value = entries.get(before + name)
        if isinstance(value, TensorRecord):
            if value.storage.count > 65_536:
                continue
            return value.read().double().flatten().numpy()
        if (array := array_of(value)) is not None:
            return array.reshape(-1)
    return None
