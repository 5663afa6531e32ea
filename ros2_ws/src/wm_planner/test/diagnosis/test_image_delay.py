"""The delay between images and motion is measured if it is clear, and else not claimed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recordings
from numpy.typing import NDArray

from wm_planner.diagnosis.check_result import OK, STOP, WARN
from wm_planner.diagnosis.checks.image_delay import judge_delay
from wm_planner.diagnosis.image_delay import Delay, Film, measure_delay, small_gray

Findings = Callable[..., tuple[int, dict[str, dict[str, Any]]]]
Place = Callable[[NDArray[np.float64]], NDArray[np.float64]]
SECONDS, RATE = 12.0, 15


def _film(place: Place, delay: float = 0.0) -> Film:
    """A camera that sees a bright hand at ``place`` (N, 2), in units of the image's width."""
    rng = np.random.default_rng(0)
    ground = rng.uniform(0, 255, (24, 32))
    rows, columns = np.mgrid[0:24, 0:32]
    times = np.arange(0, SECONDS, 1 / RATE)
    images = []
    for x, y in place(times):
        hand = np.exp(-((columns - 16 - 32 * x) ** 2 + (rows - 12 - 32 * y) ** 2) / 18)
        images.append(ground * (1 - hand) + 220 * hand + rng.normal(0, 4, ground.shape))
    measured = np.arange(0, SECONDS, 0.01)
    track = place(measured) + rng.normal(0, 2e-5, (len(measured), 2))
    return Film(times + delay, np.stack(images), measured, track, ("/image", "/pose"))


def _wandering(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """A motion that does not repeat."""
    rng = np.random.default_rng(3)
    waves = [
        (rng.uniform(0.02, 0.06, 2), 2 * np.pi / length, rng.uniform(0, 6, 2))
        for length in (1.3, 2.1, 3.7, 5.9)
    ]
    return np.asarray(sum(a * np.sin(w * times[:, None] + phase) for a, w, phase in waves))


@pytest.mark.parametrize("delay", [-1.0, -0.4, 0.2, 0.4, 1.0])
def test_a_delay_is_measured_with_its_uncertainty(delay: float) -> None:
    found = measure_delay(_film(_wandering, delay))
    assert found is not None
    assert abs(found.seconds - delay) <= max(found.uncertainty, 0.04)
    assert found.uncertainty < 0.15
    assert found.correlation > found.without + 0.1


@pytest.mark.parametrize(
    "place",
    [
        lambda t: np.zeros((len(t), 2)),
        lambda t: 0.1 * np.stack([np.sin(2 * np.pi * t), 0 * t], 1),
        lambda t: 0.1 * np.stack([np.sin(np.pi * t), 0 * t], 1),
        lambda t: 0.1 * np.stack([np.sin(t), np.cos(t)], 1),
        lambda t: np.stack([0.3 * t / SECONDS - 0.15, 0 * t], 1),
    ],
    ids=["still", "1 s", "2 s", "circle", "straight"],
)
@pytest.mark.parametrize("delay", [0.0, 0.4])
def test_still_and_periodic_motions_have_no_clear_delay(place: Place, delay: float) -> None:
    assert measure_delay(_film(place, delay)) is None


def test_without_a_delay_none_is_claimed() -> None:
    assert measure_delay(_film(_wandering)) is None


@pytest.mark.parametrize(
    ("seconds", "verdict", "word"), [(0.08, OK, ""), (0.14, WARN, "late"), (-0.4, STOP, "early")]
)
def test_a_delay_is_judged_by_the_model_s_step(seconds: float, verdict: str, word: str) -> None:
    result = judge_delay(Delay(seconds, 0.02, 0.9, 0.3), 0.2, ("/image", "/pose"))
    assert result.verdict == verdict
    assert f"{abs(seconds):.2f} ± 0.02 s {word}" in (result.sentence or result.evidence)


def test_a_delay_within_its_uncertainty_is_not_claimed() -> None:
    for uncertainty, verdict in ((0.1, OK), (0.02, WARN), (0.0, STOP)):
        delay = Delay(0.08, uncertainty, 0.9, 0.3)
        assert judge_delay(delay, 0.1, ("/image", "/pose")).verdict == verdict


@pytest.mark.sim
@pytest.mark.filterwarnings("ignore")
def test_delays_of_recordings_of_the_arm_are_found_and_no_others(recorded: Any) -> None:
    claims = []
    for positions, images in zip(recorded.positions, recorded.images, strict=True):
        times = recordings.STEP * np.arange(len(positions))
        small = np.stack([small_gray(image) for image in images])
        for delay in (0.0, 0.4, -0.4):
            found = measure_delay(Film(times + delay, small, times, positions, ("i", "p")))
            if found is not None:
                assert found.seconds == pytest.approx(delay, abs=0.1)
                claims.append(delay)
    assert 0.0 not in claims
    assert len(claims) >= 6  # of 8


@pytest.mark.sim
@pytest.mark.filterwarnings("ignore")
def test_images_that_come_late_are_the_cause_that_the_doctor_names(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    episode = (recorded.actions[1], recorded.positions[1], recorded.images[1])
    path = recordings.write_bag(tmp_path / "bag", *episode, camera_clock=lambda t: t + 0.4)
    code, found = findings(recorded.model, "--bag", path)
    assert code == 2
    assert "s late: one on /camera/image stamped t" in found["image_delay"]["sentence"]
    assert "Fix 'image_delay' first" in found["one_step"]["sentence"]
