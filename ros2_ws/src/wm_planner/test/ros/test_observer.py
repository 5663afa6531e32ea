"""Images of several cameras and proprio from real topics are joined by their stamps."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray

from wm_planner.config import Config, ConfigError
from wm_planner.models import ModelSpec
from wm_planner.models.spec import ProprioGripper, ProprioSpec
from wm_planner.ros import image_reader
from wm_planner.ros import observer as observer_module
from wm_planner.ros.observer import Observer
from wm_planner.ros.ros_time import seconds_to_time
from wm_planner.ros.transforms import FrameChange
from wm_planner.types import Observation

pytestmark = pytest.mark.dds
WAIT = 60.0  # [s] for an event; far more than it needs
PROPRIO_TOPICS = ("joint_states", "current_pose", "proprio")


class Bench(Node):
    """An observer, and publishers of all topics that it may read."""

    def __init__(self, context: Context, matched: Callable[..., bool]) -> None:
        reliable = [
            Parameter(f"qos_overrides./{topic}.subscription.reliability", value="reliable")
            for topic in PROPRIO_TOPICS
        ]
        super().__init__("bench", context=context, parameter_overrides=reliable)
        self.runner = SingleThreadedExecutor(context=context)
        self.runner.add_node(self)
        self._matched = matched
        self.config = Config()
        self.config.images.queue_depth = 10
        self.config.session.image_timeout = 1000.0  # stamps of the tests may be old
        self.outputs: dict[str, Any] = {}
        self.observations: list[Observation] = []

    def observe(self, spec: ModelSpec) -> Observer:
        frames = FrameChange(self, "base")
        return Observer(self, self.config, spec, self.observations.append, frames)

    def open(self, spec: ModelSpec, **topics: type) -> Observer:
        self.observer = self.observe(spec)
        for topic, kind in topics.items():
            self.outputs[topic] = self.create_publisher(kind, topic, 10)
        self.observer.watch()
        assert self.until(lambda: self._matched(self))
        self.observer.watch()  # resubscribes now, not when images arrive
        assert self.until(lambda: self._matched(self))
        self.start = round(self.get_clock().now().nanoseconds * 1e-9, 3) - 100
        return self.observer

    def until(self, done: Callable[[], bool], seconds: float = WAIT) -> bool:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                return False
            self.runner.spin_once(timeout_sec=0.02)
        return True

    def image(self, topic: str, shade: int, offset: float) -> None:
        message = Image(height=4, width=6, step=18, encoding="rgb8")
        message.data = array("B", bytes([shade]) * 72)
        message.header.stamp = seconds_to_time(self.start + offset)
        self.outputs[topic].publish(message)

    def arrive(self) -> None:
        """Wait until all published messages have arrived."""
        for output in self.outputs.values():
            assert output.wait_for_all_acked(Duration(seconds=WAIT))
        for _ in range(20):  # more callbacks than are waiting
            self.runner.spin_once(timeout_sec=0.01)

    def wait(self, count: int) -> Observation:
        """Wait until so many observations were passed on; return the last."""
        assert self.until(lambda: len(self.observations) >= count), self.observer.problem
        assert len(self.observations) == count
        return self.observations[-1]

    def wait_images(self) -> None:
        """Wait until the images are complete while the proprio is missing."""
        assert self.until(lambda: self.observer.images_steady > -math.inf), self.observer.problem
        assert self.observations == []


@pytest.fixture
def bench(context: Context, matched: Callable[..., bool]) -> Iterator[Bench]:
    node = Bench(context, matched)
    try:
        yield node
    finally:
        node.runner.shutdown()
        node.destroy_node()


def test_images_of_one_moment_are_joined_in_the_spec_s_order(bench: Bench, spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]
    assert bench.open(spec, front=Image, wrist=Image).topics == ("/front", "/wrist")
    bench.image("front", 1, 0.0)
    bench.image("wrist", 11, 0.015)
    observation = bench.wait(1)
    assert [image[0, 0, 0] for image in observation.images] == [1, 11]
    assert observation.stamp - bench.start == pytest.approx(0.0, abs=1e-3)
    bench.image("front", 2, 0.1)  # the other view's image is missing
    bench.arrive()
    assert len(bench.observations) == 1
    bench.image("wrist", 12, 0.09)
    assert [image[0, 0, 0] for image in bench.wait(2).images] == [2, 12]


def test_images_that_are_further_apart_than_the_slop_are_not_joined(
    bench: Bench, spec: ModelSpec
) -> None:
    bench.config.session.pose_timeout = 0.01
    spec.views = ["front", "wrist"]
    observer = bench.open(spec, front=Image, wrist=Image)
    for i in range(3):
        bench.image("front", i, 0.1 * i)
        bench.image("wrist", i, 0.1 * i + 0.03)
    assert bench.until(lambda: "images.slop" in observer.problem)
    assert "0.030 s apart" in observer.problem
    assert bench.observations == []
    assert observer.images_steady == -math.inf


def test_after_the_clock_jumped_back_images_are_joined_again(bench: Bench, spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]
    bench.open(spec, front=Image, wrist=Image)
    for i, offset in enumerate((50.0, 50.1, 0.0)):
        bench.image("front", int(offset), offset)
        bench.image("wrist", int(offset), offset)
        bench.wait(i + 1)
    assert bench.observations[-1].stamp - bench.start == pytest.approx(0.0, abs=1e-3)
    assert bench.observations[-1].images[1][0, 0, 0] == 0


def test_proprio_stamped_before_1970_is_dropped_and_reported(bench: Bench, spec: ModelSpec) -> None:
    spec.proprio = ProprioSpec(["joint1"], ["rad"])
    bench.config.proprio.source = "joint_states"
    observer = bench.open(spec, image=Image, joint_states=JointState)
    _joints(bench, -2 * bench.start, joint1=0.5)
    bench.arrive()
    bench.image("image", 1, 0.0)
    assert bench.until(lambda: "joint_states dropped" in observer.problem), observer.problem
    assert bench.observations == []


def _joints(bench: Bench, offset: float, **positions: float) -> None:
    message = JointState(name=list(positions), position=list(positions.values()))
    message.header.stamp = seconds_to_time(bench.start + offset)
    bench.outputs["joint_states"].publish(message)


def test_two_publishers_of_a_joint_of_the_proprio_are_found(
    bench: Bench, spec: ModelSpec, make_node: Callable[..., Node]
) -> None:
    spec.proprio = ProprioSpec(["joint1"], ["rad"])
    bench.config.proprio.source = "joint_states"
    observer = bench.open(spec, image=Image, joint_states=JointState)
    stranger = make_node("stranger").create_publisher(JointState, "joint_states", 10)
    assert bench.until(lambda: stranger.get_subscription_count() == 1)

    def problems(joint: str) -> list[str]:
        _joints(bench, 0.0, joint1=0.5)
        stranger.publish(JointState(name=[joint], position=[0.1]))
        bench.runner.spin_once(timeout_sec=0.02)
        return [watch.problem for watch in observer.publishers if watch.problem]

    for _ in range(20):
        assert problems("finger") == []
    assert bench.until(lambda: bool(problems("joint1")))
    assert problems("joint1")[0].startswith("joint1 on /joint_states comes from more than one")


def test_the_proprio_nearest_to_the_image_is_used(bench: Bench, spec: ModelSpec) -> None:
    spec.proprio = ProprioSpec(["joint2", "joint1"], ["rad", "rad"])
    bench.config.proprio.source = "joint_states"
    bench.open(spec, image=Image, joint_states=JointState)
    for i in range(5):
        _joints(bench, 0.02 * i, joint1=0.1 * i, other=9.0, joint2=-0.1 * i)
    bench.arrive()
    bench.image("image", 1, 0.055)
    np.testing.assert_allclose(bench.wait(1).proprio, [-0.3, 0.3])


def test_the_proprio_may_have_the_width_of_the_gripper(bench: Bench, spec: ModelSpec) -> None:
    gripper = ProprioGripper("grip", "closedness", closed=0.0, open=0.08)
    spec.proprio = ProprioSpec(["joint1", "grip"], ["rad", "1"], gripper=gripper)
    bench.config.proprio.source = "joint_states"
    with pytest.raises(ConfigError, match=r"set gripper\.joints"):
        bench.observe(spec)
    bench.config.gripper.joints, bench.config.gripper.scale = ["finger1", "finger2"], 0.5
    bench.open(spec, image=Image, joint_states=JointState)
    _joints(bench, 0.0, finger1=0.03, finger2=0.03)
    _joints(bench, 0.0, joint1=0.7)
    bench.arrive()
    bench.image("image", 1, 0.0)
    np.testing.assert_allclose(bench.wait(1).proprio, [0.7, 0.25])


def test_an_image_waits_for_proprio_that_is_late_or_not_finite(
    bench: Bench, spec: ModelSpec
) -> None:
    spec.proprio = ProprioSpec(["joint1"], ["rad"])
    bench.config.proprio.source = "joint_states"
    bench.config.session.pose_timeout = 0.05
    observer = bench.open(spec, image=Image, joint_states=JointState)
    _joints(bench, 0.0, joint1=0.5)
    bench.arrive()
    bench.image("image", 1, 0.2)
    bench.wait_images()
    assert bench.until(lambda: "proprio.slop is 0.050 s" in observer.problem), observer.problem
    assert "no proprio for the images" in observer.missing_proprio(time.monotonic() + 1.0)
    _joints(bench, 0.2, joint1=math.nan)
    assert bench.until(lambda: "joint1 is not finite" in observer.problem), observer.problem
    _joints(bench, 0.2, finger=0.5)  # another publisher
    bench.arrive()
    assert "joint1 is not finite" in observer.problem
    assert bench.observations == []
    now = time.monotonic()
    observer.restart(now)  # a new goal
    assert observer.missing_proprio(now) == ""
    _joints(bench, 0.21, joint1=0.6)
    np.testing.assert_allclose(bench.wait(1).proprio, [0.6])
    bench.image("image", 1, 0.22)
    bench.wait(2)
    assert observer.missing_proprio(time.monotonic() + 9.0) == ""


def test_proprio_just_behind_its_image_is_no_problem(bench: Bench, spec: ModelSpec) -> None:
    spec.proprio = ProprioSpec(["joint1"], ["rad"])
    bench.config.proprio.source = "joint_states"
    observer = bench.open(spec, image=Image, joint_states=JointState)
    for i in range(3):
        seen = observer.images_steady
        bench.image("image", i, 0.2 * i)
        assert bench.until(lambda seen=seen: observer.images_steady > seen)
        assert len(bench.observations) == i
        _joints(bench, 0.2 * i, joint1=0.1 * i)
        bench.wait(i + 1)
        observer.watch()
        assert observer.problem == ""
    assert not observer._missing_log.text


def test_an_image_that_waited_too_long_for_its_proprio_is_dropped(
    bench: Bench, spec: ModelSpec, clock_of: Callable[..., Any]
) -> None:
    spec.proprio = ProprioSpec(["joint1"], ["rad"])
    bench.config.proprio.source = "joint_states"
    bench.config.session.image_timeout = 200.0
    observer = bench.open(spec, image=Image, joint_states=JointState)
    clock = clock_of(observer_module)
    bench.image("image", 1, 0.0)
    bench.wait_images()
    clock.now += 201.0
    _joints(bench, 0.0, joint1=0.5)
    assert bench.until(lambda: observer._waiting is None)
    assert bench.observations == []
    assert observer.missing_proprio(clock.now + 9.0) == "", "the images are missing now"


def test_proprio_may_combine_several_sources(bench: Bench, spec: ModelSpec) -> None:
    spec.proprio = ProprioSpec(["height", "elbow", "grip"], ["m", "rad", "1"])
    bench.config.proprio.fields = ["pose:z", "joint_states:joint4", "topic:0"]
    bench.config.proprio.slop = 200.0  # the topic counts from its arrival
    topics = {"joint_states": JointState, "current_pose": PoseStamped, "proprio": Float64MultiArray}
    bench.open(spec, image=Image, **topics)
    pose = PoseStamped()
    pose.header.frame_id, pose.header.stamp = "base", seconds_to_time(bench.start)
    pose.pose.position.z, pose.pose.orientation.w = 0.25, 1.0
    bench.outputs["current_pose"].publish(pose)
    bench.outputs["proprio"].publish(Float64MultiArray(data=[0.04]))
    _joints(bench, 0.0, joint4=-1.5)
    bench.arrive()
    bench.image("image", 1, 0.0)
    np.testing.assert_allclose(bench.wait(1).proprio, [0.25, -1.5, 0.04])


def test_an_incompatible_publisher_is_reported_in_a_sentence(bench: Bench, spec: ModelSpec) -> None:
    bench.config.images.reliability = "reliable"
    observer = bench.observe(spec)
    bench.create_publisher(
        Image, "image", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    assert "no usable message on /image yet" in observer.problem
    assert bench.until(lambda: "QoS" in observer.problem), observer.problem
    assert "/image: a publisher has an incompatible QoS policy (reliability" in observer.problem


def test_with_auto_the_camera_s_reliability_is_matched(
    bench: Bench, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = bench.observe(spec)

    def publish(policy: ReliabilityPolicy) -> Any:
        return bench.create_publisher(Image, "image", QoSProfile(depth=1, reliability=policy))

    def requests(*expected: ReliabilityPolicy, resubscribe: bool = True) -> bool:
        observer.watch(resubscribe=resubscribe)
        infos = bench.get_subscriptions_info_by_topic("/image")
        return [info.qos_profile.reliability for info in infos] == list(expected)

    assert requests()  # nobody publishes
    first = publish(ReliabilityPolicy.BEST_EFFORT)
    assert bench.until(lambda: requests(ReliabilityPolicy.BEST_EFFORT, resubscribe=False))
    monkeypatch.setattr(image_reader, "REST", 1000.0)
    publish(ReliabilityPolicy.RELIABLE)
    bench.destroy_publisher(first)
    kept = ReliabilityPolicy.BEST_EFFORT
    assert not bench.until(lambda: not requests(kept, resubscribe=False), 0.5)  # during a goal
    assert bench.until(lambda: requests())
    assert not bench.until(lambda: not requests(), 0.5)  # not before REST has passed
    monkeypatch.setattr(image_reader, "REST", 0.0)
    assert bench.until(lambda: requests(ReliabilityPolicy.RELIABLE))


def test_two_views_of_one_topic_are_refused_with_a_sentence(bench: Bench, spec: ModelSpec) -> None:
    spec.views = ["front", "/front"]
    with pytest.raises(ConfigError, match="views 'front' and '/front' are both remapped to /front"):
        bench.observe(spec)
    assert not bench.get_subscriptions_info_by_topic("/front")


def test_a_camera_blocked_by_another_reader_of_the_process_reports_it(
    bench: Bench, spec: ModelSpec
) -> None:
    other = image_reader.ImageReader(bench, "/image", reliable=False)
    bench.config.images.reliability = "reliable"
    observer = bench.observe(spec)
    assert "this process reads /image already" in observer.problem
    other.close()
