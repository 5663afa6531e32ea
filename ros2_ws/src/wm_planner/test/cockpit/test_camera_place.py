"""Where the camera is: as the parameter says, and otherwise a sentence that tells what to do."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from rclpy.node import Node

from wm_planner.cockpit.camera_pose import CameraPose

POSE = [0.5, -0.25, 1.5, 0.0, 1.0, 0.0, 0.0]


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("cockpit")


@pytest.fixture
def without_tf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf2_ros", None)


@pytest.mark.parametrize("given", [POSE, array("d", POSE), tuple(POSE)])
def test_the_parameter_counts_whatever_the_frames_are(node: Node, given: Any) -> None:
    place = CameraPose(node, given)
    before = len(list(node.subscriptions))
    place.watch(viewers=True)
    assert place.find("base", "camera_optical").tolist() == POSE
    assert len(list(node.subscriptions)) == before, "TF is not needed"


@pytest.mark.parametrize(
    "given",
    [
        [], [1.0], [0.0, 0.0], POSE[:6], [*POSE, 1.0], [float("nan"), *POSE[1:]],
        [float("inf"), *POSE[1:]], [0.0] * 7, [0, 0, 0, 1, 1, 0, 0], [*POSE[:6], float("nan")],
    ],
)  # fmt: skip
def test_numbers_that_are_no_pose_are_refused_by_the_parameter_s_name(
    node: Node, given: list[float]
) -> None:
    with pytest.raises(ValueError, match="camera_pose"):
        CameraPose(node, given)


def test_a_long_list_of_numbers_is_cut_in_the_sentence(node: Node) -> None:
    with pytest.raises(ValueError, match="qw") as caught:
        CameraPose(node, [1.0] * 10**5)
    assert len(str(caught.value)) < 300


def test_without_tf_and_parameter_the_sentence_says_what_to_do(
    node: Node, without_tf: None
) -> None:
    place = CameraPose(node, [0.0])
    place.watch(viewers=True)
    place.watch(viewers=False)
    with pytest.raises(ValueError, match=r"set the cockpit's parameter camera_pose; .*tf2_ros"):
        place.find("base", "camera_optical")
