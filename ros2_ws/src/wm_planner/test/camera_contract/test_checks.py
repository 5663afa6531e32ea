"""Every check fails an image with its fault, and passes images like those of training."""

from __future__ import annotations

import numpy as np
import pytest
from camera_scenes import EXPECTED, failed, judged, scene
from numpy.typing import NDArray

from wm_planner.camera_contract import CameraExpectation, CameraMonitor
from wm_planner.config import CameraConfig

BLACK = np.zeros((96, 96, 3), np.uint8)
GRAY = np.full((96, 96, 3), 130, np.uint8)


def test_normal_images_fail_no_check() -> None:
    assert [s for s in range(200) if failed(scene(s))] == []


def test_red_and_blue_exchanged_is_a_channel_swap() -> None:
    missed = [s for s in range(200) if "channel_swap" not in failed(scene(s)[..., ::-1])]
    assert len(missed) <= 10  # single random scenes may really be bluish


def test_channel_swap_scores_minus_one_for_training_and_one_for_exchanged_statistics() -> None:
    image = np.zeros((96, 96, 3), np.uint8)
    mean, std = np.array(EXPECTED.channel_mean) * 255, np.array(EXPECTED.channel_std) * 255
    image[::2], image[1::2] = np.rint(mean - std), np.rint(mean + std)
    for seen, expected in ((image, -1.0), (image[..., ::-1], 1.0)):
        scores = {f.name: f.score for f in CameraMonitor(EXPECTED).measure(seen)}
        assert scores["channel_swap"] == pytest.approx(expected, abs=0.05)


def test_channel_swap_is_not_judged_if_training_images_were_gray() -> None:
    gray = CameraExpectation(96, (0.4, 0.4, 0.4), (0.2, 0.2, 0.2))
    assert "channel_swap" not in judged(scene(), gray)


def test_float_image_cast_to_bytes_is_a_float_feed() -> None:
    image = (scene() / 255.0).round().astype(np.uint8)
    assert failed(image) & {"float_feed", "black"} == {"float_feed"}


def test_float_image_truncated_to_zeros_is_black() -> None:
    image = np.minimum(scene(), 254) / 255.0
    assert "black" in failed(image.astype(np.uint8))


def test_twelve_bit_image_read_as_sixteen_bits_is_near_zero() -> None:
    image = (scene() / 255 * 4095 / 257).astype(np.uint8)
    assert "near_zero" in failed(image)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (BLACK, "black"),
        (np.random.default_rng(0).integers(0, 6, (96, 96, 3), dtype=np.uint8), "black"),
        (GRAY, "constant"),
        (np.full((96, 96, 3), 255, np.uint8), "constant"),
        (np.clip(scene().astype(int) * 4, 0, 255).astype(np.uint8), "saturated"),
        (scene(side=48), "resolution"),
        (np.repeat(scene(), 2, axis=1), "aspect_ratio"),
        (np.repeat(scene(), 2, axis=0), "aspect_ratio"),
        (scene(light=0.2), "statistics"),
    ],
)
def test_each_fault_fails_the_check_of_its_name(image: NDArray[np.uint8], name: str) -> None:
    findings = {f.name: f for f in CameraMonitor(EXPECTED).check(image)}
    assert name in findings
    assert findings[name].sentence.endswith(".")
    assert findings[name].severity == getattr(CameraConfig(), name)


def test_one_cause_of_an_empty_image_gives_one_stop() -> None:
    for image in (BLACK, GRAY):
        stops = [f for f in CameraMonitor(EXPECTED).check(image) if f.severity == "stop"]
        assert len(stops) == 1


def test_higher_resolution_of_the_same_shape_fails_no_check() -> None:
    assert failed(scene(side=480)) == set()


def test_cropped_sides_do_not_enter_the_statistics() -> None:
    wide = np.zeros((96, 160, 3), np.uint8)
    wide[:, 32:128] = scene()
    assert failed(wide) == set()


@pytest.mark.parametrize(("aspect", "fails"), [(4 / 3, False), (1.0, True), (16 / 9, True)])
def test_shape_of_a_known_training_camera_is_compared_exactly(aspect: float, fails: bool) -> None:
    square = CameraExpectation(96, camera_aspect=aspect)
    image = scene(side=480).repeat(4, 1)[:, ::3]
    assert ("aspect_ratio" in failed(image, square)) == fails


@pytest.mark.parametrize(("score", "fails"), [(0.5, False), (1.5, True), (float("nan"), True)])
def test_latent_score_is_compared_with_its_limit(score: float, fails: bool) -> None:
    names = {f.name for f in CameraMonitor(EXPECTED).check(scene(), latent_score=score)}
    assert ("latent" in names) == fails


def test_latent_is_not_judged_without_a_score() -> None:
    assert "latent" not in judged(scene())


def test_colors_are_not_judged_without_training_statistics() -> None:
    unknown = CameraExpectation(96)
    assert failed(scene(), unknown) == set()
    assert not judged(scene(), unknown) & {"channel_swap", "statistics"}
