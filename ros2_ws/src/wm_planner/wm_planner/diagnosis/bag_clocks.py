"""Whether the stamps of a bag's topics come from one clock; if not, recording times take over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import combinations

import numpy as np

from wm_planner.diagnosis.bag_stream import Stream
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.types import Vector

APART = 1.0
"""Difference of two topics' clocks above which they are not one, unless one is late [s]."""
LATE = 3.0
"""Up to this difference, if it is steady, messages are late rather than of another clock [s]."""
_CALENDAR = 3e8  # [s] stamps above it, from 1979 on, are dates
_ZONE = 1800.0  # [s] that time zones are multiples of
_KNOWN = ((37.0, "TAI, which PTP uses, and UTC"), (18.0, "GPS and UTC"))  # since 2017 [s]
_CURE = (
    "The planner compares stamps, so it would not use these messages together: have the drivers "
    "stamp with ROS time, and set the clocks of the computers by each other (chrony, PTP)"
)


def use_one_clock(streams: Mapping[str, Stream], states: Sequence[str]) -> tuple[Result, list[str]]:
    """Compare the clocks of the streams; let recording times be the ``times`` where needed.

    Images, poses and the joints that are needed are judged. If they are stamped by different
    clocks, the offset of their stamps to the times of recording differs, which the same clock of a
    simulator, or a recording that was played faster, does not explain; then all ``times`` become
    those of recording. Those of a stream whose stamps are missing or stand still become so, too;
    if the others have a simulator's clock, again all.

    Args:
        streams: The streams by role.
        states: Names of the model's states.

    Returns:
        ``clocks``, with the readings of the clocks if they differ, and a note on commands whose
        stamps were not used.
    """
    judged = _judged(streams, states)
    empty = [s for s in judged if not _stamped(s)]
    stuck = [s for s in judged if s not in empty and _stands_still(s)]
    good = [s for s in judged if s not in empty and s not in stuck]
    gaps = [(_gaps(a, b), a, b) for a, b in combinations(good, 2)]
    apart = max((float(gap.max()) for gap, _, _ in gaps), default=0.0)
    slow = [(gap, a, b) for gap, a, b in gaps if gap.max() > APART and _late(gap, a, b)]
    differ = any(gap.max() > APART and not _late(gap, a, b) for gap, a, b in gaps)
    # Times of recording do not match a simulator's stamps.
    foreign = min((abs(_offset(s)) for s in good), default=np.inf) > LATE
    every = differ or (foreign and len(good) < len(judged))
    notes = []
    command = streams.get("command")
    if command is not None and (why := _unusable(command, good)):
        command.times = list(command.received)
        every = every or foreign
        if every or command.has_header:
            whose = "used for all topics" if every else "used for them"
            notes.append(
                f"The commands on {command.topic} {why}: the times of recording were {whose}."
            )
    for stream in streams.values() if every else (*empty, *stuck):
        stream.times = list(stream.received)
    parts = [f"The stamps come from different clocks: {_readings(good)}. {_CURE}"] * differ
    parts += [
        f"The stamps on {s.topic} stand still for {_stands_still(s):.1f} s although messages come: "
        "its driver repeats a message, or the stamp of the first one. The planner does not use "
        "stamps that are too old: have each message stamped when it is measured"
        for s in stuck
    ]
    parts += [
        f"The messages on {s.topic} are not stamped (their stamps are 0): the planner takes the "
        "time of their arrival, which is later. Have the driver stamp them with ROS time"
        for s in empty
    ]
    if differ or empty or stuck:
        those = "all topics" if every else " and ".join(s.topic for s in (*empty, *stuck))
        parts.append(f"Here the times of recording were used for {those}")
    if not differ:
        parts += [_lateness(float(np.median(gap)), a, b) for gap, a, b in slow]
    verdict = STOP if differ or stuck else WARN if parts else OK
    agree = f"the topics' stamps agree within {APART:g} s"
    return judge("clocks", apart, APART, verdict, f"{'. '.join(parts)}.", agree), notes


def _judged(streams: Mapping[str, Stream], states: Sequence[str]) -> list[Stream]:
    """Return images, poses, and joints if they are states or the only measured motion."""
    found = [streams[role] for role in ("image", "pose") if role in streams]
    joints = streams.get("joints")
    if joints is not None and ("pose" not in streams or set(joints.names) & set(states)):
        found.append(joints)
    return found


def _stamped(stream: Stream) -> bool:
    return bool(stream.has_header and np.median(stream.stamps))


def _stands_still(stream: Stream) -> float:
    """Return how long the stamp stays the same while messages come [s]; 0 if that is usual."""
    order = np.argsort(stream.received, kind="stable")
    received, stamps = np.asarray(stream.received)[order], np.asarray(stream.stamps)[order]
    begins = np.concatenate([[0], np.nonzero(np.diff(stamps))[0] + 1])
    ends = np.concatenate([begins[1:] - 1, [len(stamps) - 1]])
    longest = float((received[ends] - received[begins]).max())
    return longest if longest > max(APART, float(np.ptp(received)) / 3) else 0.0


def _late(gaps: Vector, one: Stream, other: Stream) -> bool:
    """Return whether messages come late: by a steady time, and none is stamped in the future."""
    ahead = max(_offset(one), _offset(other)) > APART
    return bool(gaps.max() <= LATE and np.ptp(gaps) <= APART and not ahead)


def _lateness(seconds: float, one: Stream, other: Stream) -> str:
    late, other = (one, other) if _offset(one) < _offset(other) else (other, one)
    return (
        f"The messages on {late.topic} were recorded {seconds:.2f} s later after their stamps than "
        f"those on {other.topic}: they come late (a queue, a slow network), or their clock is "
        "behind by that, which 'image_delay' shows if the arm moves. Their stamps were used"
    )


def _unusable(stream: Stream, good: Sequence[Stream]) -> str:
    """Return why the stamps of a stream that is not judged are not used; empty if they are."""
    if not _stamped(stream):
        return "are not stamped"
    if _stands_still(stream):
        return "have stamps that stand still"
    if good and min(float(_gaps(stream, each).max()) for each in good) > APART:
        return "are stamped by another clock"
    return ""


def _offset(stream: Stream) -> float:
    return float(np.median(_offsets(stream)))


def _offsets(stream: Stream) -> Vector:
    """Return by how much each stamp is ahead of the recorder's clock [s]."""
    return np.subtract(stream.stamps, stream.received)


def _gaps(one: Stream, other: Stream) -> Vector:
    """Return how far the clocks of two streams are apart in each third of the recording [s].

    A median over a third ignores messages that were late, and notices a clock that was set.
    """
    begin = max(min(s.received) for s in (one, other))
    end = min(max(s.received) for s in (one, other))
    if begin > end:
        return np.zeros(3)
    moments = np.linspace(begin, end, 30)
    gaps = np.abs(_at(one, moments) - _at(other, moments)).reshape(3, -1)
    return np.asarray(np.median(gaps, axis=1))


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
