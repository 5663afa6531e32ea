"""Two frames of a recording between which something moved, but not the arm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.episode import Episode
from wm_planner.images.fit import seen_part
from wm_planner.images.opencv import cv2
from wm_planner.models.spec import ImageSpec, ModelSpec
from wm_planner.types import RgbImage

SAME = 0.01
"""Two measured values that differ by this share of their range, or less, are the same."""
FRAMES, PAIRS = 300, 60
"""Frames that are compared by their numbers, and pairs of them by their images, at most."""
CHANGED = 20
"""A pixel changed if it differs by more than this, of 255; less is noise."""
EDGE = 1 / 40
"""A change that is thinner than this share of the image's side does not count: it may be the edge
of an arm that moved a little."""
LEAST, MOST = 0.002, 0.3
"""Share of the pixels that an object changes."""


def moved_frames(episode: Episode, spec: ModelSpec) -> tuple[int, int] | None:
    """Find the two frames that differ most, of those in which the arm is at the same place.

    A number that hardly varies in the recording, e.g. the height of a planar task, counts by the
    range of the other coordinates, or by the training's standard deviation: its noise is no motion.

    Args:
        episode: With images.
        spec: The model's spec: which part of the images it sees, and how its proprio varies.

    Returns:
        Their indices; None if no pose is known, or if nothing but the arm moved.
    """
    assert episode.images is not None
    if not episode.places and episode.proprio is None:
        return None
    reach = max((np.ptp(values) for values in episode.places.values()), default=0.0)
    numbers = [(values, reach) for values in episode.places.values()]
    if episode.proprio is not None and spec.statistics.proprio:
        columns = zip(episode.proprio.T, spec.statistics.proprio.std, strict=True)
        numbers += [(values, max(np.ptp(values), std)) for values, std in columns]
    frames = np.unique(np.linspace(0, episode.steps, FRAMES).round().astype(int))
    same = np.triu(np.ones((len(frames), len(frames)), dtype=bool), k=1)
    for values, span in numbers:
        some = values[frames]
        same &= np.abs(some[:, None] - some) <= SAME * span
    first, second = np.nonzero(same)
    some = np.unique(np.linspace(0, max(len(first) - 1, 0), PAIRS).round().astype(int))
    best, found = LEAST, None
    for i, j in zip(frames[first[some]], frames[second[some]], strict=True) if len(first) else ():
        share = float(changed(episode.images[i], episode.images[j], spec.image).mean())
        if best <= share <= MOST:
            best, found = share, (int(i), int(j))
    return found


def changed(one: RgbImage, other: RgbImage, image: ImageSpec) -> NDArray[np.bool_]:
    """Return which pixels of what the model sees changed, without changes as thin as edges."""
    height, width = one.shape[:2]
    part = seen_part(height, width, image.camera_crop, image.fit)
    difference = cv2().absdiff(one[part], other[part]).max(axis=-1)
    side = max(3, round(EDGE * min(difference.shape)))
    mask = (difference > CHANGED).astype(np.uint8)
    opened = cv2().morphologyEx(mask, cv2().MORPH_OPEN, np.ones((side, side), np.uint8))
    return np.asarray(opened, dtype=bool)
