"""Stamps of different clocks are named with their readings, and recording times are used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recordings import write_bag

from wm_planner.diagnosis.bag import Topics
from wm_planner.diagnosis.bag_clocks import use_one_clock
from wm_planner.diagnosis.bag_episode import bag_episode
from wm_planner.diagnosis.bag_stream import JOINTS, NUMBERS, POSE, Stream
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result
from wm_planner.images import ImagePolicy
from wm_planner.models.spec import ModelSpec

BEGIN = 1.75e9  # [s] of a recording in 2025
LENGTH = 10.0


def _stream(name: str, clock: Callable[[float], float], kind: str = POSE, rate: int = 20) -> Stream:
    received = np.arange(BEGIN, BEGIN + LENGTH, 1 / rate)
    stamps = [0.0 if kind == NUMBERS else clock(t - 0.02) for t in received]
    return Stream(
        name,
        kind,
        times=[stamp or time for stamp, time in zip(stamps, received, strict=True)],
        stamps=stamps,
        received=list(received),
        values=[[0.0]] * len(received),
    )


def _true(time: float) -> float:
    return time


def _since_boot(time: float) -> float:
    return time - BEGIN


def _judge(*streams: Stream, states: tuple[str, ...] = ()) -> tuple[Result, list[str]]:
    roles = ("image", "pose", "command", "joints")
    by_name = {role: s for role in roles for s in streams if s.topic == f"/{role}"}
    assert len(by_name) == len(streams)
    return use_one_clock(by_name, states)


def _judged(camera: Callable[[float], float]) -> tuple[Result, list[Stream]]:
    streams = [_stream("/image", camera, rate=30), _stream("/pose", _true)]
    return _judge(*streams)[0], streams


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        (lambda t: t - BEGIN + 512.0, "since boot or a simulator's"),
        (lambda t: t + 7200.0, "7199.980 s ahead, +2 h, as between time zones"),
        (lambda t: t - 5.5 * 3600, "-5.5 h, as between time zones"),
        (lambda t: t + 37.0, "as between TAI, which PTP uses, and UTC"),
        (lambda t: t - 18.0, "as between GPS and UTC"),
        (lambda t: t + 3.0, "2.980 s ahead)"),
        (lambda t: t + 1.3, "1.280 s ahead)"),  # so it is not late
        (lambda t: t if t < BEGIN + 6 else t + 60, " s ahead"),  # set while recording
        (lambda t: BEGIN + 0.5 * (t - BEGIN), "behind"),  # runs slowly
    ],
)
def test_a_camera_of_another_clock_is_named(camera: Callable[[float], float], words: str) -> None:
    result, streams = _judged(camera)
    assert result.verdict == STOP
    assert "when the recorder's clock read 2025-06-15 15:" in result.sentence
    assert "/image was stamped" in result.sentence
    assert "/pose was stamped 2025-06-15" in result.sentence
    assert words in result.sentence
    assert all(stream.times == stream.received for stream in streams)


@pytest.mark.parametrize(
    "clock",
    [
        lambda t: t,
        lambda t: t - 0.4,  # a delay is no other clock
        lambda t: t - BEGIN,  # a simulator's, of all topics
        lambda t: 0.3 * (t - BEGIN),  # one that is slower than real time
    ],
)
def test_one_clock_has_no_finding(clock: Callable[[float], float]) -> None:
    streams = [_stream("/image", clock), _stream("/pose", clock, rate=100)]
    streams[1].stamps, streams[1].received = streams[1].stamps[200:], streams[1].received[200:]
    streams[1].times = streams[1].times[200:]
    assert _judge(*streams)[0].verdict == OK
    assert all(stream.times == stream.stamps for stream in streams)


def test_messages_that_came_late_are_no_other_clock() -> None:
    streams = [_stream("/image", lambda t: t), _stream("/pose", lambda t: t)]
    streams[0].received[-20:] = [time + 2.5 for time in streams[0].received[-20:]]
    assert _judge(*streams)[0].verdict == OK


def test_images_without_stamps_are_named_and_only_their_times_are_those_of_recording() -> None:
    result, streams = _judged(lambda t: 0.0)
    assert result.verdict == WARN
    assert "The messages on /image are not stamped" in result.sentence
    assert result.sentence.endswith("Here the times of recording were used for /image.")
    assert streams[0].times == streams[0].received
    assert streams[1].times == streams[1].stamps


def test_poses_without_stamps_beside_a_simulator_s_images_leave_only_recording_times() -> None:
    streams = [_stream("/image", _since_boot), _stream("/pose", lambda t: 0.0)]
    result, _ = _judge(*streams)
    assert "/pose are not stamped" in result.sentence
    assert result.sentence.endswith("were used for all topics.")
    assert all(stream.times == stream.received for stream in streams)


def test_stamps_that_stand_still_are_a_finding_of_their_own() -> None:
    streams = [_stream("/image", _true), _stream("/pose", lambda t: min(t, BEGIN + 5))]
    result, _ = _judge(*streams)
    assert result.verdict == STOP
    assert "The stamps on /pose stand still for 4.9 s" in result.sentence
    assert "different clocks" not in result.sentence
    assert streams[0].times == streams[0].stamps
    assert streams[1].times == streams[1].received


@pytest.mark.parametrize("clock", [_true, _since_boot])
def test_a_camera_that_is_late_keeps_its_stamps(clock: Callable[[float], float]) -> None:
    streams = [_stream("/image", lambda t: clock(t) - 1.3), _stream("/pose", clock)]
    result, _ = _judge(*streams)
    assert result.verdict == WARN
    assert "/image were recorded 1.30 s later after their stamps than those on /pose" in (
        result.sentence
    )
    assert "times of recording" not in result.sentence
    assert all(stream.times == stream.stamps for stream in streams)


@pytest.mark.parametrize(
    ("clock", "why"),
    [
        (lambda t: 0.0, "are not stamped"),
        (lambda t: BEGIN, "have stamps that stand still"),
        (_since_boot, "are stamped by another clock"),
    ],
)
def test_commands_whose_stamps_cannot_be_used_are_only_a_note(
    clock: Callable[[float], float], why: str
) -> None:
    streams = [_stream("/image", _true), _stream("/pose", _true), _stream("/command", clock)]
    result, notes = _judge(*streams)
    assert result.verdict == OK
    said = f"The commands on /command {why}: the times of recording were used for them."
    assert notes == [said]
    assert streams[2].times == streams[2].received
    assert streams[0].times == streams[0].stamps


def test_commands_of_the_same_clock_keep_their_stamps() -> None:
    every = [_stream(name, _since_boot) for name in ("/image", "/pose", "/command")]
    result, notes = _judge(*every)
    assert (result.verdict, notes) == (OK, [])
    assert all(stream.times == stream.stamps for stream in every)


def test_joints_count_only_if_they_are_needed() -> None:
    for others, states, verdict in (
        (("/image", "/pose"), (), OK),
        (("/image", "/pose"), ("j1",), WARN),
        (("/image",), (), WARN),  # then they are the measured motion
    ):
        joints = _stream("/joints", lambda t: 0.0, JOINTS)
        joints.names = ["j1"]
        streams = [_stream(name, _true) for name in others]
        assert _judge(*streams, joints, states=states)[0].verdict == verdict


def test_numbers_without_stamps_make_a_simulator_s_stamps_useless() -> None:
    commands = _stream("/command", _since_boot, NUMBERS)
    streams = [_stream("/image", _since_boot), _stream("/pose", _since_boot), commands]
    result, (note,) = _judge(*streams)
    assert result.verdict == OK
    assert note.endswith("are not stamped: the times of recording were used for all topics.")
    assert all(stream.times == stream.received for stream in streams)


def test_a_bag_of_a_camera_in_boot_clock_is_read_by_its_recording_times(
    spec: ModelSpec, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    actions = rng.normal(0, 0.02, (8, 3)).astype(np.float32)
    places = np.concatenate([np.zeros((1, 3)), np.cumsum(actions, 0)]).astype(np.float32)
    images = rng.integers(0, 255, (9, 8, 10, 3)).astype(np.uint8)
    numbers = (actions, places, images)
    path = write_bag(tmp_path / "bag", *numbers, camera_clock=lambda time: time - 900)
    found = bag_episode(path, spec, Topics(), ImagePolicy())
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_allclose(found.actions[:, 0], actions, atol=1e-6)
    assert [result.verdict for result in found.findings] == [OK, STOP]


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        (lambda t: t - 0.9, False),  # half a step out of phase
        (lambda t: t + 0.09 * np.sin(1e3 * t), False),
        (lambda t: t + 0.15 * np.sin(1e3 * t), False),
        (lambda t: float(round(t)), True),
        (lambda t: float(int(t)), True),
        (lambda t: t - t % 0.9, True),
    ],
)
def test_images_whose_stamps_are_not_those_of_the_steps_are_not_rare(
    spec: ModelSpec, tmp_path: Path, camera: Callable[[float], float], said: bool
) -> None:
    rng = np.random.default_rng(0)
    places = np.cumsum(rng.normal(0, 0.02, (31, 3)), 0).astype(np.float32)
    images = np.zeros((31, 8, 10, 3), np.uint8) + np.arange(31, dtype=np.uint8)[:, None, None, None]
    numbers = (np.diff(places, axis=0), places, images)
    path = write_bag(tmp_path / "bag", *numbers, camera_clock=camera)
    found = bag_episode(path, spec, Topics(), ImagePolicy())
    assert found.steps >= 24
    assert any("do not tell when images were taken" in note for note in found.notes) == said
    if said:
        steps = np.diff(found.images[:, 0, 0, 0].astype(int))
        np.testing.assert_array_equal(steps, np.ones(found.steps))
