"""The settings of the page: what is given in a field becomes a value of the setting's type."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from wm_planner.cockpit.calls import Setting
from wm_planner.cockpit.settings_card import read
from wm_planner.message_limits import MAX_TEXT
from wm_planner.ros.parameters import Parameters

FILES = Path(__file__).parents[2] / "config"


def setting(value: Any, **descriptor: Any) -> Setting:
    return Setting("section.key", value, ParameterDescriptor(**descriptor))


@pytest.mark.parametrize(
    ("before", "given", "expected"),
    [
        (True, False, False), (False, True, True), (False, None, False),
        ("a", "b", "b"), ("a", "", ""), ("a", None, ""), ("a", "x" * MAX_TEXT, "x" * MAX_TEXT),
        (3, 4, 4), (3, 4.0, 4), (3, "4", 4), (3, -1, -1), (3, 0, 0),
        (0.5, 0.25, 0.25), (0.5, 2, 2.0), (0.5, "1e-3", 0.001), (0.5, 0, 0.0),
        ([0.1], "[0.2, 0.3]", [0.2, 0.3]), (["a"], '["b", "ü"]', ["b", "ü"]), ([0.1], "[]", []),
    ],
)  # fmt: skip
def test_what_is_given_has_the_type_of_the_setting(before: Any, given: Any, expected: Any) -> None:
    found = read(setting(before), given)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("before", "given", "why"),
    [
        (3, 3.5, "not a whole number"), (3, "3.5", "not a whole number"), (3, "", "not a number"),
        (3, None, "not a number"), (3, math.nan, "not finite"), (3, "inf", "not finite"),
        (0.5, math.nan, "not finite"), ([0.1], "[[0.1]]", "not a number"),
        ([0.1], "[" * 4000, "such as"),
        (["a"], "[1]", "of strings"), ([0.1], '["a", 1]', "not a number"),
        (3, "many", "not a number"),
        (0.5, "", "not a number"), (0.5, None, "not a number"), (0.5, "half", "not a number"),
        (0.5, [1], "not a number"), ("a", "x" * (MAX_TEXT + 1), "at most"),
        ([0.1], "", "such as"), ([0.1], "0.1", "such as"), ([0.1], "0.1, 0.2", "such as"),
        ([0.1], '{"a": 1}', "such as"), ([0.1], None, "such as"), (["a"], "[a]", "such as"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_value_is_refused_with_a_reason(before: Any, given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(setting(before), given)


def test_a_number_that_is_left_as_it_is_is_no_change() -> None:
    for value in (0.1, 7, "mppi", True):
        assert read(setting(value), value) == value


@pytest.mark.parametrize(
    ("words", "choices"),
    [("one of: cem, mppi", ["cem", "mppi"]), ("one of: a", ["a"]), ("", []), ("at most one", [])],
)
def test_choices_are_those_that_the_planner_lists(words: str, choices: list[str]) -> None:
    assert setting("cem", additional_constraints=words).choices == choices


def test_the_planner_s_own_choices_are_found(make_node: Callable[..., Node]) -> None:
    """They are read from a sentence, so its words must stay."""
    node = make_node("planner")
    Parameters(node, FILES)
    name = "planning.preset"
    found = Setting(name, node.get_parameter(name).value, node.describe_parameter(name))
    assert found.value in found.choices
    assert len(found.choices) > 1


def test_a_range_is_that_of_the_descriptor() -> None:
    floating = FloatingPointRange(from_value=0.5, to_value=2.0)
    whole = IntegerRange(from_value=1, to_value=9)
    assert setting(1.0, floating_point_range=[floating]).range == (0.5, 2.0)
    assert setting(1, integer_range=[whole]).range == (1, 9)
    assert setting("a").range is None
