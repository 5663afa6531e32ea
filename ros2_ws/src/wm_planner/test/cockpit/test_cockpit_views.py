"""What is drawn of a plan and of the arm: only by a calibration that is that of the images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from arms import BASE, HOME, TIP, URDF, panda
from geometry_msgs.msg import Point
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import String
from wm_planner_msgs.msg import Search

from wm_planner.cockpit import known as module
from wm_planner.cockpit.arm_view import ArmView
from wm_planner.cockpit.known import OLD, Known
from wm_planner.cockpit.space_card import MOST_POINTS, STEP, dense
from wm_planner.cockpit.views import calibration, points_of
from wm_planner.kinematics import MAX_URDF

ARM = panda()
JOINTS = dict(zip(ARM.joints, HOME, strict=True))


def camera(info: CameraInfo | None, size: tuple[int, int] | None = (480, 640)) -> Any:
    """Return what ``calibration`` looks at: the newest image (height, width), and the info."""
    image = None if size is None else np.zeros((*size, 3), dtype=np.uint8)
    return SimpleNamespace(image=image, info=info)


def info_of(height: int = 480, width: int = 640, **fields: Any) -> CameraInfo:
    return CameraInfo(height=height, width=width, **fields)


def test_without_an_image_nothing_is_drawn_and_nothing_is_missed() -> None:
    assert calibration(camera(None, size=None)) is None
    assert calibration(camera(info_of(), size=None)) is None


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (None, "no camera_info received"),
        (info_of(0, 640), "no size"),
        (info_of(480, 0), "no size"),
        (info_of(roi=RegionOfInterest(width=320, height=240)), "region of interest or binning"),
        (info_of(roi=RegionOfInterest(height=240)), "region of interest or binning"),
        (info_of(binning_x=2), "region of interest or binning"),
        (info_of(binning_y=2), "region of interest or binning"),
        (info_of(640, 640), "the image has 640x480 pixels, but camera_info says 640x640"),
        (info_of(640, 480), "the image has 640x480 pixels, but camera_info says 480x640"),
        (info_of(1080, 1920), "camera_info says 1920x1080"),
    ],
)
def test_a_calibration_that_is_not_of_these_images_is_refused(
    info: CameraInfo | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        calibration(camera(info))


@pytest.mark.parametrize(
    "info",
    [
        info_of(), info_of(240, 320), info_of(960, 1280), info_of(binning_x=1, binning_y=1),
        info_of(roi=RegionOfInterest(x_offset=0, do_rectify=True)), info_of(481, 640),
    ],
)  # fmt: skip
def test_a_calibration_may_be_of_images_of_another_size_but_of_the_same_shape(
    info: CameraInfo,
) -> None:
    assert calibration(camera(info)) is info


def test_points_are_rows() -> None:
    points = [Point(x=1.0, y=2.0, z=3.0), Point(x=4.0, y=5.0, z=6.0)]
    np.testing.assert_array_equal(points_of(points), [[1, 2, 3], [4, 5, 6]])
    assert points_of([]).shape == (0, 3)


def steps(line: Any) -> Any:
    return np.linalg.norm(np.diff(line, axis=0), axis=1)


@pytest.mark.parametrize("points", [[], [[0.1, 0.2, 0.3]]])
def test_a_line_without_length_stays_as_it_is(points: list[list[float]]) -> None:
    line = np.array(points).reshape(-1, 3)
    np.testing.assert_array_equal(dense(line), line)


@pytest.mark.parametrize("length", [0.0, 0.004, STEP, 0.25, 1.5])
def test_the_points_of_a_line_are_near_each_other_and_its_corners_stay(length: float) -> None:
    line = np.array([[0, 0, 0], [length, 0, 0], [length, length, 0], [length, length, -length]])
    found = dense(line)
    assert steps(found).max() <= STEP + 1e-9
    for corner in line:
        assert np.abs(found - corner).max(axis=1).min() < 1e-9
    np.testing.assert_array_equal(found[[0, -1]], line[[0, -1]])
    assert steps(found).sum() == pytest.approx(3 * length), "all of them are on the line"


@pytest.mark.parametrize("count", [2, 30, 2 * MOST_POINTS])
def test_a_long_line_has_few_points_and_keeps_its_ends(count: int) -> None:
    line = np.linspace([0, 0, 0], [1e5, -2e5, 3e5], count)
    found = dense(line)
    assert len(found) <= MOST_POINTS + 2 * count, "a corner costs two points at most"
    np.testing.assert_array_equal(found[[0, -1]], line[[0, -1]])
    if count < MOST_POINTS:
        assert steps(found).max() <= steps(line).sum() / MOST_POINTS * 1.001


@pytest.fixture
def clock(clock_of: Callable[..., Any]) -> Any:
    return clock_of(module)


@pytest.fixture
def known(clock: Any) -> Known:
    known = Known("/planner")
    known.joints, known.joints_at = JOINTS, clock.now
    return known


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "panda.urdf"
    path.write_text(URDF)
    return str(path)


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    return make_node("cockpit")


def watched(view: ArmView) -> ArmView:
    view.watch()
    return view


def test_the_arm_ends_where_its_tip_is(node: Node, known: Known, file: str) -> None:
    known.joints = {**JOINTS, "panda_finger_joint1": 0.02}
    view = watched(ArmView(node, known, file, BASE, TIP))
    assert (view.problem, view.places.shape) == ("", (len(ARM.joints) + 2, 3))
    np.testing.assert_allclose(view.places[-1], ARM.pose(HOME)[:3], atol=1e-9)
    np.testing.assert_allclose(view.places[0], 0)
    np.testing.assert_allclose(view.places[1], [0, 0, 0.333], atol=1e-9)  # Franka's table


def test_base_and_tip_are_by_default_those_of_the_planner(
    node: Node, known: Known, file: str
) -> None:
    known.take_config("commands: {base: panda_link5, tip: panda_link7}")
    view = watched(ArmView(node, known, file, "", ""))
    assert (view.problem, len(view.places)) == ("", 4)
    given = watched(ArmView(node, known, file, BASE, TIP))
    assert len(given.places) == len(ARM.joints) + 2


def test_the_base_of_a_planner_without_one_is_the_frame_of_its_plans(
    node: Node, known: Known, file: str
) -> None:
    known.search = Search()
    known.search.header.frame_id = BASE
    view = watched(ArmView(node, known, file, "", TIP))
    np.testing.assert_allclose(view.places[-1], ARM.pose(HOME)[:3], atol=1e-9)


def test_what_lacks_is_named_until_it_is_there(node: Node, known: Known, file: str) -> None:
    view = ArmView(node, known, file, "", "")
    for config, lacks in (
        ("", "the parameter base"),
        (f"commands: {{base: {BASE}}}", "the parameter tip"),
        (f"commands: {{base: {BASE}, tip: {TIP}}}", ""),
    ):
        known.take_config(config)
        view.watch()
        assert (lacks in view.problem, bool(view.problem)) == (True, bool(lacks))
        assert bool(len(view.places)) == (not lacks)


def test_an_arm_without_a_urdf_says_where_it_could_come_from(node: Node, known: Known) -> None:
    view = watched(ArmView(node, known, "", BASE, TIP))
    assert "robot_description" in view.problem
    assert len(view.places) == 0


def test_joints_that_lack_are_named(node: Node, known: Known, file: str) -> None:
    known.joints = {name: at for name, at in JOINTS.items() if name != "panda_joint3"}
    view = watched(ArmView(node, known, file, BASE, TIP))
    assert "panda_joint3" in view.problem
    assert len(view.places) == 0


def test_an_arm_whose_joints_are_old_is_not_shown(
    node: Node, known: Known, clock: Any, file: str
) -> None:
    view = watched(ArmView(node, known, file, BASE, TIP))
    assert len(view.places)
    clock.now += OLD + 0.1
    assert len(watched(view).places) == 0
    assert "joint_states" in view.problem
    known.joints_at = clock.now
    assert len(watched(view).places)
    assert view.problem == ""


@pytest.mark.parametrize(
    ("text", "base"),
    [("<robot", BASE), ("no xml at all", BASE), ("<robot name='r'/>", BASE), (URDF, "nowhere")],
)
def test_a_urdf_of_another_arm_is_a_sentence(
    node: Node, known: Known, tmp_path: Path, text: str, base: str
) -> None:
    path = tmp_path / "broken.urdf"
    path.write_text(text)
    view = ArmView(node, known, str(path), base, TIP)
    for _ in range(2):  # it is not read again, and the sentence stays
        view.watch()
        assert view.problem.startswith("the arm is not shown: ")
        assert view.problem.isprintable()
        assert len(view.places) == 0


def test_a_urdf_that_comes_later_on_the_topic_is_used(
    make_node: Callable[..., Node], known: Known, spin_until: Callable[..., None]
) -> None:
    cockpit, robot = make_node("cockpit"), make_node("robot_state_publisher")
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = robot.create_publisher(String, "robot_description", latched)
    view = ArmView(cockpit, known, "", BASE, TIP)
    publisher.publish(String(data="<robot"))
    spin_until(lambda: "robot_description" not in watched(view).problem, cockpit)
    assert len(view.places) == 0
    publisher.publish(String(data=" " * (MAX_URDF + 1)))  # too long, so it is not read at all
    publisher.publish(String(data=URDF))
    spin_until(lambda: len(watched(view).places) > 0)
    assert view.problem == ""


def test_a_file_that_is_not_there_ends_the_start(node: Node, known: Known, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing"):
        ArmView(node, known, str(tmp_path / "nothing.urdf"), BASE, TIP)
