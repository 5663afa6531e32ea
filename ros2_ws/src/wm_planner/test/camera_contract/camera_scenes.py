"""Random scenes, the statistics of many of them, and the checks that an image fails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.camera_contract import CameraExpectation, CameraMonitor

MEAN, STD = (0.48, 0.45, 0.38), (0.22, 0.20, 0.19)


def scene(seed: int = 0, side: int = 96, light: float = 1.0) -> NDArray[np.uint8]:
    """A textured table-top scene: patches of colors around the training's mean, some noise."""
    random = np.random.default_rng(seed)
    patches = random.normal(MEAN, STD, (8, 8, 3)) * light
    image = np.kron(patches, np.ones((side // 8, side // 8, 1)))
    noisy = image + random.normal(0, 0.01, image.shape)
    return (np.clip(noisy, 0, 1) * 255).astype(np.uint8)


EXPECTED = CameraExpectation(
    96,
    channel_mean=tuple(np.mean([scene(s).mean((0, 1)) / 255 for s in range(50)], axis=0)),
    channel_std=tuple(np.mean([scene(s).std((0, 1)) / 255 for s in range(50)], axis=0)),
)  # fmt: skip


def failed(image: NDArray[np.uint8], expected: CameraExpectation = EXPECTED) -> set[str]:
    """Return the names of the checks that an image fails."""
    return {finding.name for finding in CameraMonitor(expected).check(image)}


def judged(image: NDArray[np.uint8], expected: CameraExpectation = EXPECTED) -> set[str]:
    """Return the names of the checks that can judge an image."""
    return {finding.name for finding in CameraMonitor(expected).measure(image)}
