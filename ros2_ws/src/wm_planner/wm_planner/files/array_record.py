"""NumPy arrays in a pickle that was read without running it (``inert_pickle.py``)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.files.inert_pickle import Record

MOST_NUMBERS = 65_536
"""Most numbers of an array; longer ones are no statistics."""
_ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_SCALARS = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
_KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


def array_of(value: Any) -> NDArray[np.float64] | None:
    """Return a pickled array, number or list of numbers as float64; None if it is none.

    The layout is that of ``ndarray.__reduce__``: an empty array, and its state (version, shape,
    dtype, whether columns come first, bytes).
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return np.array(value, np.float64)
    if isinstance(value, (list, tuple)):
        plain = [entry for entry in value if type(entry) in (int, float)]
        whole = bool(value) and len(plain) == len(value) <= MOST_NUMBERS
        return np.array(plain, np.float64) if whole else None
    if not isinstance(value, Record):
        return None
    if value.path in _SCALARS and len(value.arguments) == 2:
        return _array((), value.arguments[0], value.arguments[1])
    state = value.state
    if value.path in _ARRAYS and isinstance(state, tuple) and len(state) == 5:
        _version, shape, kind, columns_first, content = state
        found = _array(shape, kind, content)
        if found is not None and columns_first is True:
            return found.reshape(shape, order="F")
        return found
    return None


def _array(shape: Any, kind: Any, content: Any) -> NDArray[np.float64] | None:
    """Return the array of a shape, a pickled dtype and its bytes; None if they do not fit."""
    dtype, data = _dtype(kind), _bytes(content)
    if dtype is None or data is None or not isinstance(shape, tuple):
        return None
    if not all(type(side) is int and side >= 0 for side in shape):
        return None
    count = math.prod(shape)
    if count > MOST_NUMBERS or len(data) != count * dtype.itemsize or len(shape) > 8:
        return None
    return np.frombuffer(data, dtype).astype(np.float64).reshape(shape)


def _dtype(kind: Any) -> np.dtype[Any] | None:
    """Return a pickled dtype of numbers, little-endian unless its state says otherwise."""
    if not isinstance(kind, Record) or kind.path != "numpy.dtype" or not kind.arguments:
        return None
    name, state = kind.arguments[0], kind.state
    if name not in _KINDS:
        return None
    big = isinstance(state, tuple) and len(state) > 1 and state[1] == ">"
    return np.dtype(f"{'>' if big else '<'}{name}")


def _bytes(content: Any) -> bytes | None:
    """Return bytes, which protocols before 3 pickle as text with its encoding."""
    if isinstance(content, Record) and content.path == "_codecs.encode" and content.arguments:
        content = content.arguments[0]
    if isinstance(content, str):
        try:
            return content.encode("latin1")
        except UnicodeEncodeError:
            return None
    return content if isinstance(content, bytes) else None
