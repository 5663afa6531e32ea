"""The images of an episode, in each of upstream's file layouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wm_planner.images import opencv
from wm_planner.models.dino_wm.datasets.files import DataError, load_tensor


@dataclass(frozen=True)
class ImageFiles:
    """Where the images of each episode lie.

    Attributes:
        path: Index of an episode on disk to its file.
        channels_first: The tensors are (T, C, H, W), as ``wall_dset.py`` reads them.
    """

    path: Callable[[int], Path]
    channels_first: bool = False

    def load(self, index: int, length: int) -> NDArray[np.uint8] | None:
        """Images (length, H, W, 3) of an episode, or None where there is no file.

        Raises:
            DataError: The file is damaged or does not hold ``length`` color images.
        """
        path = self.path(index)
        if not path.is_file():
            return None
        images = _video(path, length) if path.suffix == ".mp4" else self._tensor(path, length)
        if len(images) < length:
            raise DataError(
                f"{path} holds {len(images)} images of an episode of {length} steps: it "
                "belongs to another data set or is cut short"
            )
        return images

    def _tensor(self, path: Path, length: int) -> NDArray[np.uint8]:
        images = load_tensor(path)[:length]
        if self.channels_first and images.ndim == 4:
            images = images.permute(0, 2, 3, 1)
        if images.ndim != 4 or images.shape[-1] != 3:
            raise DataError(
                f"{path} holds a tensor {tuple(images.shape)}, not T images with 3 channels"
            )
        if images.dtype == torch.uint8:
            return images.contiguous().numpy()
        if not 1.0 < float(images.max()) <= 255.0 or float(images.min()) < 0.0:
            raise DataError(
                f"{path} holds values from {float(images.min()):g} to {float(images.max()):g}; "
                "upstream divides images by 255, so they must lie between 0 and 255"
            )
        return images.float().round().to(torch.uint8).contiguous().numpy()


def _video(path: Path, length: int) -> NDArray[np.uint8]:
    """The first ``length`` images of a film, RGB."""
    cv2 = opencv.cv2()
    film = cv2.VideoCapture(str(path))
    try:
        images: list[NDArray[np.uint8]] = []
        while len(images) < length:
            found, image = film.read()
            if not found:
                break
            images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    finally:
        film.release()
    if not images:
        raise DataError(f"{path} cannot be decoded: record or copy the film again")
    return np.stack(images)
