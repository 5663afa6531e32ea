"""Every check fails an image with its fault, and passes images like those of training."""

from __future__ import annotations

import numpy as np
import pytest
from camera_scenes import EXPECTED, failed, judged, scene
from numpy.typing import NDArray

from wm_planner.camera_contract import CameraExpectation, CameraMonitor
from wm_planner.camera_contract.pixel_statistics import color_difference
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


def gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


def tinted(image: NDArray[np.uint8], levels: int) -> NDArray[np.uint8]:
    """A gray image with colored noise, as a gray scene has for a color camera."""
    noise = np.random.default_rng(1).integers(-levels, levels + 1, image.shape)
    return np.clip(gray(image) + noise, 0, 255).astype(np.uint8)


def test_a_gray_image_stops_a_model_trained_on_color() -> None:
    for seed in range(20):
        assert "gray" in failed(gray(scene(seed)))
        assert "gray" in failed(tinted(scene(seed), 1)), "an infrared camera's color pipeline"
    (finding,) = (f for f in CameraMonitor(EXPECTED).check(gray(scene())) if f.name == "gray")
    assert finding.severity == "stop"
    assert "training images were in color" in finding.sentence


@pytest.mark.parametrize("side", [96, 480])
def test_neither_noise_nor_a_white_balance_is_color(side: int) -> None:
    for seed in range(20):
        image = scene(seed, side=side)
        measured = CameraExpectation(96, color_difference=color_difference(image))
        assert "gray" not in failed(image, measured)
        assert "gray" in failed(tinted(image, 6), measured)
        balanced = (tinted(image, 6) * [1, 0.85, 0.95]).astype(np.uint8)
        assert "gray" in failed(balanced, measured)


def test_colors_of_a_scene_that_is_nearly_of_one_color_are_no_fault() -> None:
    brown = (0.9 * gray(scene()) * [1, 0.85, 0.75]).astype(np.uint8)
    brown[40:56, 40:56] = (40, 60, 120)
    measured = CameraExpectation(96, color_difference=color_difference(brown))
    moved = np.roll(brown, 20, axis=1)
    assert "gray" not in failed(moved, measured)
    assert "gray" in failed(gray(brown), measured)


def test_a_scene_of_one_strong_color_is_not_gray() -> None:
    wood = (gray(scene()) * [1, 0.75, 0.5]).astype(np.uint8)
    assert "gray" not in failed(wood)


def test_one_cause_of_a_gray_image_is_reported_once() -> None:
    for image in (BLACK, GRAY, np.full((96, 96, 3), 255, np.uint8), gray(scene()) // 16):
        assert "gray" not in failed(image)


@pytest.mark.parametrize(
    "expected",
    [
        CameraExpectation(96, (0.45,) * 3, (0.2,) * 3),
        CameraExpectation(96, (0.45, 0.452, 0.449), (0.2,) * 3, color_difference=0.008),
        CameraExpectation(96, color_difference=0.0),
    ],
    ids=["equal statistics", "nearly gray", "measured without channels"],
)
def test_a_model_trained_on_gray_takes_gray_and_nearly_gray(expected: CameraExpectation) -> None:
    for image in (gray(scene()), tinted(scene(), 2)):
        assert "gray" not in failed(image, expected)


def test_colors_of_equal_statistics_are_known_by_their_difference() -> None:
    balanced = CameraExpectation(96, (0.45,) * 3, (0.2,) * 3, color_difference=0.1)
    assert "gray" in failed(gray(scene()), balanced)
    assert "gray" not in failed(scene(), balanced)


@pytest.mark.parametrize(
    "unknown",
    [CameraExpectation(96), CameraExpectation(96, (0.45, 0.452, 0.449), (0.2,) * 3)],
    ids=["no statistics", "nearly equal statistics"],
)
def test_a_gray_image_is_a_warning_if_the_training_s_colors_are_unknown(
    unknown: CameraExpectation,
) -> None:
    (finding,) = (f for f in CameraMonitor(unknown).check(gray(scene())) if f.name == "gray")
    assert finding.severity == "warn"
    assert "wm-planner doctor MODEL_DIR --dataset DIR" in finding.sentence
    assert "gray" not in failed(tinted(scene(), 2), unknown)


def test_twelve_bits_at_the_top_of_their_range_are_near_zero() -> None:
    image = np.clip(scene().astype(int) // 16, 0, 15).astype(np.uint8)
    image[::2] = 16  # 4095 of 65535, rounded to 8 bits
    assert "near_zero" in failed(image)
