"""The stream: no jump, no pause, and nothing played twice."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.control import CommandStream
from wm_planner.models import ModelSpec

START = np.array([0.5, 0.0, 0.5])
MOVE = np.array([0.04, -0.02, 0.01])


@pytest.fixture
def stream(spec: ModelSpec) -> CommandStream:
    stream = CommandStream(spec)
    stream.start(START, 10.0)
    return stream


def _send(stream: CommandStream, start: float, end: float) -> None:
    """Send at 50 Hz, as the node does."""
    for time in np.arange(start, end, 0.02):
        stream.sent(stream.at(time), time)


def test_it_stays_where_it_started(stream: CommandStream) -> None:
    np.testing.assert_array_equal(stream.at(11.0), START)


def test_an_action_is_spread_evenly_over_its_step(stream: CommandStream) -> None:
    stream.splice(MOVE, stamp=10.0, now=10.0)
    np.testing.assert_allclose(stream.at(10.1), START + MOVE / 2)
    np.testing.assert_allclose(stream.at(10.2), START + MOVE)
    np.testing.assert_allclose(stream.at(99.0), START + MOVE)
    assert stream.busy_until == pytest.approx(10.2)


@pytest.mark.parametrize("latency", [0.0, 0.08, 0.19, 0.2, 0.21, 1.0])
def test_a_plan_is_played_over_a_whole_step_however_late_it_is(
    stream: CommandStream, latency: float
) -> None:
    now = 10.0 + latency
    stream.splice(MOVE, stamp=10.0, now=now)
    np.testing.assert_array_equal(stream.at(now), START)
    np.testing.assert_allclose(stream.at(now + 0.1), START + MOVE / 2)
    np.testing.assert_allclose(stream.at(now + 0.2), START + MOVE)


def test_a_new_plan_counts_from_where_the_arm_was_told_to_be_at_its_picture(
    stream: CommandStream,
) -> None:
    stream.splice(MOVE, stamp=10.0, now=10.0)
    _send(stream, 10.0, 10.14)
    stream.splice(MOVE, stamp=10.1, now=10.14)
    np.testing.assert_allclose(stream.at(10.14), START + 0.7 * MOVE)
    np.testing.assert_allclose(stream.at(10.34), START + 1.5 * MOVE)


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.09, 0.1, 0.15, 0.2, 0.9])
def test_the_join_never_jumps(stream: CommandStream, delay: float) -> None:
    stream.splice(MOVE, stamp=10.0, now=10.0)
    now = 10.1 + delay
    _send(stream, 10.0, now)
    before = stream.at(now)
    stream.splice(-MOVE, stamp=10.1, now=now)
    np.testing.assert_allclose(stream.at(now), before, atol=1e-12)


def test_plans_one_step_apart_join_without_a_pause_and_at_the_plan_s_speed(
    stream: CommandStream,
) -> None:
    for k in range(5):  # the same displacement again and again, each plan 60 ms late
        stamp = 10.0 + 0.2 * k
        stream.splice(MOVE, stamp=stamp, now=stamp + 0.06)
        _send(stream, stamp + 0.06, stamp + 0.26)
        speeds = [
            np.linalg.norm(stream.at(t + 0.02) - stream.at(t)) / 0.02
            for t in np.arange(stamp + 0.06, stamp + 0.24, 0.02)
        ]
        assert max(speeds) <= np.linalg.norm(MOVE) / 0.2 * 1.001
        assert min(speeds) > 0.5 * np.linalg.norm(MOVE) / 0.2


def test_sub_actions_are_played_one_after_the_other(spec: ModelSpec) -> None:
    spec.frameskip = 2
    stream = CommandStream(spec)
    stream.start(START, 0.0)
    stream.splice([*MOVE, *(-MOVE)], stamp=0.0, now=0.0)
    np.testing.assert_allclose(stream.at(0.2), START + MOVE)
    np.testing.assert_allclose(stream.at(0.4), START, atol=1e-12)


def test_absolute_actions_are_places(spec: ModelSpec) -> None:
    spec.action.command.mode = "absolute"
    stream = CommandStream(spec)
    stream.start(START, 0.0)
    stream.splice([0.6, 0.1, 0.4], stamp=0.0, now=0.0)
    np.testing.assert_allclose(stream.at(0.2), [0.6, 0.1, 0.4])


def test_the_order_of_the_numbers_is_the_spec_s(spec: ModelSpec) -> None:
    spec.action.command.position = ["dz", "dx", "dy"]
    stream = CommandStream(spec)
    stream.start(START, 0.0)
    stream.splice([0.01, 0.02, 0.03], stamp=0.0, now=0.0)
    np.testing.assert_allclose(stream.at(0.2), START + np.array([0.03, 0.01, 0.02]))
