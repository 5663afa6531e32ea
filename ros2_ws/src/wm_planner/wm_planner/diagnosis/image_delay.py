"""The delay between the images of a recording and the measured motion.

Two images look the more different the farther the arm has moved between them. So the differences of
images are correlated with the distances moved, of all pairs of images that are less than a second
apart, with the track shifted by every lag in turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.types import Vector

FEWEST = 12
"""Images from which a delay is measured."""
_HEIGHT, _WIDTH = 24, 32  # of the images that are compared
_NEAR = 0.8  # [s] between two images of a pair
_LONGEST = 2.0  # [s] lag that is tried; at most a quarter of the recording
_FINEST = 0.02  # [s] between two lags
_CLEAR = 0.7  # correlation at the delay
_AHEAD = 0.1  # by which it is above that without a delay, and at any other peak
_PARTS = 5


@dataclass(frozen=True)
class Film:
    """Images and the measured motion of the arm, each at their own times.

    Attributes:
        times: Stamp of each image [s].
        images: Small gray images, (N, height, width).
        track_times: Stamp of each measurement [s], increasing.
        track: Position or joints, (M, D).
        topics: Where images and track come from.
    """

    times: Vector
    images: NDArray[np.float64]
    track_times: Vector
    track: NDArray[np.float64]
    topics: tuple[str, str]


@dataclass(frozen=True)
class Delay:
    """A delay.

    Attributes:
        seconds: An image with stamp t shows the arm where it was measured at t - seconds.
        uncertainty: By how much it varies if a fifth of the recording is left out [s].
        correlation: Of image differences and distances with this delay.
        without: The same without a delay.
    """

    seconds: float
    uncertainty: float
    correlation: float
    without: float


def small_gray(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return the means (24, 32), or up to half as large, of blocks of an image (H, W, 3)."""
    down, across = max(1, image.shape[0] // _HEIGHT), max(1, image.shape[1] // _WIDTH)
    rows, columns = image.shape[0] // down, image.shape[1] // across
    gray = image[: rows * down, : columns * across].mean(axis=2)
    blocks = gray.reshape(rows, down, columns, across).mean(axis=(1, 3))
    return np.asarray(blocks, np.float64)


def measure_delay(film: Film) -> Delay | None:
    """Measure the delay; None unless one is clear.

    It is clear if the correlation is high and clearly higher than without a delay and than at any
    other peak (the motion may be periodic), and if the parts of the recording say the same.
    """
    if len(film.times) < FEWEST or len(film.track) < FEWEST:
        return None
    interval = float(np.median(np.diff(film.times)))
    longest = min(_LONGEST, float(np.ptp(film.times)) / 4)
    step = max(_FINEST, interval / 4)
    side = step * np.arange(1, int(longest / step) + 1)
    lags = np.concatenate([-side[::-1], [0.0], side])
    keep = np.ones(len(film.times), bool)
    curve = _correlations(film, lags, keep)
    best = int(np.nanargmax(curve)) if np.isfinite(curve).any() else 0
    zero = len(side)
    peaks = [i for i in _peaks(curve) if i != best]
    others = max((curve[i] for i in [zero, *peaks]), default=0.0)
    if not 0 < best < len(lags) - 1 or curve[best] < _CLEAR or curve[best] - others < _AHEAD:
        return None
    bounds = np.linspace(0, len(keep), _PARTS + 1).astype(int)
    found = []
    for begin, end in pairwise(bounds):
        without = keep.copy()
        without[begin:end] = False
        part = _correlations(film, lags, without)
        found.append(lags[int(np.nanargmax(part))] if np.isfinite(part).any() else np.inf)
    spread = sorted(np.abs(np.subtract(found, lags[best])))[-2]  # one part may have no motion
    if spread > max(0.1, interval):
        return None
    return Delay(
        seconds=-float(lags[best]),
        uncertainty=max(float(spread), step),
        correlation=float(curve[best]),
        without=float(curve[zero]),
    )


def _correlations(film: Film, lags: Vector, keep: NDArray[np.bool_]) -> Vector:
    """Return the rank correlation for each lag; NaN if too few images remain or nothing moves."""
    flat = film.images.reshape(len(film.images), -1)
    first, second = np.nonzero(
        np.triu(np.abs(np.subtract.outer(film.times, film.times)) < _NEAR, 1)
    )
    sound = keep[first] & keep[second]
    first, second = first[sound], second[sound]
    changes = np.sqrt(((flat[first] - flat[second]) ** 2).mean(axis=1))
    begin, end = film.track_times[[0, -1]]
    found = np.full(len(lags), np.nan)
    for number, lag in enumerate(lags):
        times = film.times + lag
        inside = (times >= begin - 1e-6) & (times <= end + 1e-6)
        pairs = inside[first] & inside[second]
        if inside[keep].sum() < FEWEST // 2 or pairs.sum() < FEWEST:
            continue
        track = np.stack(
            [np.interp(times, film.track_times, column) for column in film.track.T], axis=1
        )
        moved = np.linalg.norm(track[first[pairs]] - track[second[pairs]], axis=1)
        if min(np.ptp(changes[pairs]), np.ptp(moved)) > 1e-9:
            found[number] = np.corrcoef(_ranks(changes[pairs]), _ranks(moved))[0, 1]
    return found


def _ranks(values: Vector) -> Vector:
    return np.argsort(np.argsort(values)).astype(np.float64)


def _peaks(curve: Vector) -> list[int]:
    """Return the indices of local maxima, the ends included."""
    padded = np.concatenate([[-np.inf], np.nan_to_num(curve, nan=-1.0), [-np.inf]])
    higher = (padded[1:-1] >= padded[:-2]) & (padded[1:-1] >= padded[2:])
    return [int(i) for i in np.nonzero(higher)[0]]
