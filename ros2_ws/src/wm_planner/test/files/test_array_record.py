"""NumPy arrays in a pickle are read without running it, or are none."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest

from wm_planner.files.array_record import MOST_NUMBERS, array_of
from wm_planner.files.errors import FileFormatError
from wm_planner.files.inert_pickle import Record, read_pickle


def refuse(_identifier: Any) -> None:
    raise FileFormatError("nothing is outside")


def read(value: Any, protocol: int) -> Any:
    source = io.BytesIO(pickle.dumps(value, protocol))
    return array_of(read_pickle(source, persistent=refuse, calls={}))


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
        np.array([1, -2, 3], np.int16),
        np.array([1.5, 2.5], ">f4"),
        np.array([0.5], np.float16),
        np.float64(3.5),
        np.array(3.5),
        np.zeros((0, 2)),
    ],
)
def test_what_numpy_pickles_is_read(array: Any, protocol: int) -> None:
    found = read(array, protocol)
    np.testing.assert_array_equal(found, np.asarray(array, np.float64))
    assert found.dtype == np.float64


@pytest.mark.parametrize("value", [3, 2.5, [1, 2.5], (3, 4)])
def test_plain_numbers_are_read(value: Any) -> None:
    np.testing.assert_array_equal(array_of(value), np.asarray(value, np.float64))


DTYPE = Record("numpy.dtype", ("f8", False, True), (3, "<", None, None, None, -1, -1, 0))
ARRAY = "numpy.core.multiarray._reconstruct"


@pytest.mark.parametrize(
    "value",
    [
        "text", None, {}, [], [1, "x"], [True], 10**400, [1.0] * (MOST_NUMBERS + 1),
        np.array(["a"]), np.array([1 + 2j]), np.array([None]),
    ],
)  # fmt: skip
def test_anything_else_is_none(value: Any) -> None:
    assert array_of(value) is None
    if isinstance(value, np.ndarray):
        assert read(value, 4) is None


@pytest.mark.parametrize(
    "state",
    [
        (1, (2,), DTYPE, False, b"short"),
        (1, (2**40, 2**40), DTYPE, False, b""),
        (1, (2**300,) * 60_000, DTYPE, False, b""),
        (1, (-1,), DTYPE, False, b""),
        (1, (0,) * 100, DTYPE, False, b""),
        (1, [1], DTYPE, False, b"\0" * 8),
        (1, (1,), Record("numpy.dtype", ("O",)), False, b"\0" * 8),
        (1, (1,), "f8", False, b"\0" * 8),
        (1, (1,), DTYPE, False, "\u20ac"),
        (1, (1,)),
        None,
    ],
)
def test_a_damaged_array_is_none_and_takes_no_memory(state: Any) -> None:
    assert array_of(Record(ARRAY, (), state)) is None
