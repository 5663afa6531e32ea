"""Whether the stamps of a bag's topics come from one clock; if not, recording times take over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from itertools import combinations

import numpy as np

from wm_planner.diagnosis.bag_stream import Stream
from wm_planner.diagnosis.check_result import OK, STOP, Result, judge
from wm_planner.types import Vector

APART = 1.0
"""Difference of two topics' clocks above which they are not one [s]."""
_CALENDAR = 3e8  # [s] stamps above it, from 1979 on, are dates
_ZONE = 1800.0  # [s] that time zones are multiples of
_KNOWN = ((37.0, "TAI, which PTP uses, and UTC"), (18.0, "GPS and UTC"))  # since 2017 [s]
_CURE = (
    "The planner compares stamps, so it would not use these messages together: have the drivers "
    "stamp with ROS time, and set the clocks of the computers by each other (chrony, PTP)"
)


def use_one_clock(streams: Iterable[Stream]) -> Result:
    """Compare the clocks of the streams; set ``times`` of all to their recording times if needed.

    That is needed if stamps come from different clocks or are missing. Then the offset of each
    stream's stamps to the times of recording differs, which the same clock of a simulator, or a
    recording that was played faster, does not explain.

    Returns:
        ``clocks``, with the readings of the clocks if they differ.
    """
    every = list(streams)
    empty = [s for s in every if s.has_header and not np.median(s.stamps)]
    stamped = [s for s in every if s.has_header and s not in empty]
    apart = max((_apart(a, b) for a, b in combinations(stamped, 2)), default=0.0)
    far = max((abs(float(np.median(_offsets(s)))) for s in stamped), default=0.0)
    bare = len(stamped) < len(every)  # recording times, which a simulator's stamps do not match
    if apart > APART or (bare and far > APART) or not stamped:
        for stream in every:
            stream.times = list(stream.received)
    parts = [f"The messages on {s.topic} are not stamped (their stamps are 0)" for s in empty]
    if apart > APART:
        parts.insert(0, f"The stamps come from different clocks: {_readings(stamped)}")
    return judge(
        "clocks",
        apart,
        APART,
        STOP if parts else OK,
        f"{'. '.join(parts)}. Here the times of recording were used instead. {_CURE}.",
        f"the topics' stamps agree within {APART:g} s",
    )


def _offsets(stream: Stream) -> Vector:
    """Return by how much each stamp is ahead of the recorder's clock [s]."""
    return np.subtract(stream.stamps, stream.received)


def _apart(one: Stream, other: Stream) -> float:
    """Return how far the clocks of two streams are apart, in the third where that is most [s].

    A median over a third ignores messages that were late, and notices a clock that was set.
    """
    begin = max(min(s.received) for s in (one, other))
    end = min(max(s.received) for s in (one, other))
    if begin > end:
        return 0.0
    moments = np.linspace(begin, end, 30)
    gaps = np.abs(_at(one, moments) - _at(other, moments)).reshape(3, -1)
    return float(np.median(gaps, axis=1).max())


def _at(stream: Stream, moments: Vector) -> Vector:
    """Return the offsets at some times of recording."""
    order = np.argsort(stream.received, kind="stable")
    return np.interp(moments, np.asarray(stream.received)[order], _offsets(stream)[order])


def _readings(streams: list[Stream]) -> str:
    """Return what all clocks read at the moment when two of them are farthest apart."""
    begin = max(min(s.received) for s in streams)
    end = max(begin, min(max(s.received) for s in streams))
    moments = np.linspace(begin, end, 30)
    offsets = np.stack([_at(stream, moments) for stream in streams])
    moment = int(np.ptp(offsets, axis=0).argmax())
    read = ", ".join(
        f"{stream.topic} was stamped {_reading(moments[moment] + offset)}"
        f"{_cause(offset, moments[0])}"
        for stream, offset in zip(streams, offsets[:, moment], strict=True)
    )
    return f"when the recorder's clock read {_reading(moments[moment])}, {read}"


def _reading(seconds: float) -> str:
    if seconds < _CALENDAR:
        return f"{seconds:.3f} s"
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def _cause(offset: float, recorder: float) -> str:
    """Return by how much a clock differs from the recorder's, and what that looks like."""
    if abs(offset) < APART:
        return ""
    looks = ""
    if recorder > _CALENDAR > recorder + offset:
        looks = ", as the time since boot or a simulator's"
    elif abs(offset - _ZONE * round(offset / _ZONE)) < APART and abs(offset) < 15 * 3600:
        looks = f", {round(offset / _ZONE) / 2:+g} h, as between time zones"
    for known, clocks in _KNOWN:
        if abs(abs(offset) - known) < APART / 2:
            looks = f", as between {clocks}"
    return f" ({abs(offset):.3f} s {'ahead' if offset > 0 else 'behind'}{looks})"
