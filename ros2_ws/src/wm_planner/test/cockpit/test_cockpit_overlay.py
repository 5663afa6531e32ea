"""The plan in the image: where a pinhole camera sees it, and nothing that is not before it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo

from wm_planner.cockpit.overlay import CHEAP, DEAR, FAR, NEAR, draw, project

FX, FY, CX, CY = 100.0, 120.0, 60.0, 40.0
AT_ORIGIN = np.array([0, 0, 0, 0, 0, 0, 1.0])
NAN, INF = float("nan"), float("inf")


def info(distortion: Any = (), model: str = "plumb_bob", **k: float) -> CameraInfo:
    fx, fy = k.get("fx", FX), k.get("fy", FY)
    matrix = [fx, 0.0, CX, 0.0, fy, CY, 0.0, 0.0, 1.0]
    numbers = list(map(float, distortion))
    size = {"width": 120, "height": 80}
    return CameraInfo(k=matrix, d=numbers, distortion_model=model, **size)


def seen(point: ArrayLike, camera: Any = AT_ORIGIN, calibration: Any = None) -> Any:
    points = np.array(point, dtype=float).reshape(-1, 3)
    found = project(points, camera, calibration or info())
    assert found.shape == (len(points), 2)
    return found


def test_a_point_straight_ahead_is_at_the_principal_point() -> None:
    np.testing.assert_allclose(seen([[0, 0, 0.1], [0, 0, 50]]), [[CX, CY]] * 2)


def test_x_goes_to_the_right_and_y_down() -> None:
    found = seen([[0.1, 0, 1], [0, 0.1, 1], [-0.1, -0.1, 2]])
    np.testing.assert_allclose(found, [[CX + 10, CY], [CX, CY + 12], [CX - 5, CY - 6]])


def test_the_camera_s_pose_is_that_of_its_frame_in_the_frame_of_the_actions() -> None:
    """A camera beside the arm looks along the base's x; its right is -y, its down -z."""
    axes = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]]).T  # columns: those of the camera
    camera = np.array([-1.0, 0.25, 0.5, *Rotation.from_matrix(axes).as_quat()])
    found = seen([[0, 0.25, 0.5], [0, 0.05, 0.5], [1, 0.25, 0.3]], camera)
    np.testing.assert_allclose(found, [[CX, CY], [CX + 20, CY], [CX, CY + 12]], atol=1e-9)
    assert np.isnan(seen([-2, 0.25, 0.5], camera)).all(), "it is behind the camera"


@pytest.mark.parametrize("z", [-1.0, 0.0, NEAR])
def test_what_is_behind_the_camera_is_not_in_the_image(z: float) -> None:
    found = seen([[0, 0, z], [0, 0, 1]])
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1], [CX, CY])


@pytest.mark.parametrize(
    "point",
    [[INF, 0, 1], [0, -INF, 1], [0, 0, INF], [NAN, 0, 1], [0, 0, NAN], [1e308] * 3, [FAR, 0, 1]],
)
def test_a_point_that_cannot_be_drawn_is_not_and_harms_no_other(point: list[float]) -> None:
    found = seen([point, [0, 0, 1]])
    assert np.isnan(found[0]).all() or (np.abs(found[0]) < FAR).all()
    np.testing.assert_allclose(found[1], [CX, CY])


def test_no_points_are_no_points() -> None:
    assert seen([]).shape == (0, 2)


def test_a_lens_bends_as_its_model_says() -> None:
    (bent,) = seen([[0.3, 0, 1]], calibration=info([-0.2, 0, 0, 0, 0]))
    np.testing.assert_allclose(bent, [CX + FX * 0.3 * (1 - 0.2 * 0.09), CY])
    rational = [0.1, 0.05, 0.001, 0.002, 0.01, 0.2, 0.1, 0.05]
    points = np.array([[0.2, 0.1, 1.0], [-0.3, 0.2, 0.8]])
    expected, _ = cv2.projectPoints(
        points, np.zeros(3), np.zeros(3), np.array(info().k).reshape(3, 3), np.array(rational)
    )
    found = seen(points, calibration=info(rational, "rational_polynomial"))
    np.testing.assert_allclose(found, expected[:, 0])


@pytest.mark.parametrize("count", [0, 4, 5, 8, 12, 14])
def test_a_lens_without_distortion_may_say_so_in_any_length(count: int) -> None:
    for model in ("", "plumb_bob", "rational_polynomial"):
        np.testing.assert_allclose(
            seen([0.1, 0, 1], calibration=info([0.0] * count, model)), [[CX + 10, CY]]
        )


@pytest.mark.parametrize(
    ("calibration", "word"),
    [
        (info(model="equidistant"), "equidistant"),
        (info(model="x\n" * 10), "distortion model"),
        (info([0.1]), "1 distortion"),
        (info([0.1] * 6), "6 distortion"),
        (info([NAN] * 5), "not finite"),
        (info([INF] * 5), "not finite"),
        (info(fx=0.0), "not calibrated"),
        (info(fy=-1.0), "not calibrated"),
        (info(fx=NAN), "not calibrated"),
        (info(fy=INF), "not calibrated"),
        (CameraInfo(), "not calibrated"),
    ],
)
def test_a_camera_that_is_not_calibrated_is_refused(calibration: CameraInfo, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        project(np.array([[0, 0, 1.0]]), AT_ORIGIN, calibration)


@pytest.mark.parametrize("turn", [[0, 0, 0, 0], [0, 0, 0, 2], [NAN] * 4])
def test_a_pose_without_an_orientation_is_refused(turn: list[float]) -> None:
    with pytest.raises(ValueError, match="quaternion"):
        project(np.zeros((1, 3)), np.array([0, 0, 0, *turn], dtype=float), info())


def elements(svg: str) -> list[ET.Element]:
    return list(ET.fromstring(f"<svg>{svg}</svg>"))


LINE = np.array([[0, 0], [10, 5], [20, 30.0]])


def test_the_cheapest_candidate_is_on_top_and_the_plan_above_all() -> None:
    many = [LINE + i for i in range(3)]
    found = elements(draw(LINE + 50, many))
    starts = [line.attrib["points"].split()[0] for line in found if line.tag == "polyline"]
    assert starts == ["2.0,2.0", "1.0,1.0", "0.0,0.0", "50.0,50.0", "50.0,50.0"]
    colors = [re.findall(r"\d+", line.attrib["stroke"]) for line in found[:3]]
    assert colors[0] == [str(part) for part in DEAR]
    assert colors[2] == [str(part) for part in CHEAP]


def test_one_candidate_is_the_cheapest() -> None:
    first = elements(draw(LINE, [LINE]))[0].attrib["stroke"]
    assert re.findall(r"\d+", first) == [str(part) for part in CHEAP]


def test_a_circle_is_at_the_last_place_that_can_be_seen() -> None:
    path = np.vstack([LINE, [[NAN, NAN]]])
    circle = elements(draw(path))[-1]
    assert (circle.tag, circle.attrib["cx"], circle.attrib["cy"]) == ("circle", "20.0", "30.0")


@pytest.mark.parametrize("path", [np.full((4, 2), NAN), np.zeros((0, 2))])
def test_a_path_that_cannot_be_seen_is_not_drawn(path: Any) -> None:
    assert draw(path, [path]) == ""


def test_no_number_of_the_svg_is_infinite_or_none() -> None:
    path = np.array([[NAN, 1], [2, 3], [INF, 4], [5, -INF], [6, 7.0]])
    svg = draw(path[:2], [path, path[::-1]])
    assert elements(svg)
    assert not re.search("nan|inf", svg, re.IGNORECASE)


def test_a_lens_leads_no_point_from_far_outside_back_into_the_image() -> None:
    bent = info((-0.3, 0, 0, 0, 0))
    assert np.isfinite(seen([0.3, 0, 1], calibration=bent)).all()
    assert np.isnan(seen([1.8, 0, 1], calibration=bent)).all()
