"""What the cockpit knows of the planner: its state in words, its curves, settings and figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner.cockpit import known as module
from wm_planner.cockpit.known import LOST, MAX_CONFIG, MOST_POINTS, STATES, Known
from wm_planner.config import Config, to_yaml
from wm_planner.message_limits import MAX_LIST

NAN = math.nan


@pytest.fixture
def clock(clock_of: Callable[..., Any]) -> Any:
    return clock_of(module)


@pytest.fixture
def known(clock: Any) -> Known:
    return Known("/cell/planner")


def status(
    state: int = PlanStatus.ACTIVE, distance: float = 0.5, at: float = 10.0, **fields: Any
) -> PlanStatus:
    fields = {"plan_time": 0.05, "image_age": 0.25, "cost_first": 3.0, "cost_last": 2.0, **fields}
    message = PlanStatus(state=state, distance=distance, **fields)
    message.header.stamp.sec, message.header.stamp.nanosec = int(at), round(at % 1 * 1e9)
    return message


def begin() -> PlanStatus:
    """Return what the planner says when a goal begins: there is no plan yet."""
    return status(distance=NAN, plan_time=NAN, image_age=NAN, cost_first=NAN, cost_last=NAN)


def distances(known: Known) -> list[float]:
    return [point.distance for point in known.points]


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_planner_has_a_word(known: Known, state: int) -> None:
    known.take_status(status(state, message="why it is so"))
    sentence = known.sentence()
    assert sentence.state == STATES[state]
    assert sentence.text == "why it is so"


def test_all_states_of_the_message_are_known() -> None:
    first, last = PlanStatus.IDLE, PlanStatus.INACTIVE
    assert sorted(STATES) == list(range(first, last + 1))


def test_a_state_of_a_newer_planner_is_unknown(known: Known) -> None:
    known.take_status(status(99))
    assert known.sentence().state == known.sentence().text == "unknown"


def test_a_sentence_of_the_planner_is_one_line(known: Known) -> None:
    known.take_status(status(message="a\nb" + "x" * 10**5))
    assert known.sentence().text.isprintable()
    assert len(known.sentence().text) < 3000


def test_a_planner_that_never_spoke_is_lost(known: Known) -> None:
    assert known.lost
    assert known.sentence().state == "lost"
    assert "/cell/planner" in known.sentence().text


def test_a_planner_is_lost_after_some_silence_and_back_with_its_next_word(
    known: Known, clock: Any
) -> None:
    known.take_status(status())
    clock.now += LOST
    assert not known.lost
    clock.now += 1.0
    assert known.lost
    sentence = known.sentence()
    assert (sentence.state, "silent for 4 s" in sentence.text) == ("lost", True)
    assert "emergency stop" in sentence.text
    known.take_status(status())
    assert known.sentence().state == "pursuing"


def test_a_planner_that_was_stopped_is_not_merely_holding(known: Known) -> None:
    known.take_status(status(state=PlanStatus.HOLDING))
    assert (known.sentence().state, known.stopped) == ("holding", False)
    known.take_status(status(state=PlanStatus.HOLDING, error_code=ReachGoal.Result.STOPPED))
    assert (known.sentence().state, known.stopped) == ("stopped", True)
    known.take_status(status(state=PlanStatus.IDLE))
    assert not known.stopped


def test_each_plan_is_a_point_at_the_time_of_its_image(known: Known) -> None:
    known.take_status(begin())
    known.take_status(status(distance=0.9, at=10.0))
    known.take_status(status(distance=0.8, at=10.2, image_age=NAN, cost_first=NAN))
    (first, second) = known.points
    assert (first.at, first.distance) == (pytest.approx(9.75), 0.9)
    assert (first.cost_first, first.cost_last) == (3.0, 2.0)
    assert second.at == pytest.approx(10.2)


def test_a_plan_that_is_reported_again_is_no_further_point(known: Known) -> None:
    """Once a second the planner says again what its newest plan was, with the time of saying it."""
    for at in (10.0, 11.0, 12.0):
        known.take_status(status(distance=0.9, at=at))
    assert len(known.points) == 1
    known.take_status(status(distance=0.9, at=12.1, plan_time=0.06))
    assert len(known.points) == 2, "an arm that rests is as far away as before"


def test_a_plan_without_a_measured_distance_is_no_point(known: Known) -> None:
    for distance in (NAN, math.inf):
        known.take_status(status(distance=distance))
    assert known.points == ()


@pytest.mark.parametrize(
    "state",
    [
        PlanStatus.IDLE, PlanStatus.REACHED, PlanStatus.CANCELED, PlanStatus.FAILED,
        PlanStatus.INACTIVE,
    ],
)  # fmt: skip
def test_a_goal_that_follows_another_begins_new_curves(known: Known, state: int) -> None:
    known.take_status(status(distance=0.3))
    known.take_status(status(state, distance=0.1))
    assert distances(known) == [0.3], "those of the goal that ended stay until then"
    known.take_status(status(distance=0.9, at=20.0))
    assert distances(known) == [0.9]


def test_a_goal_that_preempts_another_begins_new_curves(known: Known) -> None:
    known.take_status(status(distance=0.3))
    known.take_status(begin())
    assert known.points == ()
    known.take_status(status(distance=0.9, at=20.0))
    assert distances(known) == [0.9]


def test_curves_go_on_after_a_hold(known: Known) -> None:
    known.take_status(status(distance=0.5))
    known.take_status(status(PlanStatus.HOLDING, distance=0.5, at=11.0))
    known.take_status(status(distance=0.4, at=12.0))
    assert distances(known) == [0.5, 0.4]


def test_curves_are_of_bounded_length_and_keep_the_newest(known: Known) -> None:
    for i in range(MOST_POINTS + 50):
        known.take_status(status(distance=float(i), at=10.0 + i))
    assert len(known.points) == MOST_POINTS
    assert distances(known)[-1] == MOST_POINTS + 49


def test_each_goal_is_counted(known: Known) -> None:
    for i in range(1, 3):
        known.take_goal(Goal(tolerance=0.1 * i))
        assert (known.goal_number, known.goal.tolerance if known.goal else 0) == (i, 0.1 * i)


def test_the_settings_of_a_planner_are_read(known: Known) -> None:
    text = to_yaml(Config())
    assert len(text) < MAX_CONFIG / 4
    known.take_config(text)
    assert known.setting("planning.preset", "") == Config().planning.preset
    assert known.setting("planning.horizon", 0) == Config().planning.horizon


@pytest.mark.parametrize(
    "text",
    [
        "", "just words", "[1, 2]", "3", "a: [", "a: b: c", "\t", "a: \x00", "[" * 5000,
        "{a: " * 5000, "a: 2001-13-45", "a: " + "9" * 5000, "a: !!int x", "a: !!bool maybe",
        "a: !!timestamp x", "!!python/object/apply:os.getcwd []", "? [a]\n: b", "&a [*a]",
        "a: &x {b: 1}\nc: *x", "a: 0.0435 #" + "x" * MAX_CONFIG,
    ],
)  # fmt: skip
def test_settings_that_cannot_be_read_leave_those_before(known: Known, text: str) -> None:
    known.take_config("gripper: {scale: 2.0}")
    known.take_config(text)
    assert known.setting("gripper.scale", 1.0) == 2.0


def test_a_few_bytes_do_not_expand_to_many(known: Known) -> None:
    """With 60 levels of merges, reading would take years; the suite's time limit ends it."""
    bomb = "a0: &a0 {x: 1}\n"
    bomb += "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 60))
    known.take_config(bomb)
    assert known.config == {}


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("2.5", 1.0, 2.5), ("2", 1.0, 2.0), ("2", 7, 2), ("2.5", 7, 7), ("true", 7, 7),
        ("true", 1.0, 1.0), ("true", False, True), ("1", False, False), ("x", "", "x"),
        ("1", "d", "d"), ("null", "d", "d"), ("[a, b]", [], ["a", "b"]), ("a", [], []),
        ("{a: 1}", [], []), ("9" * 400, 1.0, 1.0), ("'2'", 1.0, 1.0),
    ],
)  # fmt: skip
def test_a_setting_has_the_type_of_its_default(
    known: Known, text: str, default: Any, expected: Any
) -> None:
    known.take_config(f"section: {{key: {text}}}")
    found = known.setting("section.key", default)
    assert found == expected
    assert type(found) is type(default)


@pytest.mark.parametrize("name", ["section.other", "other.key", "section", "list.key", "word.key"])
def test_a_setting_that_is_not_there_has_its_default(known: Known, name: str) -> None:
    known.take_config("section: {key: 1}\nlist: [key]\nword: key")
    assert known.setting(name, 5) == 5


def _diagnostics(*names: str) -> DiagnosticArray:
    return DiagnosticArray(status=[DiagnosticStatus(name=name, message=name) for name in names])


def test_only_the_planner_s_diagnostics_are_taken(known: Known) -> None:
    known.take_diagnostics(
        _diagnostics(
            "cell/planner: camera", "planner: camera", "other/planner: worker", "/cell/planner: x",
            "cell/planner2: pose", "cell/planner", "my cell/planner: pose",
        )
    )  # fmt: skip
    assert {name: part.message for name, part in known.diagnostics.items()} == {
        "camera": "cell/planner: camera"
    }
    known.take_diagnostics(_diagnostics("cell/planner: worker"))
    known.take_diagnostics(_diagnostics("other: pose"))
    assert sorted(known.diagnostics) == ["camera", "worker"]


def test_strangers_do_not_fill_the_memory_with_diagnostics(known: Known) -> None:
    for i in range(5):
        known.take_diagnostics(_diagnostics(*(f"cell/planner: {i} {k}" for k in range(MAX_LIST))))
    assert len(known.diagnostics) <= MAX_LIST
