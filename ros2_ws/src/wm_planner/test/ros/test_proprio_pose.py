"""Proprio from messages: a pose in the model's convention, and what is said of silence."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from scipy.spatial.transform import Rotation

from wm_planner.config import Config, ProprioConfig
from wm_planner.models.spec import ModelSpec, Moments, ProprioSpec
from wm_planner.ros.proprio import READERS, ProprioInput
from wm_planner.ros.proprio_fields import Field
from wm_planner.ros.transforms import FrameChange

POSITION = [Field("pose", axis) for axis in "xyz"]


def of_form(convention: str, count: int) -> list[Field]:
    return [Field("pose", str(i), convention) for i in range(count)]


def pose(quaternion: Any, frame: str = "base") -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = frame
    p, q = message.pose.position, message.pose.orientation
    p.x, p.y, p.z = 0.5, 0.1, 0.3
    q.x, q.y, q.z, q.w = (float(number) for number in quaternion)
    return message


@pytest.fixture
def frames(make_node: Callable[..., Node]) -> FrameChange:
    return FrameChange(make_node("frames"), "base")


@pytest.mark.parametrize("roll", [3.0, -3.1])
def test_the_orientation_comes_in_the_model_s_convention(roll: float, frames: FrameChange) -> None:
    angles = [roll, 0.2, -0.4]
    turned = Rotation.from_euler("xyz", angles)
    fields = [*POSITION, *of_form("euler_extrinsic_xyz", 3), *of_form("rotation_vector", 3)]
    found = READERS["pose"](pose(turned.as_quat()), fields, frames)
    wanted = [0.5, 0.1, 0.3, *angles, *turned.as_rotvec()]
    assert [found[field] for field in fields] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("w", [0.0, 0.5, math.nan, math.inf])
def test_a_pose_without_an_orientation_is_refused(w: float, frames: FrameChange) -> None:
    message = pose([0.0, 0.0, 0.0, w])
    with pytest.raises(ValueError, match="has a length of"):
        READERS["pose"](message, of_form("rotation_vector", 3), frames)
    assert READERS["pose"](message, POSITION, frames)[POSITION[0]] == 0.5


def test_a_pose_in_another_frame_is_refused(frames: FrameChange) -> None:
    with pytest.raises(ValueError, match="it is in frame 'world'"):
        READERS["pose"](pose([0, 0, 0, 1], "world"), of_form("rotation_vector", 3), frames)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("topic", "no message arrived on proprio yet: "),
        ("pose", "no x arrived on current_pose yet: "),
        ("joint_states", "no x arrived on joint_states yet: "),
    ],
)
def test_a_silent_source_is_named_without_an_index(
    source: str, said: str, make_node: Callable[..., Node], spec: ModelSpec
) -> None:
    node, config = make_node("silent"), Config(proprio=ProprioConfig(source=source))
    spec.proprio, spec.statistics.proprio = ProprioSpec(["x"], ["m"]), Moments([0.0], [1.0])
    proprio = ProprioInput(node, config, spec, lambda stamp: None, FrameChange(node, "base"))
    assert proprio.missing(100.0).startswith(said)
