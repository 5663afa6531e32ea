"""The numbers of the page: with units, a dash for what is not known, and none of a lost planner."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from wm_planner_msgs.msg import PlanStatus, Search

from wm_planner.cockpit import known as module
from wm_planner.cockpit.figures import FIGURES, actions, figures, gripper_width
from wm_planner.cockpit.known import LOST, OLD, Known
from wm_planner.ros.rates import Event

NAN = math.nan


@pytest.fixture
def clock(clock_of: Callable[..., Any]) -> Any:
    return clock_of(module)


@pytest.fixture
def known(clock: Any) -> Known:
    return Known("/planner")


def status(**fields: Any) -> PlanStatus:
    plan = {"distance": 0.51234, "plan_time": 0.1234, "image_age": 0.05, "speed_override": 80.0}
    usual = {"state": PlanStatus.ACTIVE, "commands_clamped": 7, **plan}
    return PlanStatus(**{**usual, **fields})


def diagnose(known: Known, part: str, **values: str) -> None:
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    found = DiagnosticStatus(name=f"planner: {part}", values=pairs)
    known.take_diagnostics(DiagnosticArray(status=[found]))


def test_all_figures_are_dashes_before_the_planner_speaks(known: Known) -> None:
    assert figures(known) == dict.fromkeys(FIGURES, "–")


def test_figures_of_a_lost_planner_are_not_shown(known: Known, clock: Any) -> None:
    known.take_status(status())
    assert set(figures(known).values()) != {"–"}
    clock.now += LOST + 1
    assert set(figures(known).values()) == {"–"}, "they are those of another time"


def test_an_inactive_planner_has_no_figures(known: Known) -> None:
    """Unconfigured, it says 0 everywhere, which would look as if it were measured."""
    diagnose(known, "planner", holds="2")
    known.take_status(status(state=PlanStatus.INACTIVE))
    assert set(figures(known).values()) == {"–"}
    known.take_status(status(state=PlanStatus.IDLE))
    assert figures(known)["holds"] == "2"


def test_numbers_have_their_units(known: Known) -> None:
    known.take_status(status())
    diagnose(known, "camera", **{"good images [Hz]": "29.9", "other": "1"})
    diagnose(known, "planner", **{"plans [Hz]": "5.0", "holds": "2"})
    diagnose(known, "commands", **{"commands [Hz]": "100"})
    assert figures(known) == {
        "distance": "0.512", "plan time": "123 ms", "image age": "50 ms", "image rate": "29.9 Hz",
        "plan rate": "5.0 Hz", "command rate": "100 Hz", "clamped": "7", "speed override": "80 %",
        "gripper": "–", "holds": "2",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["distance", "plan_time", "image_age"])
@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf])
def test_a_number_that_is_not_measured_is_a_dash(known: Known, name: str, value: float) -> None:
    known.take_status(status(**{name: value}))
    assert figures(known)[name.replace("_", " ")] == "–"


def test_the_planner_s_diagnostics_have_the_rates_that_are_shown() -> None:
    """The page looks them up by their names, so these must stay."""
    assert {"good images", "plans", "commands"} <= {str(event) for event in Event}


def test_a_figure_of_a_stranger_is_one_short_line(known: Known) -> None:
    known.take_status(status())
    diagnose(known, "planner", holds="1\n" + "x" * 1000)
    text = figures(known)["holds"]
    assert text.isprintable()
    assert len(text) <= 20


def measure(known: Known, clock: Any, joints: dict[str, float]) -> None:
    known.joints, known.joints_at = joints, clock.now


GRIPPER = "gripper: {joints: [left, right], scale: 0.5, offset: 0.01}"


def test_the_gap_follows_from_the_joints_as_in_the_planner(known: Known, clock: Any) -> None:
    """The measured value is scale * gap + offset, of the mean of the joints."""
    known.take_config(GRIPPER)
    measure(known, clock, {"left": 0.02, "right": 0.04, "arm": 1.0})
    assert gripper_width(known) == pytest.approx((0.03 - 0.01) / 0.5)
    known.take_status(status())
    assert figures(known)["gripper"] == "40 mm"


def test_a_gap_that_was_measured_long_ago_is_not_shown(known: Known, clock: Any) -> None:
    known.take_config(GRIPPER)
    measure(known, clock, {"left": 0.02, "right": 0.04})
    clock.now += OLD + 0.1
    known.take_status(status())
    assert figures(known)["gripper"] == "–"


@pytest.mark.parametrize(
    ("config", "joints"),
    [
        ("", {"left": 0.02}),
        (GRIPPER, {"left": 0.02}),
        (GRIPPER, {}),
        ("gripper: {joints: [], scale: 1.0}", {"left": 0.02}),
        ("gripper: {joints: [left], scale: 0.0}", {"left": 0.02}),
        ("gripper: {joints: left}", {"left": 0.02}),
    ],
)
def test_a_gap_that_cannot_be_known_is_not_shown(
    known: Known, clock: Any, config: str, joints: dict[str, float]
) -> None:
    known.take_config(config)
    measure(known, clock, joints)
    assert math.isnan(gripper_width(known))
    known.take_status(status())
    assert figures(known)["gripper"] == "–"


def search(known: Known, **fields: Any) -> None:
    """Let a planner that is there say how a search went."""
    known.take_status(status())
    known.search = Search(**fields)


def test_a_row_has_the_first_action_and_what_the_search_leaves_open(known: Known) -> None:
    search(
        known,
        action_names=["dx", "dy"],
        actions=[0.01, -0.02, 5.0, 6.0],
        deviations=[0.1, 0.2, 0.3, 0.4, 0.05, 0.06],
    )
    assert actions(known) == [
        ("dx", "0.01", "0.1", "0.05"),
        ("dy", "-0.02", "0.2", "0.06"),
    ]


def test_what_a_message_lacks_is_a_dash(known: Known) -> None:
    search(known, action_names=["dx", "dy"], actions=[0.5])
    assert actions(known) == [("dx", "0.5", "–", "–"), ("dy", "–", "–", "–")]


@pytest.mark.parametrize("message", [None, Search(), Search(actions=[1.0, 2.0])])
def test_there_are_no_rows_without_names(known: Known, message: Search | None) -> None:
    known.take_status(status())
    known.search = message
    assert actions(known) == []


def test_there_are_no_rows_of_a_lost_planner(known: Known, clock: Any) -> None:
    search(known, action_names=["dx"], actions=[0.5])
    assert actions(known) != []
    clock.now += LOST + 1
    assert actions(known) == []


def test_a_name_of_a_stranger_is_one_short_line(known: Known) -> None:
    search(known, action_names=["a\n" + "b" * 1000], actions=[1.0])
    (name, *_) = actions(known)[0]
    assert name.isprintable()
    assert len(name) <= 60
