"""Memory that two processes share, through which images pass with one copy at each end.

It has neither a file nor a name: when both processes have ended, in whatever way, the kernel frees
it.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 32 << 20  # [bytes]; only used pages take memory, usually one image
START = 64  # [bytes]; the reader's count is before it


def make_memory() -> int:
    """Return a file descriptor of memory for an ``Arena``, to be passed to the other process."""
    descriptor = os.memfd_create("wm_planner")
    os.ftruncate(descriptor, SIZE)
    return descriptor


class Arena:
    """One end of the memory: one process puts arrays, the other one takes them in that order.

    Args:
        descriptor: From ``make_memory``; may be closed afterward.
    """

    def __init__(self, descriptor: int) -> None:
        memory = mmap.mmap(descriptor, SIZE)
        self._taken = np.frombuffer(memory, np.uint64, 1)  # written by the reader only
        self._bytes = np.frombuffer(memory, np.uint8)
        self._put = 0
        self._free = START

    def put(self, array: NDArray[Any]) -> int | None:
        """Write a contiguous array; return its place, or None if there is no room."""
        if self._taken[0] == self._put:  # all are taken
            self._free = START
        place, end = self._free, self._free + array.nbytes
        if end > SIZE:
            return None
        self._bytes[place:end] = array.reshape(-1).view(np.uint8)
        self._put += 1
        self._free = -(-end // START) * START
        return place

    def take(self, place: int, shape: Sequence[int], dtype: str) -> NDArray[Any]:
        """Return a copy of the array at a place, and free its memory for others."""
        array = np.empty(shape, dtype)
        flat = array.reshape(-1).view(np.uint8)
        flat[:] = self._bytes[place : place + array.nbytes]
        self._taken[0] += 1
        return array
