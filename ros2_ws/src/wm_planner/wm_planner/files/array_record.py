"""NumPy arrays in a pickle that was read without running it (``inert_pickle.py``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

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
    if isinstance(value, (list, tuple)):
        return _plain(value) if 0 < len(value) <= MOST_NUMBERS else None
    if isinstance(value, (int, float)):
        found = _plain([value])
        return None if found is None else found.reshape(())
    if not isinstance(value, Record):
        return None
    if value.path in _SCALARS and len(value.arguments) == 2:
        return _array((), value.arguments[0], value.arguments[1], "C")
    state = value.state
    if value.path in _ARRAYS and isinstance(state, tuple) and len(state) == 5:
        _version, shape, kind, columns_first, content = state
        return _array(shape, kind, content, "F" if columns_first is True else "C")
    return None


def _plain(values: Sequence[Any]) -> NDArray[np.float64] | None:
    """Return numbers of Python as an array; None if one is no number, or too large for float64."""
    if not all(type(value) in (int, float) for value in values):
        return None
    try:
        return np.array([float(value) for value in values])
    except OverflowError:
        return None


def _array(
    shape: Any, kind: Any, content: Any, order: Literal["C", "F"]
) -> NDArray[np.float64] | None:
    """Return the array of a shape, a pickled dtype and its bytes; None if they do not fit."""
    dtype, data = _dtype(kind), _bytes(content)
    if dtype is None or data is None or not isinstance(shape, tuple) or len(shape) > 8:
        return None
    if not all(type(side) is int and 0 <= side <= MOST_NUMBERS for side in shape):
        return None
    count = math.prod(shape)
    if count > MOST_NUMBERS or len(data) != count * dtype.itemsize:
        return None
    return np.frombuffer(data, dtype).astype(np.float64).reshape(shape, order=order)


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
    """Return bytes, which protocols before 3 pickle as text with its encoding, or as nothing."""
    if isinstance(content, Record) and content.path == "__builtin__.bytes":
        return None if content.arguments else b""
    if isinstance(content, Record) and content.path == "_codecs.encode" and content.arguments:
        content = content.arguments[0]
    if isinstance(content, str):
        try:
            return content.encode("latin1")
        except UnicodeEncodeError:
            return None
    return content if isinstance(content, bytes) else None
