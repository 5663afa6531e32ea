"""The newest values of a stream are found by their stamps."""

from __future__ import annotations

from wm_planner.ros.stamped_buffer import StampedBuffer


def _filled(*stamps: float, length: int = 10) -> StampedBuffer[float]:
    buffer: StampedBuffer[float] = StampedBuffer(length)
    for stamp in stamps:
        buffer.add(stamp, 10 * stamp)
    return buffer


def test_the_nearest_value_is_found_on_both_sides() -> None:
    buffer = _filled(1.0, 2.0, 4.0)
    assert buffer.nearest(2.75) == (0.75, 20.0)
    assert buffer.nearest(3.25) == (0.75, 40.0)
    assert buffer.nearest(9.0) == (5.0, 40.0)
    assert buffer.nearest(0.0) == (1.0, 10.0)


def test_without_values_there_is_no_nearest() -> None:
    assert StampedBuffer[float](3).nearest(1.0) is None


def test_a_stamp_that_goes_back_clears_the_buffer() -> None:
    buffer = _filled(100.0, 100.1, 0.0)
    assert buffer.newest_first() == [(0.0, 0.0)]


def test_equal_stamps_keep_the_newest_value() -> None:
    buffer: StampedBuffer[str] = StampedBuffer(4)
    buffer.add(1.0, "old")
    buffer.add(1.0, "new")
    assert buffer.nearest(1.0) == (0.0, "new")


def test_only_the_newest_are_kept() -> None:
    assert [stamp for stamp, _ in _filled(1.0, 2.0, 3.0, length=2).newest_first()] == [3.0, 2.0]
