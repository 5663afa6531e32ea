"""Any message gives pixels or ImageFormatError, without output and without a memory leak.

Runs a few thousand messages; WM_PLANNER_FUZZ=100000 sets the number, WM_PLANNER_FUZZ_SEED the seed.
"""

from __future__ import annotations

import collections
import itertools
import os
import resource

import fuzz_messages
import numpy as np
import pytest

from wm_planner.images import ImageFormatError, bridge, decode

COUNT = int(os.environ.get("WM_PLANNER_FUZZ", "3000"))
SEED = int(os.environ.get("WM_PLANNER_FUZZ_SEED", "0"))
WARM_UP = 1000
GROWTH = 32.0
"""Allowed growth of the resident memory after the warm-up [MiB].

The allocator keeps libpng's tables for images that announce a million rows, so that memory grows in
rare steps. The same message a hundred times adds nothing.
"""


def resident() -> float:
    """Resident memory of this process [MiB]."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def check(result: object) -> str:
    """Check what every result promises; return the error's reason or ``"pixels"``."""
    if isinstance(result, ImageFormatError):
        assert len(str(result)) < 1000
        assert result.reason != "conversion", str(result)
        return result.reason
    assert isinstance(result, np.ndarray)
    assert result.dtype == np.uint8
    assert result.shape[2:] == (3,)
    assert result.flags.owndata
    assert result.flags.c_contiguous
    assert result.flags.writeable
    return "pixels"


@pytest.mark.timeout(3600)
def test_random_messages_give_pixels_or_image_format_error(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fuzz_messages.random_messages(SEED)
    turns = itertools.cycle([True, True, False])
    to_rgb = bridge.to_rgb
    monkeypatch.setattr(bridge, "to_rgb", lambda *call: to_rgb(*call) if next(turns) else None)
    outcomes: collections.Counter[str] = collections.Counter()
    before = 0.0
    for index in range(COUNT + WARM_UP):
        if index == WARM_UP:
            before = resident()
        message, policy = source()
        result: object
        try:
            result = decode(message, policy, "/fuzz")
        except ImageFormatError as error:
            result = error
        outcomes[check(result)] += 1
    growth = resident() - before
    output = capfd.readouterr()
    with capfd.disabled():
        if "WM_PLANNER_FUZZ" in os.environ:
            print(f"\n{COUNT} messages: memory grew {growth:.1f} MiB from {before:.0f} MiB")
            print(dict(outcomes.most_common()))
    assert growth < GROWTH
    assert outcomes["pixels"] > COUNT / 10
    assert output.err == ""
