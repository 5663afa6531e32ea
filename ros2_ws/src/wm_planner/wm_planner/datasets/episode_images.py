"""Load the images of an episode, from tensors or videos."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.tensor_files import load_tensor
from wm_planner.files.regular import check_regular, open_regular
from wm_planner.images import opencv

MAX_BYTES = 4_000_000_000
"""Most bytes of the images of an episode."""

DIGITS = 8
"""Hexadecimal digits of a digest."""
NO_IMAGES = "-" * DIGITS
UNREADABLE = "?" * DIGITS
_BLOCKS, _BLOCK = 16, 1 << 16  # of a larger file of images, as many blocks of this size count


class EpisodeImages(Protocol):
    """The images of each episode of a dataset, by the episode's index on disk."""

    def state(self, index: int) -> str:
        """Return ``NO_IMAGES`` or ``UNREADABLE`` if the images are that, else an empty text."""

    def digest(self, index: int) -> str:
        """Return a digest of the images, or of some of them, or their ``state``."""

    def load(self, index: int, length: int) -> NDArray[np.uint8] | None:
        """Load the images (length, H, W, 3) of an episode; None if there are none.

        Raises:
            DatasetError: They are damaged, or not ``length`` color images.
        """


@dataclass(frozen=True)
class ImageFiles:
    """The files with the images of each episode.

    Attributes:
        path: Returns the file of an episode, by its index on disk.
        channels_first: The tensors are (T, C, H, W), as ``wall_dset.py`` reads them.
    """

    path: Callable[[int], Path]
    channels_first: bool = False

    def load(self, index: int, length: int) -> NDArray[np.uint8] | None:
        """Load the images (length, H, W, 3) of an episode; None if there is no file.

        Raises:
            DatasetError: The file is damaged or does not hold ``length`` color images.
        """
        path = self.path(index)
        if not path.is_file():
            return None
        images = _video(path, length) if path.suffix == ".mp4" else self._tensor(path, length)
        if len(images) < length:
            raise DatasetError(
                f"{path} holds {len(images)} images of an episode of {length} steps: it "
                "belongs to another dataset or is cut short"
            )
        return images

    def state(self, index: int) -> str:
        """See ``EpisodeImages``."""
        try:
            check_regular(self.path(index))
        except FileNotFoundError:
            return NO_IMAGES
        except OSError:
            return UNREADABLE
        return ""

    def digest(self, index: int) -> str:
        """Return a digest of the file's size and content; of a large one, of some blocks."""
        try:
            with open_regular(self.path(index)) as file:
                size = file.seek(0, 2)
                found = hashlib.sha256(f"{size}".encode())
                for place in _places(size):
                    file.seek(place)
                    found.update(file.read(_BLOCK))
        except OSError:
            return self.state(index) or UNREADABLE
        return found.hexdigest()[:DIGITS]

    def _tensor(self, path: Path, length: int) -> NDArray[np.uint8]:
        images = load_tensor(path)[:length]
        if self.channels_first and images.ndim == 4:
            images = images.permute(0, 2, 3, 1)
        if images.ndim != 4 or images.shape[-1] != 3:
            raise DatasetError(
                f"{path} holds a tensor {tuple(images.shape)}, not T images with 3 channels"
            )
        if images.dtype == torch.uint8:
            return images.contiguous().numpy()
        if not 1.0 < float(images.max()) <= 255.0 or float(images.min()) < 0.0:
            raise DatasetError(
                f"{path} holds values from {float(images.min()):g} to {float(images.max()):g}; "
                "the training divides images by 255, so they must lie between 0 and 255"
            )
        return images.float().round().to(torch.uint8).contiguous().numpy()


def _video(path: Path, length: int) -> NDArray[np.uint8]:
    """Return the first ``length`` frames of a video, RGB."""
    cv2 = opencv.cv2()
    try:
        check_regular(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
    video = cv2.VideoCapture(str(path))
    try:
        side = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if 3 * side[0] * side[1] * length > MAX_BYTES:
            raise DatasetError(
                f"{path} has {length} images of {side[0]:g}x{side[1]:g} pixels, more than "
                f"{MAX_BYTES / 1e9:g} GB: scale the videos down, as the training did"
            )
        images: list[NDArray[np.uint8]] = []
        while len(images) < length:
            found, frame = video.read()
            if not found:
                break
            images.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    finally:
        video.release()
    if not images:
        raise DatasetError(f"{path} cannot be decoded: record or copy the video again")
    return np.stack(images)


def _places(size: int) -> Sequence[int]:
    """Return where to read blocks: everywhere, or evenly spread from the first to the last."""
    if size <= _BLOCKS * _BLOCK:
        return range(0, size, _BLOCK)
    return [i * (size - _BLOCK) // (_BLOCKS - 1) for i in range(_BLOCKS)]
