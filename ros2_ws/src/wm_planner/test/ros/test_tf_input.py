"""The measured pose by TF, with the real tf2_ros; without it these tests are skipped."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from frames import TURNED, TFMessage, transform, with_tf
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from scipy.spatial.transform import Rotation

from wm_planner.ros import transforms
from wm_planner.ros.ros_time import now, seconds_to_time
from wm_planner.ros.tf_input import TfInput
from wm_planner.ros.transforms import MAX_FRAMES
from wm_planner.types import Pose

INFO = {"publication_sequence_number": None}


class Tf:
    """A pose by TF, and the poses that it passed on."""

    def __init__(self, node: Node) -> None:
        self.node, self.poses = node, list[Pose]()
        self.input = TfInput(node, "base", "tool", 60.0, self.poses.append)

    def take(self, *transforms: TransformStamped) -> None:
        self.input._on_message(TFMessage(transforms=list(transforms)), INFO)

    def static(self, *transforms: TransformStamped) -> None:
        self.input._transforms.add_fixed(TFMessage(transforms=list(transforms)))

    @property
    def now(self) -> float:
        return now(self.node)


@pytest.fixture
def tf(make_node: Callable[..., Node]) -> Tf:
    return Tf(make_node("by_tf"))


@with_tf
def test_the_pose_is_that_of_all_transforms_to_the_tip(tf: Tf) -> None:
    stamp = tf.now
    tf.static(transform("wrist", "tool", [0, 0, 0.1]))
    tf.take(
        transform("base", "elbow", [0.3, 0, 0.5], TURNED, stamp),
        transform("elbow", "wrist", [0, 0.2, 0], TURNED, stamp),
    )
    (pose,) = tf.poses
    wrist = TURNED.apply(np.array([0, 0.2, 0]) + TURNED.apply([0, 0, 0.1]))
    np.testing.assert_allclose(pose.position, np.array([0.3, 0, 0.5]) + wrist, atol=1e-9)
    turned = (TURNED * TURNED).inv() * Rotation.from_quat(pose.orientation)
    assert turned.magnitude() < 1e-6
    assert tf.input.problem == ""


@with_tf
def test_the_stamp_is_that_of_the_oldest_part_and_counts_once(tf: Tf) -> None:
    first = tf.now - 0.5
    elbow = [transform("base", "elbow", stamp=first + later) for later in (0.0, 0.2)]
    tf.take(*elbow, transform("elbow", "tool", stamp=first))
    assert [pose.stamp for pose in tf.poses] == pytest.approx([first])
    tf.take(transform("base", "elbow", [0.1, 0, 0], stamp=first + 0.4))
    tf.take(transform("base", "camera", stamp=first + 0.4))
    assert len(tf.poses) == 1, "the other part stands still"
    tf.take(transform("elbow", "tool", stamp=first + 0.1))
    assert [pose.stamp for pose in tf.poses] == pytest.approx([first, first + 0.1])


@with_tf
def test_what_is_missing_is_said(nodes: Any) -> None:
    planner, arm, until = nodes
    tf = Tf(planner)
    until(lambda: "no usable message on /tf yet: it has no publisher" in tf.input.problem)
    arm.create_publisher(TFMessage, "/tf", 1)
    until(lambda: "it has no publisher" not in tf.input.problem)

    def why() -> str:
        return tf.input._silence._find()

    tf.take(transform("base", "elbow", stamp=tf.now))
    assert "no frame 'tool' arrives on /tf or /tf_static; there are base, elbow" in why()
    assert "(commands.base, commands.tip)" in why()
    tf.take(transform("elbow", "tool0", stamp=tf.now))
    assert "'tool' arrives on /tf or /tf_static: did you mean tool0?" in why()
    tf.static(transform("world", "tool"))
    assert "/tf or /tf_static do not lead from 'base' to 'tool'" in why()
    assert tf.poses == []


@with_tf
def test_an_arm_whose_joints_are_not_published_is_said(tf: Tf) -> None:
    tf.static(transform("base", "tool"))
    tf.take(transform("base", "elbow", stamp=tf.now))
    assert "no transform between 'base' and 'tool' moves: does robot_state" in tf.input.unrelated
    assert tf.poses == []


@with_tf
def test_a_part_that_stands_still_or_is_old_is_no_pose(tf: Tf) -> None:
    old = tf.now - 100.0
    elbow = [transform("base", "elbow", stamp=old + i * 0.5) for i in range(11)]
    tf.take(elbow[0], transform("elbow", "tool", stamp=old))
    assert tf.poses == []
    assert re.search(r"/tf is 1\d\d\.\d\d s old when it arrives", tf.input.problem)
    tf.take(*elbow[1:])
    assert tf.poses == []
    assert "'tool' is 5.0 s older than the newest: does its publisher run?" in tf.input.unrelated


@with_tf
def test_after_a_restart_of_time_the_new_transforms_count(
    tf: Tf, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, start = time.monotonic(), tf.now
    monkeypatch.setattr(transforms, "time", SimpleNamespace(monotonic=lambda: clock))
    tf.static(transform("wrist", "tool"))
    tf.take(transform("base", "wrist", [1, 0, 0], stamp=start))
    tf.take(transform("base", "wrist", [2, 0, 0], stamp=start - 0.5))
    assert [pose.position[0] for pose in tf.poses] == [1.0], "another publisher, or out of order"
    clock += 1.0
    tf.take(transform("base", "wrist", [3, 0, 0], stamp=start - 0.4))
    assert [pose.position[0] for pose in tf.poses] == [1.0, 3.0]


def _wrong(**changes: Any) -> TransformStamped:
    made = transform("base", "tool", [0.9, 0, 0])
    for name, value in changes.items():
        of, _, last = name.rpartition("__")
        part: Any = made
        for step in of.split("__") if of else []:
            part = getattr(part, step)
        setattr(part, last, value)
    return made


@with_tf
@pytest.mark.parametrize(
    "changes",
    [
        {"transform__translation__y": np.nan},
        {"transform__translation__y": 1e308},
        {"transform__rotation__w": 1.3},
        {"transform__rotation__w": 0.0},
        {"header__frame_id": ""},
        {"header__frame_id": "/"},
        {"header__frame_id": "tool"},
        {"header__frame_id": "base" * 100},
        {"child_frame_id": ""},
        {"header__stamp": Time(sec=-1)},
        {"header__stamp": Time()},
        {"header__stamp": Time(sec=2**31 - 1)},
        {"header__stamp": Time(sec=1, nanosec=4 * 10**9)},
    ],
)
def test_transforms_that_cannot_be_are_left_out(tf: Tf, changes: dict[str, Any]) -> None:
    wrong = _wrong(**{"header__stamp": seconds_to_time(tf.now - 0.01), **changes})
    tf.take(transform("base", "tool", [0.4, 0, 0], stamp=tf.now - 0.02), wrong)
    tf.take(wrong)
    assert [pose.position[0] for pose in tf.poses] == [0.4]
    tf.take(transform("/base", "/tool", [0.5, 0, 0], stamp=tf.now))
    assert [pose.position[0] for pose in tf.poses] == [0.4, 0.5], "tf2 takes slashes off, too"


@with_tf
def test_a_flood_of_frames_is_not_remembered(tf: Tf) -> None:
    for i in range(0, 2 * MAX_FRAMES, 100):
        names = [f"frame{j}" for j in range(i, i + 100)]
        tf.take(*(transform(f"of_{name}", name, stamp=tf.now) for name in names))
    assert len(tf.input._transforms._names) == MAX_FRAMES
    assert f"more than {MAX_FRAMES} frames, too many to remember" in tf.input.unrelated


@with_tf
def test_many_transforms_of_one_moment_are_not_remembered(
    tf: Tf, monkeypatch: pytest.MonkeyPatch
) -> None:
    transforms_ = tf.input._transforms
    taken, take = list[Any](), transforms_._buffer.set_transform
    monkeypatch.setattr(
        transforms_._buffer, "set_transform", lambda *words: taken.append(words) or take(*words)
    )
    stamp = tf.now
    tf.take(*(transform("base", "tool", [i, 0, 0], stamp=stamp + i * 1e-6) for i in range(500)))
    assert len(taken) == 1


@with_tf
def test_a_circle_of_frames_does_not_hang(tf: Tf) -> None:
    tf.take(transform("a", "tool", stamp=tf.now), transform("tool", "a", stamp=tf.now))
    assert tf.input._transforms.chain("base", "tool") == {"a", "tool"}
    assert tf.poses == []


@with_tf
def test_two_publishers_of_a_frame_are_noticed_and_not_mixed(nodes: Any) -> None:
    planner, arm, until = nodes
    tf = Tf(planner)
    outputs = [arm.create_publisher(TFMessage, "/tf", 10) for _ in range(2)]
    tf.static(transform("lift", "tool"))

    def send() -> bool:
        for i, output in enumerate(outputs):
            sent = transform("base", "lift", [1.0 + i, 0, 0], stamp=tf.now - 0.01 * i)
            output.publish(TFMessage(transforms=[sent]))
        return "lift on /tf comes from more than one publisher" in tf.input.second_publisher

    until(send)
    assert {pose.position[0] for pose in tf.poses} <= {1.0, 2.0}


@with_tf
def test_a_frame_that_is_fixed_in_two_ways_is_noticed(tf: Tf) -> None:
    tf.static(transform("wrist", "tool", [0, 0, 0.1]))
    tf.static(transform("wrist", "tool", [0, 0, 0.1]))
    assert tf.input.second_publisher == ""
    tf.static(transform("wrist", "tool", [0, 0, 0.3]))
    assert "frame 'tool' is published in two ways" in tf.input.second_publisher
    stamp = tf.now
    tf.take(transform("base", "wrist", stamp=stamp))
    assert [pose.position[2] for pose in tf.poses] == [0.1], "the first one counts"
    other = Tf(tf.node)
    other.static(transform("base", "tool"))
    other.take(transform("base", "tool", stamp=tf.now))
    assert "on /tf and /tf_static, or with two" in other.input.second_publisher
    camera = [transform("base", "camera", [x, 0, 0]) for x in (0.0, 0.1)]
    third = Tf(tf.node)
    third.static(*camera)
    assert third.input.second_publisher == "", "it is no part of the arm"
    third.take(transform("base", "tool", stamp=tf.now))
    third.static(transform("base", "tool"))
    assert "frame 'tool' is published in two ways" in third.input.second_publisher
