"""The camera contract finds what is wrong with an image, and nothing in a right one."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.images.contract import (
    SEVERITIES,
    CameraExpectation,
    CameraMonitor,
    CameraTolerances,
    table,
)

MEAN, STD = (0.48, 0.45, 0.38), (0.22, 0.20, 0.19)


def scene(seed: int = 0, side: int = 96, light: float = 1.0) -> NDArray[np.uint8]:
    """A textured table-top scene: patches of colors around the training's mean, some noise."""
    random = np.random.default_rng(seed)
    patches = random.normal(MEAN, STD, (8, 8, 3)) * light
    image = np.kron(patches, np.ones((side // 8, side // 8, 1)))
    noisy = image + random.normal(0, 0.01, image.shape)
    return (np.clip(noisy, 0, 1) * 255).astype(np.uint8)


EXPECTED = CameraExpectation(
    96, 96,
    channel_mean=tuple(np.mean([scene(s).mean((0, 1)) / 255 for s in range(50)], axis=0)),
    channel_std=tuple(np.mean([scene(s).std((0, 1)) / 255 for s in range(50)], axis=0)),
)  # fmt: skip


def found(image: NDArray[np.uint8], **settings: Any) -> set[str]:
    monitor = CameraMonitor(EXPECTED, CameraTolerances(**settings))
    return {finding.name for finding in monitor.check(image)}


def test_normal_images_raise_no_alarm() -> None:
    assert [s for s in range(200) if found(scene(s))] == []


def test_red_and_blue_exchanged_is_a_channel_swap() -> None:
    missed = [s for s in range(200) if "channel_swap" not in found(scene(s)[..., ::-1])]
    assert len(missed) <= 10  # single random scenes may really be bluish


def test_channel_swap_scores_minus_one_for_training_and_one_for_exchanged_statistics() -> None:
    image = np.zeros((96, 96, 3), np.uint8)
    mean, std = np.array(EXPECTED.channel_mean) * 255, np.array(EXPECTED.channel_std) * 255
    image[::2], image[1::2] = np.rint(mean - std), np.rint(mean + std)
    for seen, expected in ((image, -1.0), (image[..., ::-1], 1.0)):
        scores = {f.name: f.score for f in CameraMonitor(EXPECTED).measure(seen)}
        assert scores["channel_swap"] == pytest.approx(expected, abs=0.05)


def test_gray_training_images_cannot_tell_a_swap_and_do_not_pretend_to() -> None:
    gray = CameraExpectation(96, 96, (0.4, 0.4, 0.4), (0.2, 0.2, 0.2))
    assert "channel_swap" not in {f.name for f in CameraMonitor(gray).measure(scene())}


def test_float_image_cast_to_bytes_is_a_float_feed() -> None:
    image = (scene() / 255.0).round().astype(np.uint8)
    assert found(image) & {"float_feed", "black"} == {"float_feed"}


def test_float_image_truncated_to_nothing_is_black() -> None:
    image = np.minimum(scene(), 254) / 255.0
    assert "black" in found(image.astype(np.uint8))


def test_twelve_bit_image_taken_for_sixteen_is_near_zero() -> None:
    image = (scene() / 255 * 4095 / 257).astype(np.uint8)
    assert "near_zero" in found(image)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (np.zeros((96, 96, 3), np.uint8), "black"),
        (np.random.default_rng(0).integers(0, 6, (96, 96, 3), dtype=np.uint8), "black"),
        (np.full((96, 96, 3), 130, np.uint8), "constant"),
        (np.full((96, 96, 3), 255, np.uint8), "constant"),
        (np.clip(scene().astype(int) * 4, 0, 255).astype(np.uint8), "saturated"),
        (scene(side=48), "resolution"),
        (np.repeat(scene(), 2, axis=1), "aspect_ratio"),
        (np.repeat(scene(), 2, axis=0), "aspect_ratio"),
        (scene(light=0.2), "statistics"),
    ],
)
def test_each_fault_is_found_by_its_name(image: NDArray[np.uint8], name: str) -> None:
    findings = {f.name: f for f in CameraMonitor(EXPECTED).check(image)}
    assert name in findings
    assert findings[name].sentence.endswith(".")
    assert findings[name].severity == SEVERITIES[name]


def test_one_cause_of_an_empty_image_gives_one_stop() -> None:
    for image in (np.zeros((96, 96, 3), np.uint8), np.full((96, 96, 3), 130, np.uint8)):
        stops = [f for f in CameraMonitor(EXPECTED).check(image) if f.severity == "stop"]
        assert len(stops) == 1


def test_higher_resolution_of_the_same_shape_is_fine() -> None:
    assert found(scene(side=480)) == set()


def test_cropped_sides_do_not_enter_the_statistics() -> None:
    wide = np.zeros((96, 160, 3), np.uint8)
    wide[:, 32:128] = scene()
    assert found(wide) == set()


@pytest.mark.parametrize(("aspect", "is_found"), [(4 / 3, False), (1.0, True), (16 / 9, True)])
def test_known_camera_shape_is_compared_exactly(aspect: float, is_found: bool) -> None:
    square = CameraExpectation(96, 96, camera_aspect=aspect)
    names = {
        f.name for f in CameraMonitor(square).check(scene(side=480)[:, :].repeat(4, 1)[:, ::3])
    }
    assert ("aspect_ratio" in names) == is_found


class TestFrozen:
    """Identical images while stamps advance and the robot moves."""

    def frozen(self, monitor: CameraMonitor) -> bool:
        return "frozen" in {f.name for f in monitor.check(scene())}

    def test_is_found_after_its_time(self) -> None:
        monitor = CameraMonitor(EXPECTED, CameraTolerances(frozen=1.0))
        for frame in range(31):
            monitor.observe(scene(), frame / 30)
            assert not self.frozen(monitor)
        for frame in range(31, 40):
            monitor.observe(scene(), frame / 30)
        assert self.frozen(monitor)

    def test_ends_with_the_first_changed_pixel(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for frame in range(100):
            monitor.observe(scene(), frame / 30)
        assert self.frozen(monitor)
        changed = scene()
        changed[5, 5, 1] ^= 1
        monitor.observe(changed, 100 / 30)
        assert not self.frozen(monitor)

    def test_does_not_count_a_robot_at_rest(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for frame in range(300):
            monitor.observe(scene(), frame / 30, moving=False)
        assert not self.frozen(monitor)

    def test_does_not_count_stamps_that_stand_still(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for _ in range(300):
            monitor.observe(scene(), 5.0)
        assert not self.frozen(monitor)

    def test_starts_anew_when_the_clock_jumps_back_and_on_reset(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for stamp in (0.0, 100.0, 99.5):
            monitor.observe(scene(), stamp)
        assert not self.frozen(monitor)
        monitor.observe(scene(), 200.0)
        assert self.frozen(monitor)
        monitor.reset()
        monitor.observe(scene(), 300.0)
        assert not self.frozen(monitor)

    def test_keeps_no_hold_on_the_caller_s_array(self) -> None:
        monitor, image = CameraMonitor(EXPECTED), scene()
        monitor.observe(image, 0.0)
        image[:] = 0
        monitor.observe(image, 10.0)
        assert not self.frozen(monitor)


@pytest.mark.parametrize(("score", "is_found"), [(0.5, False), (1.5, True), (float("nan"), True)])
def test_latent_score_is_held_against_its_limit(score: float, is_found: bool) -> None:
    names = {f.name for f in CameraMonitor(EXPECTED).check(scene(), latent_score=score)}
    assert ("latent" in names) == is_found


def test_latent_is_left_out_when_nobody_measures_it() -> None:
    assert "latent" not in {f.name for f in CameraMonitor(EXPECTED).measure(scene())}


def test_severities_are_the_user_s_choice() -> None:
    tolerances = CameraTolerances(severities={"black": "warn", "constant": "off"})
    monitor = CameraMonitor(EXPECTED, tolerances)
    black = monitor.check(np.zeros((96, 96, 3), np.uint8))
    assert [f.severity for f in black if f.name == "black"] == ["warn"]
    assert "constant" not in {f.name for f in monitor.measure(scene())}


def test_unknown_statistics_leave_their_checks_out() -> None:
    monitor = CameraMonitor(CameraExpectation(96, 96))
    assert monitor.check(scene()) == ()
    names = {f.name for f in monitor.measure(scene())}
    assert not names & {"channel_swap", "statistics"}


def test_table_has_a_line_a_check_with_score_limit_and_sentence() -> None:
    text = table(CameraMonitor(EXPECTED).measure(scene()[..., ::-1]))
    (swap,) = [line for line in text.splitlines() if line.startswith("channel_swap")]
    assert "STOP: The colors fit" in swap
    assert sum(line.endswith(" ok") for line in text.splitlines()) >= 7


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (CameraExpectation, {"height": 0, "width": 5}),
        (CameraExpectation, {"height": 5, "width": 5, "camera_aspect": -1.0}),
        (CameraExpectation, {"height": 5, "width": 5, "channel_mean": (0.5, 0.5, 0.5)}),
        (
            CameraExpectation,
            {"height": 5, "width": 5, "channel_mean": (99, 0, 0), "channel_std": (1, 1, 1)},
        ),
        (
            CameraExpectation,
            {"height": 5, "width": 5, "channel_mean": (0.5,), "channel_std": (0.1,)},
        ),
        (CameraTolerances, {"frozen": 0.0}),
        (CameraTolerances, {"black": float("nan")}),
        (CameraTolerances, {"severities": {"blue": "stop"}}),
        (CameraTolerances, {"severities": {"black": "halt"}}),
    ],
)
def test_constructors_refuse_nonsense(kind: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        kind(**settings)


def test_images_and_contract_import_without_torch_and_ros() -> None:
    code = """if True:
        import sys
        import wm_planner.images.contract
        print([m for m in ("torch", "rclpy", "sensor_msgs", "cv2") if m in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
