"""The stream: no jump, no pause, nothing played twice, and no sudden change of velocity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wm_planner.control import CommandStream
from wm_planner.control.space import CommandSpace

START = np.array([0.5, 0.0, 0.5])
MOVE = np.array([0.04, -0.02, 0.01])
STEP, BLEND, TICK = 0.2, 0.1, 0.02
SPEED = np.linalg.norm(MOVE) / STEP


def _stream(**changes: float) -> CommandStream:
    settings = {"frameskip": 1, "dt": STEP, "extra_time": 0.5, "blend": BLEND}
    stream = CommandStream(CommandSpace(3), **{**settings, **changes})
    stream.start(START, 10.0)
    return stream


def _splice(
    stream: CommandStream, moves: list[np.ndarray], basis: np.ndarray, latency: float, time: float
) -> None:
    stream.splice(basis + np.cumsum(moves, axis=0), basis, latency, time)


def _play(stream: CommandStream, start: float, end: float) -> np.ndarray:
    """Return the positions that are sent at 50 Hz."""
    return np.array([stream.at(start + k * TICK) for k in range(round((end - start) / TICK))])


def _speeds(positions: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(positions, axis=0), axis=1) / TICK


def test_without_a_plan_the_stream_stays_where_it_started() -> None:
    np.testing.assert_allclose(_stream().at(11.0), START, rtol=1e-14)


def test_without_a_blend_an_action_is_spread_evenly_over_its_step() -> None:
    stream = _stream(blend=0.0)
    _splice(stream, [MOVE], START, latency=0.0, time=10.0)
    np.testing.assert_allclose(stream.at(10.1), START + MOVE / 2)
    np.testing.assert_allclose(stream.at(10.2), START + MOVE)
    np.testing.assert_allclose(stream.at(99.0), START + MOVE)


def test_a_blend_delays_by_half_its_length_and_ends_at_the_same_position() -> None:
    stream = _stream()
    _splice(stream, [MOVE], START, latency=0.0, time=10.0)
    np.testing.assert_allclose(stream.at(10.15), START + MOVE / 2)
    np.testing.assert_allclose(stream.at(10.2 + BLEND), START + MOVE)


@pytest.mark.parametrize("latency", [0.0, 0.08, 0.2, 0.3, 1.0])
def test_an_arm_at_rest_gets_the_whole_plan_even_if_the_plan_is_late(
    latency: float,
) -> None:
    stream = _stream(blend=0.0)
    now = 10.0 + latency
    _splice(stream, [MOVE] * 5, START, latency, now)
    np.testing.assert_array_equal(stream.at(now), START)
    np.testing.assert_allclose(stream.at(now + 0.2), START + MOVE)


@pytest.mark.parametrize("latency", [0.06, 0.2, 0.3, 0.44])
@pytest.mark.parametrize("step", [0.2, 0.5, 1.0])
def test_consecutive_plans_are_played_at_their_own_speed_without_a_pause(
    latency: float, step: float
) -> None:
    stream = _stream(dt=step)
    _splice(stream, [MOVE] * 5, START, 0.0, 10.0)
    now, sent = 10.0, _play(stream, 10.0, 10.0 + latency)
    for _ in range(6):  # each from an image taken when the previous plan arrived
        basis, now = sent[-round(latency / TICK)], now + latency
        _splice(stream, [MOVE] * 5, basis, latency, now)
        sent = np.concatenate([sent, _play(stream, now, now + latency)])
    speeds = _speeds(sent)[round(BLEND / TICK) :]
    planned = np.linalg.norm(MOVE) / step
    assert speeds.max() <= 1.01 * planned
    assert speeds.min() >= 0.98 * planned


def test_the_part_of_a_plan_already_traveled_is_skipped() -> None:
    stream = _stream(blend=0.0)
    _splice(stream, [MOVE] * 2, START, 0.0, 10.0)
    _splice(stream, [MOVE] * 2, START, latency=0.15, time=10.15)  # the same plan once more
    np.testing.assert_allclose(stream.at(10.4), START + 2 * MOVE, atol=1e-3)


def test_a_plan_is_played_for_the_extra_time_and_then_the_stream_holds() -> None:
    stream = _stream(extra_time=0.3)
    _splice(stream, [MOVE] * 5, START, 0.0, 10.0)
    np.testing.assert_allclose(stream.at(99.0), START + 2.5 * MOVE)
    assert _speeds(_play(stream, 10.2, 10.48)).min() > 0.99 * SPEED


def test_without_extra_time_only_the_first_step_is_played() -> None:
    stream = _stream(extra_time=0.0)
    _splice(stream, [MOVE] * 5, START, 0.0, 10.0)
    np.testing.assert_allclose(stream.at(99.0), START + MOVE)


moves = st.tuples(*[st.floats(-0.05, 0.05)] * 3).map(np.array)


@given(
    first=st.lists(moves, min_size=5, max_size=5),
    second=st.lists(moves, min_size=5, max_size=5),
    latency=st.floats(0.0, 1.0),
    after=st.floats(0.02, 0.7),
)
def test_speed_and_acceleration_are_bounded_at_every_splice(
    first: list[np.ndarray], second: list[np.ndarray], latency: float, after: float
) -> None:
    stream = _stream()
    _splice(stream, first, START, 0.0, 10.0)
    now = 10.0 + after
    before = _play(stream, now - 0.3, now)
    _splice(stream, second, START, latency, now)
    sent = np.concatenate([before, _play(stream, now, now + 1.2)])
    # The two paths start at the same position: no points of them are further apart than this.
    gap = sum(np.linalg.norm(move) for move in first)
    fastest = max(np.linalg.norm(move) for move in [*first, *second]) / STEP + gap / STEP
    velocities = np.diff(sent, axis=0) / TICK
    assert np.linalg.norm(velocities, axis=1).max() <= fastest * 1.001 + 1e-9
    changes = np.linalg.norm(np.diff(velocities, axis=0), axis=1) / TICK
    assert changes.max() <= 2 * fastest / BLEND * 1.001 + 1e-6


@given(
    actions=st.lists(moves, min_size=3, max_size=5),
    latency=st.floats(0.0, 2.0),
    offset=moves,
)
def test_the_end_of_a_plan_is_reached_from_anywhere(
    actions: list[np.ndarray], latency: float, offset: np.ndarray
) -> None:
    stream = _stream(extra_time=9.0)
    _splice(stream, actions, START + offset, latency, 10.0)
    end = START + offset + np.sum(actions, axis=0)
    np.testing.assert_allclose(stream.at(99.0), end, atol=1e-9)


def test_the_environment_steps_of_a_model_step_are_played_in_order() -> None:
    stream = _stream(frameskip=2, blend=0.0)
    _splice(stream, [MOVE, -MOVE], START, 0.0, 10.0)
    np.testing.assert_allclose(stream.at(10.2), START + MOVE)
    np.testing.assert_allclose(stream.at(10.4), START, atol=1e-12)


def test_absolute_actions_are_positions() -> None:
    stream = _stream()
    stream.splice(np.array([[0.6, 0.1, 0.4]]), START, 0.0, 10.0)
    np.testing.assert_allclose(stream.at(10.4), [0.6, 0.1, 0.4])


def test_a_stream_of_joints_has_one_number_per_joint() -> None:
    stream = _stream()
    stream.start(np.zeros(7), 10.0)
    _splice(stream, [np.full(7, 0.1)], np.zeros(7), 0.0, 10.0)
    np.testing.assert_allclose(stream.at(11.0), np.full(7, 0.1))
