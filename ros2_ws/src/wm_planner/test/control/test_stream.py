"""The stream: no jump, no pause, nothing played twice, and no sudden change of velocity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wm_planner.control import CommandStream

START = np.array([0.5, 0.0, 0.5])
MOVE = np.array([0.04, -0.02, 0.01])
STEP, BLEND, TICK = 0.2, 0.1, 0.02
SPEED = np.linalg.norm(MOVE) / STEP


def _stream(**changes: float) -> CommandStream:
    settings = {"frameskip": 1, "dt": STEP, "relative": True, "extra_time": 0.5, "blend": BLEND}
    stream = CommandStream(**{**settings, **changes})
    stream.start(START, 10.0)
    return stream


def _play(stream: CommandStream, start: float, end: float) -> np.ndarray:
    """What is sent at 50 Hz."""
    return np.array([stream.at(start + k * TICK) for k in range(round((end - start) / TICK))])


def _speeds(positions: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(positions, axis=0), axis=1) / TICK


def test_it_stays_where_it_started() -> None:
    np.testing.assert_allclose(_stream().at(11.0), START, rtol=1e-14)


def test_without_a_blend_an_action_is_spread_evenly_over_its_step() -> None:
    stream = _stream(blend=0.0)
    stream.splice([MOVE], START, latency=0.0, time=10.0)
    np.testing.assert_allclose(stream.at(10.1), START + MOVE / 2)
    np.testing.assert_allclose(stream.at(10.2), START + MOVE)
    np.testing.assert_allclose(stream.at(99.0), START + MOVE)


def test_a_blend_is_half_its_length_late_and_ends_at_the_same_place() -> None:
    stream = _stream()
    stream.splice([MOVE], START, latency=0.0, time=10.0)
    np.testing.assert_allclose(stream.at(10.15), START + MOVE / 2)
    np.testing.assert_allclose(stream.at(10.2 + BLEND), START + MOVE)


@pytest.mark.parametrize("latency", [0.0, 0.08, 0.2, 0.3, 1.0])
def test_an_arm_that_stood_still_is_played_the_whole_plan_however_late_it_is(
    latency: float,
) -> None:
    stream = _stream(blend=0.0)
    now = 10.0 + latency
    stream.splice([MOVE] * 5, START, latency, now)
    np.testing.assert_array_equal(stream.at(now), START)
    np.testing.assert_allclose(stream.at(now + 0.2), START + MOVE)


@pytest.mark.parametrize("latency", [0.06, 0.2, 0.3, 0.44])
@pytest.mark.parametrize("step", [0.2, 0.5, 1.0])
def test_plans_back_to_back_are_played_at_their_own_speed_without_a_pause(
    latency: float, step: float
) -> None:
    stream = _stream(dt=step)
    stream.splice([MOVE] * 5, START, 0.0, 10.0)
    now, sent = 10.0, _play(stream, 10.0, 10.0 + latency)
    for _ in range(6):  # each made from an image that was taken when the one before arrived
        basis, now = sent[-round(latency / TICK)], now + latency
        stream.splice([MOVE] * 5, basis, latency, now)
        sent = np.concatenate([sent, _play(stream, now, now + latency)])
    speeds = _speeds(sent)[round(BLEND / TICK) :]
    planned = np.linalg.norm(MOVE) / step
    assert speeds.max() <= 1.01 * planned
    assert speeds.min() >= 0.98 * planned


def test_what_was_traveled_is_dropped() -> None:
    stream = _stream(blend=0.0)
    stream.splice([MOVE] * 2, START, 0.0, 10.0)
    stream.splice([MOVE] * 2, START, latency=0.15, time=10.15)  # the same plan once more
    np.testing.assert_allclose(stream.at(10.4), START + 2 * MOVE, atol=1e-3)


def test_a_plan_is_played_on_into_its_horizon_and_then_holds() -> None:
    stream = _stream(extra_time=0.3)
    stream.splice([MOVE] * 5, START, 0.0, 10.0)
    np.testing.assert_allclose(stream.at(99.0), START + 2.5 * MOVE)
    assert _speeds(_play(stream, 10.2, 10.48)).min() > 0.99 * SPEED


def test_without_playing_on_only_the_first_step_is_played() -> None:
    stream = _stream(extra_time=0.0)
    stream.splice([MOVE] * 5, START, 0.0, 10.0)
    np.testing.assert_allclose(stream.at(99.0), START + MOVE)


def test_a_hold_comes_to_rest_within_the_blend_without_a_jump_of_the_velocity() -> None:
    stream = _stream()
    stream.splice([MOVE] * 5, START, 0.0, 10.0)
    before = _play(stream, 10.0, 10.3)
    stream.hold(10.3)
    speeds = _speeds(np.concatenate([before, _play(stream, 10.3, 10.6)]))
    assert np.abs(np.diff(speeds)).max() <= 1.01 * SPEED / BLEND * TICK
    assert speeds[-9:].max() < 1e-9


moves = st.tuples(*[st.floats(-0.05, 0.05)] * 3).map(np.array)


@given(
    first=st.lists(moves, min_size=5, max_size=5),
    second=st.lists(moves, min_size=5, max_size=5),
    latency=st.floats(0.0, 1.0),
    after=st.floats(0.02, 0.7),
)
def test_position_speed_and_acceleration_are_bounded_at_every_join(
    first: list[np.ndarray], second: list[np.ndarray], latency: float, after: float
) -> None:
    stream = _stream()
    stream.splice(first, START, 0.0, 10.0)
    now = 10.0 + after
    before = _play(stream, now - 0.3, now)
    stream.splice(second, START, latency, now)
    sent = np.concatenate([before, _play(stream, now, now + 1.2)])
    # No point of the second path, which begins where the first did, is further away than this.
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
def test_the_plan_s_own_places_are_reached_wherever_the_arm_was(
    actions: list[np.ndarray], latency: float, offset: np.ndarray
) -> None:
    stream = _stream(extra_time=9.0)
    stream.splice(actions, START + offset, latency, 10.0)
    end = START + offset + np.sum(actions, axis=0)
    np.testing.assert_allclose(stream.at(99.0), end, atol=1e-9)


def test_sub_actions_are_played_one_after_the_other() -> None:
    stream = _stream(frameskip=2, blend=0.0)
    stream.splice([MOVE, -MOVE], START, 0.0, 10.0)
    np.testing.assert_allclose(stream.at(10.2), START + MOVE)
    np.testing.assert_allclose(stream.at(10.4), START, atol=1e-12)


def test_absolute_actions_are_places() -> None:
    stream = _stream(relative=False)
    stream.splice([[0.6, 0.1, 0.4]], START, 0.0, 10.0)
    np.testing.assert_allclose(stream.at(10.4), [0.6, 0.1, 0.4])


def test_a_stream_of_joints_has_as_many_numbers_as_joints() -> None:
    stream = _stream()
    stream.start(np.zeros(7), 10.0)
    stream.splice([np.full(7, 0.1)], np.zeros(7), 0.0, 10.0)
    np.testing.assert_allclose(stream.at(11.0), np.full(7, 0.1))
