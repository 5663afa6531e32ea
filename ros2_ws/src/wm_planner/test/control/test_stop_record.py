"""A stop says who, when and during what, until the release."""

from __future__ import annotations

import pytest
from loop_rig import OBSERVATIONS, LoopRig

from wm_planner.control import ErrorCode, StopRecord
from wm_planner.models import ModelSpec


@pytest.fixture
def rig(spec: ModelSpec) -> LoopRig:
    return LoopRig(spec)


def test_a_stop_says_who_when_and_during_which_goal(rig: LoopRig) -> None:
    goal = rig.begin(OBSERVATIONS[0])
    rig.step(0.5)
    rig.loop.stop(12.5, "/button asked for it")
    assert rig.loop.stopped
    sentence = f"/button asked for it at 12.500 s of ROS time in goal {goal} after 1 steps"
    assert rig.loop.stopped.sentence == sentence
    assert rig.loop.stopped.status.code is ErrorCode.STOPPED


def test_later_stops_keep_the_first_and_count_with_the_last_reason() -> None:
    record = StopRecord("/a", 1.0, "in goal 1 after 2 steps")
    record = StopRecord.of(record, "/b", 2.0, 2, None)
    assert record.sentence.endswith("2 steps; then once more, at last because /b")
    for _ in range(1000):
        record = StopRecord.of(record, "/c", 3.0, 3, None)
    assert record.sentence.startswith("/a at 1.000 s")
    assert record.sentence.endswith("1001 times more, at last because /c")
    assert len(record.sentence) < 200


def test_a_release_forgets_the_stop(rig: LoopRig) -> None:
    rig.loop.stop(1.0, "/a")
    rig.loop.release()
    assert rig.loop.stopped is None
    rig.loop.stop(2.0, "/b")
    assert rig.loop.stopped
    assert "/a" not in rig.loop.stopped.sentence
