"""Measured joints are found by name and put in the order of the commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from wm_planner.message_limits import MAX_LIST
from wm_planner.ros import pose_input, silence
from wm_planner.ros.commanded_joints import JointInput
from wm_planner.types import Pose


class Input:
    """A joint input, and the poses that it passed on."""

    def __init__(self, node: Node) -> None:
        self.poses: list[Pose] = []
        self.now = node.get_clock().now()
        self.joints = JointInput(node, ["a", "b"], 1.0, self.poses.append)

    def take(self, **fields: Any) -> None:
        self.joints._on_message(JointState(**fields), {"publication_sequence_number": None})


@pytest.fixture
def measured(make_node: Callable[..., Node]) -> Input:
    return Input(make_node("joints"))


def test_joints_are_found_by_name_whatever_their_order(measured: Input) -> None:
    measured.take(name=["gripper", "b", "a"], position=[9.0, 2.0, 1.0])
    np.testing.assert_array_equal(measured.poses[0].position, [1.0, 2.0])
    assert measured.joints.problem == ""


def test_states_of_other_joints_are_ignored(measured: Input) -> None:
    measured.take(name=["gripper"], position=[9.0])
    assert measured.poses == []
    assert measured.joints.problem == (
        "no usable message on /joint_states yet: it has no publisher"
    )


def test_a_silence_that_is_too_long_is_reported_with_its_length(
    measured: Input, clock_of: Callable[..., Any]
) -> None:
    clock = clock_of(pose_input, silence)
    measured.take(name=["a", "b"], position=[1.0, 2.0])
    clock.now += 1.0
    assert measured.joints.problem == ""
    clock.now += 0.5
    assert measured.joints.problem.startswith("no usable message on /joint_states for 1.5 s:")


@pytest.mark.parametrize(
    ("name", "position", "words"),
    [
        (["a"], [1.0], "no position of b"),
        (["a", "b"], [1.0, float("nan")], "not finite"),
        (["a", "b"], [1.0], "2 names but 1 numbers of position"),
        (["a", "b"], [1.0, 2.0, 3.0], "2 names but 3 numbers of position"),
        (["a", "b", "a"], [1.0, 2.0, 1.5], "names a more than once"),
    ],
)
def test_a_position_that_is_missing_or_not_finite_is_reported(
    measured: Input, name: list[str], position: list[float], words: str
) -> None:
    measured.take(name=name, position=position)
    assert measured.poses == []
    assert words in measured.joints.problem
    measured.take(name=["a", "b"], position=[1.0, 2.0])
    assert measured.joints.problem == ""


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (3.0, "s old when it arrives; at most 1.00 s (session.pose_timeout)"),
        (-60.0, "in the future: the clock of its publisher is 60 s ahead"),
    ],
)
def test_a_measurement_that_is_old_or_in_the_future_is_dropped_and_reported(
    measured: Input, age: float, words: str
) -> None:
    header = Header(stamp=(measured.now - Duration(seconds=age)).to_msg())
    measured.take(header=header, name=["a", "b"], position=[1.0, 2.0])
    assert measured.poses == []
    assert words in measured.joints.problem
    measured.joints.max_age = 1000.0
    measured.take(header=Header(stamp=measured.now.to_msg()), name=["a", "b"], position=[1.0, 2.0])
    assert (len(measured.poses), measured.joints.problem) == (1, "")


def test_a_stamp_before_1970_is_dropped_and_reported(measured: Input) -> None:
    measured.take(header=Header(stamp=Time(sec=-1)), name=["a", "b"], position=[1.0, 2.0])
    assert measured.poses == []
    assert measured.joints.problem


def test_a_message_with_too_many_joints_is_dropped(measured: Input) -> None:
    names = ["a", "b", *map(str, range(MAX_LIST))]
    measured.take(name=names, position=[0.0] * len(names))
    assert measured.poses == []
    assert measured.joints.problem == "joint_states has 1002 names; at most 1000 are read"
