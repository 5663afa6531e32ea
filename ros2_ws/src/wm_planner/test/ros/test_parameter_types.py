"""ROS's own tools give and take every parameter: lists without entries, and whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter

from wm_planner.config import Config, leaves
from wm_planner.ros.parameters import Parameters

MakeNode = Callable[..., Node]
FILES = Path(__file__).parents[2] / "config"


class Running:
    """A fake of a configured node that can change nothing."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def check(self, config: Config, *, during_goal: bool) -> None:
        raise AssertionError("nothing was changed")

    def apply(self, config: Config) -> None:
        self.config = config


@pytest.fixture
def make_node(make_node: MakeNode) -> MakeNode:
    def make(*overrides: Parameter) -> Node:
        return make_node("parameters", parameter_overrides=list(overrides))

    return make


def test_a_get_of_all_parameters_has_them_all(make_node: MakeNode) -> None:
    node = make_node()
    Parameters(node, FILES)
    names = [leaf.name for leaf in leaves(Config())]
    request = GetParameters.Request(names=names)
    answer = node._parameter_service._get_parameters_callback(request, GetParameters.Response())
    assert len(answer.values) == len(names), "ros2 param dump shows nothing then"


def test_whole_numbers_are_reals(make_node: MakeNode) -> None:
    node = make_node(
        Parameter("limits.max_speed", value=1),
        Parameter("limits.workspace_min", value=[-1, -1, 0]),
        Parameter("limits.locked", value=False),
    )
    parameters = Parameters(node, FILES)
    config = parameters.config()
    assert (config.limits.max_speed, config.limits.workspace_min) == (1.0, [-1.0, -1.0, 0.0])
    for result in node.set_parameters(
        [Parameter("commands.rate", value=20), Parameter("limits.workspace_max", value=[1, 1, 1])]
    ):
        assert result.successful, result.reason
    config = parameters.config()
    assert (config.commands.rate, config.limits.workspace_max) == (20.0, [1.0, 1.0, 1.0])
    assert not node.set_parameters([Parameter("planning.horizon", value=5.5)])[0].successful
    assert not node.set_parameters([Parameter("limits.locked", value=1)])[0].successful


@pytest.mark.parametrize("kind", ["BYTE_ARRAY", "BOOL_ARRAY", "STRING_ARRAY"])
def test_an_empty_list_of_any_type_is_one(make_node: MakeNode, kind: str) -> None:
    """ROS's tools do not know the type of an empty list."""
    empty = Parameter.Type[kind]
    given = [Parameter(name, empty, []) for name in ("commands.joints", "limits.joint_min")]
    node = make_node(*given)
    parameters = Parameters(node, FILES)
    assert parameters.config().commands.joints == []
    assert all(result.successful for result in node.set_parameters(given))


@pytest.mark.parametrize("name", ["commands.joints", "limits.workspace_min", "session.timeout"])
def test_no_parameter_can_be_deleted(make_node: MakeNode, name: str) -> None:
    node = make_node(Parameter("limits.locked", value=False))
    Parameters(node, FILES)
    deletion = Parameter(name, Parameter.Type.NOT_SET)
    assert not node.set_parameters([deletion])[0].successful
    assert node.has_parameter(name)


def test_a_dump_can_be_loaded_again(make_node: MakeNode) -> None:
    node = make_node(Parameter("goals.directory", value="/goals"))
    parameters = Parameters(node, FILES)
    parameters.running = Running(parameters.config())
    dump = node.get_parameters(["use_sim_time", *(leaf.name for leaf in leaves(Config()))])
    for result in node.set_parameters(dump):
        assert result.successful, result.reason
