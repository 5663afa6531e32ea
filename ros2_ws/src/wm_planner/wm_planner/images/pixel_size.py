"""Tell from the bytes of an image how many make a pixel.

The same color of the next pixel is alike, other colors of a pixel differ, and edges repeat with the
pixels. So bytes a pixel apart differ less than others, or their differences go along with each
other more. Whether rows are a part of longer rows makes no difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = 32
"""Rows that are looked at, spread over the image."""
_PIXELS = 8
"""Least pixels behind the image's own, from which anything is told."""
_LESS = 0.75
"""Differences of real images are 1.1 times as large or more at another size."""
_MORE = 0.1
"""Correlations of real images are not higher at another size."""


def found(
    data: NDArray[np.uint8], step: int, row: int, period: int, others: list[int]
) -> int | None:
    """Return the pixel size that the bytes of an image have instead of their encoding's.

    Args:
        data: (length,) the bytes.
        step: Length of a row with what follows it [bytes].
        row: Length of a row by the encoding [bytes].
        period: Distance of equal colors by the encoding [bytes].
        others: Pixel sizes that the step suggests [bytes].

    Returns:
        The first of ``others`` that the rows, and also what follows them, look like; None if there
        is none, also if nothing can be told, as from padding or an image of one color.
    """
    whole = data[: data.size // step * step].reshape(-1, step)
    some = whole[:: -(-len(whole) // _ROWS) or 1].astype(np.int16)
    for size in others:
        enough = len(some) > 0 and step - row >= _PIXELS * max(size, period)
        if enough and all(_looks(part, period, size) for part in (some[:, row:], some)):
            return size
    return None


def _looks(rows: NDArray[np.int16], period: int, size: int) -> bool:
    """Decide whether rows of bytes look more like pixels of a size than like those of a period."""
    differ = {k: float(np.abs(rows[:, k:] - rows[:, :-k]).mean()) for k in (size, period)}
    edges = np.abs(np.diff(rows, axis=1)).astype(np.float32)
    edges -= edges.mean()
    power = float((edges * edges).mean())
    if not power:
        return False
    along = {k: float((edges[:, k:] * edges[:, :-k]).mean()) / power for k in (size, period)}
    return differ[size] < _LESS * differ[period] or along[size] > along[period] + _MORE
