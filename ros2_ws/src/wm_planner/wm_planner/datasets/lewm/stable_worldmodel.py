"""Data sets of stable-worldmodel: one HDF5 file, whose columns hold all episodes in a row.

``action`` (N, d), ``pixels`` (N, H, W, 3) uint8, ``ep_len`` and ``ep_offset``; other columns are
not read. ``action[t]`` leads from frame t to frame t + 1, and the last action of an episode is NaN.

The training computes mean and standard deviation over the rows of the whole file that have no NaN,
before it splits windows (not episodes) at random, and a NaN becomes 0 after the normalization.
Which standard deviation depends on the code that trained: le-wm's ``utils.py`` takes that of a
sample, stable-worldmodel that of the population.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.episode_images import DIGITS, MAX_BYTES, NO_IMAGES, UNREADABLE
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.hdf5 import open_hdf5, plain_dataset
from wm_planner.datasets.rule import Rule
from wm_planner.text import quoted

KIND = "stable_worldmodel"
NORMALIZATIONS = ("population", "sample", "none")
"""Deviation of the population (stable-worldmodel), of a sample (le-wm), or no normalization."""
MOST_NUMBERS = 100_000_000
"""Most numbers of a column, pixels excepted."""
MOST_EPISODES = 1_000_000
MAX_IMAGE = 200_000_000
"""Most bytes of an image."""
_WORDS = "mean and std (ddof {}) over the rows without NaN of the whole file"
_SAMPLED = 16  # frames of an episode that its digest covers
_DAMAGE = (LookupError, ValueError, RuntimeError, TypeError, MemoryError)


def read(directory: Path, settings: Mapping[str, Any]) -> Dataset:
    """Read the numbers of a data set.

    Args:
        directory: The ``.h5`` file, or a directory that holds one.
        settings: ``normalization``, one of ``NORMALIZATIONS``.

    Raises:
        DatasetError: The file is missing or damaged, or it is not known how actions were
            normalized.
    """
    normalization = settings.get("normalization")
    if normalization not in NORMALIZATIONS:
        given = f"not {quoted(normalization)}" if normalization else "which is not known"
        raise DatasetError(
            f"how the training normalized the actions of {directory}, {given}: give "
            "--normalization population (trained with stable-worldmodel), sample (trained with "
            "le-wm) or none"
        )
    file = _file(directory)
    actions, lengths, offsets, images = _numbers(file)
    rows = [actions[start : start + length] for start, length in zip(offsets, lengths, strict=True)]
    nothing = [row[:, :0] for row in rows]
    everything = list(range(len(lengths)))
    ddof = 1 if normalization == "sample" else 0
    return Dataset(
        kind=KIND,
        directory=file,
        rows={"action": rows, "proprio": nothing, "state": nothing},
        lengths=lengths,
        parts={"all": everything, "train": everything, "validation": []},
        training_part="all",
        rule=Rule(_WORDS.format(ddof), ddof=ddof, drops_nan=True),
        normalize_action=normalization != "none",
        action_scale=1.0,
        split_rule="windows were split, not episodes",
        split_seed=-1,
        number_files=[],
        images=Hdf5Images(file, tuple(offsets), tuple(lengths), images),
    )


@dataclass(frozen=True)
class Hdf5Images:
    """The images in the column ``pixels``, which was checked when the numbers were read.

    Attributes:
        file: The HDF5 file.
        offsets: First row of each episode.
        lengths: Rows of each episode.
        there: Whether the file has the column.
    """

    file: Path
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    there: bool

    def state(self, index: int) -> str:
        """See ``EpisodeImages``."""
        return "" if self.there else NO_IMAGES

    def digest(self, index: int) -> str:
        """Return a digest of some of the frames."""
        if not self.there:
            return NO_IMAGES
        length = self.lengths[index]
        frames = np.unique(np.linspace(0, length - 1, _SAMPLED).astype(int))
        try:
            with open_hdf5(self.file) as content:
                pixels = _pixels(content)
                found = hashlib.sha256(f"{length} {pixels.shape[1:]}".encode())
                for frame in frames + self.offsets[index]:
                    found.update(np.ascontiguousarray(pixels[frame]).tobytes())
        except (DatasetError, *_DAMAGE):
            return UNREADABLE
        return found.hexdigest()[:DIGITS]

    def load(self, index: int, length: int) -> NDArray[np.uint8] | None:
        """See ``EpisodeImages``."""
        if not self.there:
            return None
        start = self.offsets[index]
        try:
            with open_hdf5(self.file) as content:
                pixels = _pixels(content)
                if length * math.prod(pixels.shape[1:]) > MAX_BYTES:
                    raise ValueError(f"episode {index} has more than {MAX_BYTES / 1e9:g} GB")
                images = np.asarray(pixels[start : start + length])
        except DatasetError:
            raise
        except _DAMAGE as error:
            raise DatasetError(f"{self.file} has unusable images: {error}") from error
        return images if images.shape[3] == 3 else np.moveaxis(images, 1, 3)


def _file(directory: Path) -> Path:
    if directory.suffix == ".lance":
        raise DatasetError(
            f"{directory} is a Lance table, which is not read: give the data as HDF5 (with "
            "stable_worldmodel's HDF5Writer)"
        )
    if not directory.is_dir():
        return directory
    files = sorted(directory.glob("*.h5"))
    if len(files) != 1:
        names = ", ".join(file.name for file in files[:5]) or "none"
        raise DatasetError(f"{directory} must hold one .h5 file; it holds {names}: name the file")
    return files[0]


def _numbers(file: Path) -> tuple[Tensor, list[int], list[int], bool]:
    """Return the actions (N, d), length and first row of each episode, and if there are images."""
    try:
        with open_hdf5(file) as content:
            column = plain_dataset(content, "action", "fiu")
            if column.ndim != 2 or not 0 < column.size <= MOST_NUMBERS:
                raise ValueError(f"action has the shape {column.shape}, not (steps, numbers)")
            actions = np.asarray(column[()], np.float64)
            lengths, offsets = (_whole(content, name) for name in ("ep_len", "ep_offset"))
            images = content.get("pixels", getlink=True) is not None
            if images and len(_pixels(content)) != len(actions):
                count = len(content["pixels"])
                raise ValueError(f"it has {count} images of {len(actions)} steps: it is cut short")
    except DatasetError:
        raise
    except KeyError as error:
        raise DatasetError(
            f"{file} has no column {error}: it is no data set of stable-worldmodel"
        ) from error
    except _DAMAGE as error:
        raise DatasetError(f"{file} cannot be used: {error}") from error
    _check_episodes(file, len(actions), lengths, offsets)
    missing = np.isnan(actions).any(axis=1)
    if np.isinf(actions).any() or missing.all():
        what = "no row without NaN" if missing.all() else "infinite numbers"
        raise DatasetError(f"{file}: action has {what}: it cannot be normalized")
    return torch.from_numpy(actions), lengths, offsets, images


def _check_episodes(file: Path, rows: int, lengths: list[int], offsets: list[int]) -> None:
    """Check that every row belongs to one episode, because the training counts all rows."""
    if len(lengths) != len(offsets) or not lengths:
        raise DatasetError(
            f"{file} has {len(lengths)} lengths and {len(offsets)} offsets of episodes: it is "
            "damaged"
        )
    for index, (start, length) in enumerate(zip(offsets, lengths, strict=True)):
        if length < 1 or start < 0 or start + length > rows:
            raise DatasetError(
                f"{file}: episode {index} has {length} steps from row {start}, but there are "
                f"{rows} rows: it is cut short or damaged"
            )
    ordered = sorted(zip(offsets, lengths, strict=True))
    ends = [0, *(start + length for start, length in ordered)]
    if [start for start, _ in ordered] != ends[:-1] or ends[-1] != rows:
        raise DatasetError(
            f"{file}: its episodes (ep_offset, ep_len) overlap, or leave out some of the {rows} "
            "rows: it is damaged"
        )


def _pixels(content: Any) -> Any:
    """Return the column of images (N, H, W, 3) or (N, 3, H, W), uint8, unread.

    Raises:
        ValueError: It is something else, or an image alone would fill the memory.
    """
    pixels = plain_dataset(content, "pixels", "u")
    frame = pixels.shape[1:]
    if len(frame) != 3 or 3 not in (frame[0], frame[2]) or pixels.dtype != np.uint8:
        raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}, no color images")
    if math.prod(frame) > MAX_IMAGE:
        raise ValueError(f"an image of pixels has more than {MAX_IMAGE / 1e6:g} MB")
    return pixels


def _whole(content: Any, name: str) -> list[int]:
    column = plain_dataset(content, name, "iu")
    if column.ndim != 1 or column.size > MOST_EPISODES:
        raise ValueError(f"{name} has the shape {column.shape}, not (episodes,)")
    return [int(value) for value in column[()]]
