"""The pictures of an episode, in each of upstream's file layouts."""

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
class PictureFiles:
    """Where the pictures of each episode lie.

    Attributes:
        path: Index of an episode on disk to its file.
        channels_first: The tensors are (T, C, H, W), as ``wall_dset.py`` reads them.
    """

    path: Callable[[int], Path]
    channels_first: bool = False

    def load(self, index: int, length: int) -> NDArray[np.uint8] | None:
        """Pictures (length, H, W, 3) of an episode, or None where there is no file.

        Raises:
            DataError: The file is damaged or does not hold ``length`` colour pictures.
        """
        path = self.path(index)
        if not path.is_file():
            return None
        pictures = _video(path, length) if path.suffix == ".mp4" else self._tensor(path, length)
        if len(pictures) < length:
            raise DataError(
                f"{path} holds {len(pictures)} pictures of an episode of {length} steps: it "
                "belongs to another data set or is cut short"
            )
        return pictures

    def _tensor(self, path: Path, length: int) -> NDArray[np.uint8]:
        pictures = load_tensor(path)[:length]
        if self.channels_first and pictures.ndim == 4:
            pictures = pictures.permute(0, 2, 3, 1)
        if pictures.ndim != 4 or pictures.shape[-1] != 3:
            raise DataError(
                f"{path} holds a tensor {tuple(pictures.shape)}, not T pictures with 3 channels"
            )
        if pictures.dtype == torch.uint8:
            return pictures.contiguous().numpy()
        if not 1.0 < float(pictures.max()) <= 255.0 or float(pictures.min()) < 0.0:
            raise DataError(
                f"{path} holds values from {float(pictures.min()):g} to {float(pictures.max()):g}; "
                "upstream divides pictures by 255, so they must lie between 0 and 255"
            )
        return pictures.float().round().to(torch.uint8).contiguous().numpy()


def _video(path: Path, length: int) -> NDArray[np.uint8]:
    """The first ``length`` pictures of a film, RGB."""
    cv2 = opencv.cv2()
    film = cv2.VideoCapture(str(path))
    try:
        pictures: list[NDArray[np.uint8]] = []
        while len(pictures) < length:
            found, picture = film.read()
            if not found:
                break
            pictures.append(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    finally:
        film.release()
    if not pictures:
        raise DataError(f"{path} cannot be decoded: record or copy the film again")
    return np.stack(pictures)
