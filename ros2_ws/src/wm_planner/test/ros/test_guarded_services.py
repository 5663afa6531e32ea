"""No request to a service that rclpy serves itself ends the node."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from wm_planner.message_limits import MAX_PARAMETERS, MAX_TEXT
from wm_planner.node import PlannerNode

HOSTILE = [Parameter(name="x", value=ParameterValue(type=type_)) for type_ in (10, 255)]
LONG = "x" * (MAX_TEXT + 1)


@pytest.fixture
def ask(
    context: Context,
    make_node: Callable[..., Node],
    executor: SingleThreadedExecutor,
    spin_until: Any,
) -> Iterator[Callable[..., Any]]:
    """Call a service of an unconfigured planner; an error of a callback fails the test."""
    planner = PlannerNode(context=context)
    with contextlib.ExitStack() as ends:
        ends.callback(planner.destroy_node)
        client = make_node("client")
        for node in (planner, client):
            executor.add_node(node)
            ends.callback(executor.remove_node, node)

        types = {service.srv_name: service.srv_type for service in planner.services}

        def call(name: str, **fields: Any) -> Any:
            (kind,) = (type_ for full, type_ in types.items() if full.endswith(f"/{name}"))
            caller = client.create_client(kind, f"/wm_planner/{name}")
            spin_until(caller.service_is_ready)
            request = kind.Request()
            for field, value in fields.items():
                *path, last = field.split("__")
                setattr(functools.reduce(getattr, path, request), last, value)
            answer = caller.call_async(request)
            spin_until(answer.done)
            return answer.result()

        yield call


@pytest.mark.parametrize("parameter", HOSTILE)
def test_a_parameter_of_an_unknown_type_is_refused(
    ask: Callable[..., Any], parameter: Parameter
) -> None:
    results = ask("set_parameters", parameters=[parameter, parameter]).results
    assert [result.successful for result in results] == [False, False]
    result = ask("set_parameters_atomically", parameters=[parameter]).result
    assert not result.successful
    for reason in (results[0].reason, result.reason):
        assert "not a valid Parameter.Type" in reason
        assert len(reason) < 300


@pytest.mark.parametrize("label", ["", "none"])
def test_an_impossible_transition_is_refused(ask: Callable[..., Any], label: str) -> None:
    activate = 3
    answer = ask("change_state", transition__id=activate, transition__label=label)
    assert not answer.success


@pytest.mark.parametrize(
    "text", [LONG, "a\n[FATAL] [0.0] [wm_planner]: forged", "\x1b[2J", "\u202e"]
)
def test_a_text_that_rcl_would_log_is_refused_if_it_is_long_or_forges_lines(
    ask: Callable[..., Any], capfd: pytest.CaptureFixture[str], text: str
) -> None:
    for name, fields in (
        ("change_state", {"transition__label": text}),
        ("get_type_description", {"type_hash": text}),
        ("get_parameters", {"names": ["a", text]}),
    ):
        ask(name, **fields)
        logged = capfd.readouterr().err
        assert "refused a request" in logged
        assert text not in logged
        assert len(logged) < 400


def test_a_request_with_too_many_entries_is_refused_before_it_is_served(
    ask: Callable[..., Any],
) -> None:
    many = [Parameter(name="session.timeout")] * (MAX_PARAMETERS + 1)
    assert "at most 200" in ask("set_parameters", parameters=many).results[0].reason
    value = ParameterValue(type=9, string_array_value=[""] * (MAX_PARAMETERS + 1))
    parameter = Parameter(name="commands.joints", value=value)
    reason = ask("set_parameters_atomically", parameters=[parameter]).result.reason
    assert "string_array_value has 201 entries" in reason
