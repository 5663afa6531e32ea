"""What ``wire_fuzz.py`` checks at the end: commands, log and memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from wire_fuzz_requests import MARK
from wm_planner_msgs.msg import PlanStatus

PERIOD = 0.02  # [s] of commands.rate
ACCELERATION = 2.0  # [m/s^2] limits.max_acceleration: small enough to see a jump on the wire
MAX_SPEED = 0.25  # [m/s] limits.max_speed
WINDOW = 0.1  # [s] over which a velocity is measured
JITTER = 0.1 * WINDOW  # [s] by which a command's stamp may be late
CHANGE = 1.1 * ACCELERATION * WINDOW + 2 * MAX_SPEED * JITTER / WINDOW
"""[m/s] by which the velocity may change between two windows."""
LINE = 25_000  # [characters] no line of the log is longer
GROWTH = 1.05  # of the memory in the last fifth, with small requests
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e]")

Commands = list[tuple[float, float, np.ndarray]]  # sent [s], stamp [s], pose (7,)
States = list[tuple[float, int]]  # sent [s], state of PlanStatus


def check_log(path: Path) -> Iterator[str]:
    """Yield a sentence for each kind of problem in the log, and print its size."""
    text = path.read_text(errors="surrogateescape")
    lines = text.split("\n")
    longest = max(map(len, lines))
    print(f"log: {len(text) / 2**20:.1f} MiB, longest line {longest} characters: {path}")
    if "Traceback" in text:
        yield f"a traceback in the log ({text.count('Traceback')} times)"
    if any(line.startswith("[FATAL] [0.0]") and MARK in line for line in lines):
        yield "a text forged a line of the log"
    if found := UNPRINTABLE.search(text):
        yield f"a control character in the log: {found[0]!r}"
    if longest > LINE:
        yield f"a line of the log has {longest} characters"


def check_memory(used: Sequence[int]) -> Iterator[str]:
    """Yield a sentence if the memory [bytes] still grew at the end, and print it."""
    tenths = [used[len(used) * i // 10] for i in range(10)] + [used[-1]]
    sizes = " ".join(f"{memory / 2**20:.0f}" for memory in tenths)
    print(f"memory of the node after each tenth [MiB]: {sizes}")
    if tenths[-1] > GROWTH * tenths[8]:
        yield f"the memory grew by {tenths[-1] / tenths[8] - 1:.0%} in the last fifth"


def check_velocity(commands: Commands) -> Iterator[str]:
    """Yield a sentence if the commanded velocity jumps, and print its largest change."""
    if not commands:  # strangers on every input keep all goals from beginning
        print("no command was sent")
        return
    change = largest_change(commands)
    print(f"largest change of velocity in {WINDOW} s: {change:.2f} m/s, allowed {CHANGE:.2f} m/s")
    if change > CHANGE:
        yield f"the velocity changed by {change:.2f} m/s within {WINDOW} s"


def largest_change(commands: Commands) -> float:
    """Return the largest change of the commanded velocity between two windows [m/s].

    Only commands that follow each other without a pause count: after a delay the arm goes on from
    where it was.
    """
    _, stamps, poses = (np.array(column) for column in zip(*commands, strict=True))
    largest = 0.0
    for part in np.split(
        np.arange(len(stamps)), np.flatnonzero(np.diff(stamps) > 1.5 * PERIOD) + 1
    ):
        times = np.arange(stamps[part[0]], stamps[part[-1]], WINDOW)
        if len(times) < 3:
            continue
        path = np.stack([np.interp(times, stamps[part], p) for p in poses[part, :3].T], axis=1)
        changes = np.diff(path, n=2, axis=0) / WINDOW
        largest = max(largest, float(np.linalg.norm(changes, axis=1).max()))
    return largest


def longest_gap(commands: Commands, statuses: States) -> tuple[float, float, int]:
    """Return the longest gap between commands of an active goal [s], when it began, and the holds.

    A hold is also the end of a goal.
    """
    times = np.array([sent for sent, _, _ in commands])
    changes, states = (np.array(column) for column in zip(*statuses, strict=True))
    before = np.searchsorted(changes, times[:-1], side="right") - 1
    after = np.searchsorted(changes, times[1:], side="left")
    active = states == PlanStatus.ACTIVE
    gaps = [
        (times[i + 1] - times[i], times[i])
        for i, (first, last) in enumerate(zip(before, after, strict=True))
        if first >= 0 and active[first:last].all()
    ]
    return *max(gaps, default=(np.nan, np.nan)), int(((~active[1:]) & active[:-1]).sum())
