"""The answers of a controller are foreign: none ends the node, delays it, or fills its log."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import pytest
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from wm_planner.config import CommandsConfig
from wm_planner.control.controller_rules import PARAMETERS, Sender
from wm_planner.message_limits import MAX_LIST, MAX_NAME
from wm_planner.ros import controller_check
from wm_planner.ros.controller_check import ControllerCheck, read
from wm_planner.text import MAX_SENTENCE

pytestmark = pytest.mark.dds
FORWARD = {"type": "float64_multi_array", "space": "joints", "controller": "forward"}


def _integer(value: int) -> ParameterValue:
    return ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value)


def _text(value: str) -> ParameterValue:
    return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value)


def _texts(*values: str) -> ParameterValue:
    return ParameterValue(
        type=ParameterType.PARAMETER_STRING_ARRAY, string_array_value=list(values)
    )


def _double(value: float) -> ParameterValue:
    return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)


def _integers(*values: int) -> ParameterValue:
    return ParameterValue(
        type=ParameterType.PARAMETER_INTEGER_ARRAY, integer_array_value=list(values)
    )


WRONG = [
    ("joints", _integer(7), "is not a list"),
    ("joints", _double(7.0), "is not a list"),
    ("joints", _integers(1, 2), "is not a list"),
    ("joints", _text("a"), "is not a list"),
    ("joints", ParameterValue(type=255), "is not a list"),
    ("joints", _texts(*["j"] * (MAX_LIST + 1)), f"{MAX_LIST + 1} entries"),
    ("joints", _texts("a", "b\n" * MAX_NAME), f"{2 * MAX_NAME} characters"),
    ("interface_name", _text("v" * 2_000_000), "2000000 characters"),
    ("interface_name", _texts("velocity"), "is not a text"),
    ("interface_names", _text("velocity"), "is not a list"),
    ("interpolate_from_desired_state", _integer(0), "is not true or false"),
    ("allow_partial_joints_goal", _text("true"), "is not true or false"),
    ("robot_base_link", _integers(), "is not a text"),
    ("moveit_servo.scale.linear", _double(math.nan), "is nan"),
    ("moveit_servo.incoming_command_timeout", _double(math.inf), "is inf"),
    ("moveit_servo.incoming_command_timeout", _integer(1), "is not a floating-point number"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_value_of_another_type_or_size_is_refused(
    name: str, value: ParameterValue, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read(name, [value])
    assert len(str(caught.value)) < MAX_SENTENCE
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_that_is_not_declared_is_not_told(name: str) -> None:
    assert read(name, []) is None
    assert read(name, [ParameterValue()]) is None


class Controller:
    """A planner, and a node that answers for its controller; ``answers`` may be changed."""

    def __init__(self, make_node: Callable[..., Node], executor: SingleThreadedExecutor) -> None:
        space = f"/controller_{os.getpid()}"
        self.planner = make_node("planner", namespace=space)
        self.node = make_node("forward", namespace=space, start_parameter_services=False)
        self.answers: dict[str, list[ParameterValue]] = {}
        self.questions: list[list[str]] = []
        self.node.create_service(GetParameters, "forward/get_parameters", self._answer)
        executor.add_node(self.planner)
        executor.add_node(self.node)

    def check(self, **settings: Any) -> ControllerCheck:
        sender = Sender(CommandsConfig(**FORWARD | settings), ("a", "b"), "base", 0.5)
        return ControllerCheck(self.planner, sender)

    def _answer(self, request: Any, response: Any) -> Any:
        self.questions.append(list(request.names))
        response.values = self.answers.get(request.names[0], [])
        return response


@pytest.fixture
def controller(make_node: Callable[..., Node], executor: SingleThreadedExecutor) -> Controller:
    return Controller(make_node, executor)


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_wrong_answer_counts_as_not_told_and_is_said(
    controller: Controller,
    spin_until: Callable[..., None],
    name: str,
    value: ParameterValue,
    words: str,
) -> None:
    controller.answers = {"joints": [_texts("a", "b")]} | {name: [value]}
    check = controller.check()
    spin_until(lambda: check.watch() or check.answered)
    assert f"its parameter {name} " in check.stops
    assert words in check.stops
    assert len(check.stops) < MAX_SENTENCE
    assert check.has_told_joints is (name != "joints")
    check.close()


def test_a_wrong_answer_only_warns_where_commands_have_names(
    controller: Controller, spin_until: Callable[..., None]
) -> None:
    controller.answers = {"joints": [_integer(7)]}
    check = controller.check(type="pose_stamped", space="")
    spin_until(lambda: check.watch() or check.answered)
    (warning,) = check.warnings
    assert "its parameter joints is not a list" in warning
    assert check.stops == ""
    check.close()


def test_each_parameter_is_asked_for_alone(
    controller: Controller, spin_until: Callable[..., None]
) -> None:
    check = controller.check()
    spin_until(lambda: check.watch() or check.answered)
    assert all(len(names) == 1 for names in controller.questions)
    assert {name for (name,) in controller.questions} == set(PARAMETERS)
    check.close()


def test_a_controller_that_never_answers_has_one_question_at_most(
    controller: Controller,
    spin_until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(controller_check, "ANSWER_TIME", 0.0)
    controller.planner.create_service(
        GetParameters, "silent/get_parameters", lambda request, response: response
    )
    check = controller.check(controller="silent")
    client: Any = check._client
    spin_until(client.service_is_ready)
    pending = set()
    for _ in range(50):  # nothing is served meanwhile
        check.watch()
        assert len(client._pending_requests) <= 1
        pending |= set(client._pending_requests)
    assert len(pending) > 10, "it was asked again and again"
    assert not check.answered
    check.close()
    assert client._pending_requests == {}


def test_a_controller_that_takes_over_from_a_killed_one_is_asked_again(
    controller: Controller, spin_until: Callable[..., None]
) -> None:
    controller.answers = {"joints": [_texts("a", "b")]}
    check = controller.check()
    spin_until(lambda: check.watch({b"1"}) or check.has_told_joints)
    assert check.stops == ""
    controller.answers = {"joints": [_texts("b", "a")]}
    spin_until(lambda: check.watch({b"1", b"2"}) or check.answered)
    assert "in the order b, a" in check.stops
    check.close()
