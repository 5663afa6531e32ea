"""What the cockpit reads: reports always, images for viewers, and only what can be believed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cockpit_messages import BROKEN, at, png, raw, search
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped
from planner_double import LATCHED
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner.cockpit.feed import Feeds
from wm_planner.cockpit.inputs import (
    MAX_CAMERAS,
    NO_IMAGE,
    CockpitInputs,
)
from wm_planner.cockpit.known import Known
from wm_planner.message_limits import MAX_LIST
from wm_planner.ros.diagnostics import VIEWS
from wm_planner.ros.image_reader import ImageSubscription
from wm_planner.ros.qos import sensor_data_qos

pytestmark = pytest.mark.dds
REPORTS = ["/diagnostics", "/planner/config", "/planner/goal", "/planner/status"]
LEFT, RIGHT = "/left/image", "/right/image/compressed"
RED = np.full((6, 8, 3), (200, 30, 60), dtype=np.uint8)
GRAY = np.full((6, 8, 3), 100, dtype=np.uint8)


class Bench:
    """A cockpit's inputs, a planner that reads topics, and a node that publishes them."""

    def __init__(self, make_node: Callable[..., Node], spin: Callable[..., None]) -> None:
        self.cockpit, self.planner, self.robot = map(make_node, ("cockpit", "planner", "robot"))
        self.known, self.feeds = Known("/planner"), Feeds("camera", "imagined", "goal")
        self.inputs = CockpitInputs(self.cockpit, "/planner", self.known, self.feeds)
        self._spin, self._nodes = spin, [self.cockpit, self.planner, self.robot]

    def until(self, condition: Callable[[], Any], *, viewers: bool = True) -> None:
        """Watch for viewers, and spin, until a condition holds."""

        def held() -> bool:
            self.inputs.watch(viewers=viewers)
            return bool(condition())

        nodes, self._nodes = self._nodes, []
        self._spin(held, *nodes)

    def read(self, topic: str, kind: type = Image) -> ImageSubscription:
        """Let the planner read a camera."""
        qos = sensor_data_qos()
        return ImageSubscription(self.planner, kind, topic, lambda _: None, qos)

    def publish(self, topic: str, message: Any, condition: Callable[[], Any]) -> None:
        """Publish a message until a condition holds."""
        publisher = self.robot.create_publisher(type(message), topic, sensor_data_qos())

        def published() -> bool:
            publisher.publish(message)
            return bool(condition())

        self.until(published)
        self.robot.destroy_publisher(publisher)

    def hear(self, topic: str, message: Any) -> None:
        """Call what the cockpit subscribed with, in place of the middleware."""
        (found,) = [s for s in self.cockpit.subscriptions if s.topic_name == topic]
        found.callback(message)

    @property
    def topics(self) -> list[str]:
        return sorted(s.topic_name for s in self.cockpit.subscriptions)

    @property
    def cameras(self) -> list[str]:
        return [camera.topic for camera in self.inputs.cameras]


@pytest.fixture
def bench(make_node: Callable[..., Node], spin_until: Callable[..., None]) -> Bench:
    return Bench(make_node, spin_until)


def pursue(bench: Bench, state: int = PlanStatus.ACTIVE) -> None:
    bench.known.take_status(PlanStatus(state=state))


def test_without_viewers_only_reports_are_read(bench: Bench) -> None:
    bench.read(LEFT)
    seen = bench.cockpit.get_subscriber_names_and_types_by_node
    bench.until(lambda: LEFT in dict(seen("planner", "/")), viewers=False)
    bench.inputs.watch(viewers=False)
    assert (bench.topics, bench.cameras) == (REPORTS, [])


def test_what_viewers_need_is_read_while_there_are_some(bench: Bench) -> None:
    bench.read(LEFT)
    bench.until(lambda: bench.cameras)
    assert bench.topics == sorted(
        [
            *REPORTS,
            LEFT,
            "/left/camera_info",
            "/planner/imagined",
            "/planner/search",
            "/joint_states",
        ]
    )
    bench.inputs.watch(viewers=False)
    assert (bench.topics, bench.cameras) == (REPORTS, [])
    bench.until(lambda: bench.cameras)


def test_cameras_are_found_by_what_the_planner_reads(bench: Bench) -> None:
    bench.inputs.watch(viewers=True)
    assert bench.known.camera == "/planner has no camera yet"
    bench.read(RIGHT, CompressedImage)
    bench.read(LEFT)
    ImageSubscription(bench.robot, Image, "/another", print, sensor_data_qos())
    bench.until(lambda: len(bench.cameras) == 2)
    assert bench.cameras == [LEFT, RIGHT]
    assert bench.known.camera == ""
    assert {"/left/camera_info", "/right/camera_info"} <= set(bench.topics)
    assert "/another" not in bench.topics


def tell_views(bench: Bench, *topics: str) -> None:
    values = [KeyValue(key=VIEWS, value=", ".join(topics))]
    status = DiagnosticStatus(name="planner: camera", values=values)
    bench.known.take_diagnostics(DiagnosticArray(status=[status]))


def test_cameras_have_the_order_that_the_planner_s_diagnostics_tell(bench: Bench) -> None:
    bench.read(LEFT)
    bench.read(RIGHT, CompressedImage)
    bench.until(lambda: len(bench.cameras) == 2)
    assert (bench.cameras, bench.inputs.ordered) == ([LEFT, RIGHT], False)
    tell_views(bench, RIGHT, LEFT)
    bench.until(lambda: bench.cameras == [RIGHT, LEFT])
    assert bench.inputs.ordered


@pytest.mark.parametrize("told", [(RIGHT,), (RIGHT, "/gone"), (RIGHT, LEFT, "/gone")])
def test_the_order_is_not_known_if_the_views_are_not_the_cameras(
    bench: Bench, told: tuple[str, ...]
) -> None:
    bench.read(LEFT)
    bench.read(RIGHT, CompressedImage)
    tell_views(bench, *told)
    bench.until(lambda: bench.cameras == [RIGHT, LEFT])
    assert not bench.inputs.ordered


def test_not_more_cameras_are_read_than_a_page_shows(bench: Bench) -> None:
    for i in range(MAX_CAMERAS + 1):
        bench.read(f"/camera_{i}/image")
    seen = bench.cockpit.get_subscriber_names_and_types_by_node
    bench.until(lambda: f"/camera_{MAX_CAMERAS}/image" in dict(seen("planner", "/")))
    assert len(bench.cameras) == MAX_CAMERAS


def test_the_images_of_all_cameras_are_shown_side_by_side(bench: Bench) -> None:
    bench.read(LEFT)
    bench.read(RIGHT, CompressedImage)
    bench.until(lambda: len(bench.cameras) == 2)
    bench.publish(LEFT, raw(GRAY), lambda: bench.inputs.cameras[0].image is not None)
    bench.publish(RIGHT, png(RED), lambda: bench.inputs.cameras[1].image is not None)
    shown = bench.feeds["camera"].image
    np.testing.assert_array_equal(shown, np.hstack([GRAY, RED]))
    assert math.isfinite(bench.known.image_at)
    bench.publish("/left/camera_info", CameraInfo(width=8), lambda: bench.inputs.cameras[0].info)


def test_images_are_decoded_as_the_planner_s_settings_declare(bench: Bench) -> None:
    bench.read(LEFT)
    bench.until(lambda: bench.cameras)
    message = raw(RED, "8UC3")
    bench.publish(LEFT, message, lambda: bench.known.camera)
    assert "8UC3" in bench.known.camera
    assert (bench.inputs.cameras[0].image, bench.feeds["camera"].number) == (None, 0)
    bench.known.take_config("images: {generic_color_order: bgr}")
    bench.publish(LEFT, message, lambda: bench.feeds["camera"].number)
    np.testing.assert_array_equal(bench.feeds["camera"].image, RED[..., ::-1])
    assert bench.known.camera == ""


def test_a_declaration_that_is_none_counts_as_not_given(bench: Bench) -> None:
    bench.known.take_config("images: {generic_color_order: purple}")
    bench.read(LEFT)
    bench.until(lambda: bench.cameras)
    bench.publish(LEFT, raw(RED), lambda: bench.feeds["camera"].number)


def test_a_broken_image_is_a_problem_and_no_image(bench: Bench) -> None:
    bench.read(LEFT)
    bench.until(lambda: bench.cameras)
    bench.publish(LEFT, raw(RED), lambda: bench.feeds["camera"].number)
    bench.hear(LEFT, raw(RED))
    number, at = bench.feeds["camera"].number, bench.known.image_at
    bench.hear(LEFT, BROKEN)
    bench.inputs.watch(viewers=True)
    assert LEFT in bench.known.camera
    assert bench.known.camera.isprintable()
    assert (bench.feeds["camera"].number, bench.known.image_at) == (number, at)
    bench.hear(LEFT, raw(GRAY))
    bench.inputs.watch(viewers=True)
    assert (bench.known.camera, bench.feeds["camera"].number) == ("", number + 1)


def test_a_camera_that_the_planner_reads_no_longer_is_dropped(bench: Bench) -> None:
    left, _ = bench.read(LEFT), bench.read(RIGHT, CompressedImage)
    bench.until(lambda: len(bench.cameras) == 2)
    left.close()
    bench.until(lambda: bench.cameras == [RIGHT])
    assert not {LEFT, "/left/camera_info"} & set(bench.topics)


def test_the_cameras_of_a_planner_that_is_lost_are_still_shown(
    bench: Bench, make_node: Callable[..., Node]
) -> None:
    bench.planner = make_node("planner", namespace="/cell")
    bench.inputs = CockpitInputs(bench.cockpit, "/cell/planner", bench.known, bench.feeds)
    bench.read(LEFT)
    bench.until(lambda: bench.cameras)
    bench.planner.destroy_node()
    bench.until(lambda: ("planner", "/cell") not in bench.cockpit.get_node_names_and_namespaces())
    assert bench.inputs._topics() == []
    bench.inputs.watch(viewers=True)
    assert bench.cameras == [LEFT]
    bench.publish(LEFT, raw(RED), lambda: bench.feeds["camera"].number)


def full(value: int, *shape: int) -> Any:
    return np.full(shape, value, dtype=np.uint8)


def test_a_goal_is_shown_and_known_as_it_is_published(bench: Bench) -> None:
    publisher = bench.planner.create_publisher(Goal, "/planner/goal", LATCHED)
    publisher.publish(Goal(images=[raw(GRAY), raw(RED)], tolerance=0.25))
    bench.until(lambda: bench.known.goal, viewers=False)
    assert (bench.known.goal_number, bench.known.goal.tolerance) == (1, 0.25)
    np.testing.assert_array_equal(bench.feeds["goal"].image, np.hstack([GRAY, RED]))


def test_a_goal_is_dark_where_its_mask_says_that_it_does_not_count(bench: Bench) -> None:
    mask = full(0, 6, 8)
    mask[:, 4:] = 255
    bench.hear("/planner/goal", Goal(images=[raw(GRAY)], masks=[raw(mask, "mono8")]))
    shown = bench.feeds["goal"].image
    assert (shown[:, :4] == 25).all()
    assert (shown[:, 4:] == 100).all()


@pytest.mark.parametrize("mask", [raw(full(0, 3, 4), "mono8"), BROKEN, Image()])
def test_a_mask_that_does_not_fit_changes_nothing(bench: Bench, mask: Image) -> None:
    bench.hear("/planner/goal", Goal(images=[raw(GRAY), raw(GRAY)], masks=[mask]))
    assert (bench.feeds["goal"].image == 100).all()


def test_each_mask_is_that_of_its_image_also_if_another_is_broken(bench: Bench) -> None:
    masks = [raw(full(0, 6, 8), "mono8"), raw(full(255, 6, 8), "mono8")]
    bench.hear("/planner/goal", Goal(images=[BROKEN, raw(GRAY)], masks=masks))
    np.testing.assert_array_equal(bench.feeds["goal"].image, GRAY)


def test_a_goal_whose_images_cannot_be_decoded_is_gray(bench: Bench) -> None:
    """Otherwise the page would go on to show the goal before it."""
    bench.hear("/planner/goal", Goal(images=[raw(RED)]))
    bench.hear("/planner/goal", Goal(images=[BROKEN]))
    np.testing.assert_array_equal(bench.feeds["goal"].image, NO_IMAGE)
    bench.hear("/planner/goal", Goal(images=[raw(GRAY)] * (MAX_CAMERAS + 1)))
    assert bench.feeds["goal"].size == (6, 8 * MAX_CAMERAS)


def test_a_search_is_taken_while_a_goal_is_under_way_and_forgotten_at_its_end(bench: Bench) -> None:
    bench.until(lambda: "/planner/search" in bench.topics)
    bench.hear("/planner/search", search())
    assert bench.known.search is None
    pursue(bench)
    bench.publish("/planner/search", search(), lambda: bench.known.search)
    bench.hear("/planner/search", search(path=[at(math.nan), at(0.0)], horizon=7))
    assert bench.known.search.horizon == 0
    pursue(bench, PlanStatus.HOLDING)
    assert bench.known.search
    pursue(bench, PlanStatus.REACHED)
    assert bench.known.search is None


def test_a_search_is_forgotten_without_viewers(bench: Bench) -> None:
    """It would be that of another time when the next viewer comes."""
    pursue(bench)
    bench.inputs.watch(viewers=True)
    bench.hear("/planner/search", search())
    assert bench.known.search
    bench.inputs.watch(viewers=False)
    assert bench.known.search is None


def test_joints_and_pose_are_those_that_the_planner_reads(bench: Bench) -> None:
    qos = sensor_data_qos()
    bench.planner.create_subscription(JointState, "/arm/joints", print, qos)
    bench.planner.create_subscription(PoseStamped, "/arm/pose", print, qos)
    bench.until(lambda: {"/arm/joints", "/arm/pose"} <= set(bench.topics))
    assert "/joint_states" not in bench.topics
    joints = JointState(name=["a", "b\n", "c"], position=[0.5, 0.25, math.nan])
    bench.publish("/arm/joints", joints, lambda: bench.known.measured)
    assert bench.known.measured == {"a": 0.5, r"b\n": 0.25}
    pose = PoseStamped()
    pose.pose.position = at(0.1, 0.2, 0.3)
    bench.publish("/arm/pose", pose, lambda: bench.known.hand)
    pose.pose.position = at(0.1, math.nan, 0.3)
    bench.hear("/arm/pose", pose)
    assert bench.known.hand == (0.1, 0.2, 0.3)


def test_strangers_do_not_fill_the_memory_with_joints(bench: Bench) -> None:
    bench.inputs.watch(viewers=True)
    for i in range(3):
        names = [f"{i} {k}" for k in range(MAX_LIST)]
        bench.hear("/joint_states", JointState(name=names, position=[0.0] * MAX_LIST))
    assert len(bench.known.joints) <= MAX_LIST
