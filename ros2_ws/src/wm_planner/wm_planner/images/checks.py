"""The single checks of the camera contract: a score, a threshold, a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wm_planner.images.statistics import ImageStatistics

if TYPE_CHECKING:
    from wm_planner.images.contract import CameraExpectation, CameraTolerances

_COLORFUL = 0.02
"""Least difference of red and blue in the training statistics by which a swap can be told."""

_WIDEST = 16 / 9
"""Widest camera whose cropped center is taken for a square training image."""

_ONE = 1.0 / 255.0


@dataclass(frozen=True)
class Finding:
    """What one check measured.

    Attributes:
        name: Name of the check, stable.
        score: The measured number.
        threshold: The number it is held against.
        severity: ``stop`` or ``warn``.
        found: Whether the image fails this check.
        sentence: What is wrong and what to do; holds only where ``found``.
    """

    name: str
    score: float
    threshold: float
    severity: str
    found: bool
    sentence: str


def aspect_ratio(
    shape: tuple[int, ...], expected: CameraExpectation, limits: CameraTolerances
) -> Finding:
    """Compare the shapes; what is too wide is cut off at the sides before the model sees it."""
    height, width = shape[:2]
    known = expected.camera_aspect
    low, high = (known, known) if known else (1.0, _WIDEST)
    ratio = width / height
    score = max(ratio / high, low / ratio, 1.0) - 1.0
    wanted = f"{known:.2f}" if known else f"1 to {_WIDEST:.2f}"
    return _finding(
        "aspect_ratio",
        score,
        limits.aspect_ratio,
        limits,
        f"The camera's {width}x{height} is {ratio:.2f} times as wide as high, training expects "
        f"{wanted}: the model sees another part of the scene, or a turned or squeezed image.",
    )


def resolution(
    shape: tuple[int, ...], expected: CameraExpectation, limits: CameraTolerances
) -> Finding:
    """Compare the short sides; a smaller image is blown up and lacks the details of training."""
    score = min(shape[:2]) / min(expected.height, expected.width)
    sentence = (
        f"The camera's short side is {min(shape[:2])} pixels, training had "
        f"{min(expected.height, expected.width)}: set the camera to a higher resolution."
    )
    return Finding("resolution", score, 1.0, limits.severity("resolution"), score < 1.0, sentence)


def exposure(
    image: ImageStatistics, expected: CameraExpectation, limits: CameraTolerances
) -> list[Finding]:
    """Look for an image without content: black, one color, squeezed to zero, or blown out.

    One cause gives one finding: a [0, 1] image is also nearly black and nearly constant.
    """
    bright, saturated = _expected_bright(expected), _expected_saturated(expected)
    floor = min(limits.near_zero, bright / 4)
    ones = _ONE / 2 < image.top <= 1.5 * _ONE
    black = image.top <= limits.black and not ones
    constant = image.spread < limits.constant and not black and not ones
    dark = image.bright < floor and not black and not ones and not constant
    blown = image.saturated > max(limits.saturated, saturated) and not constant
    severity = limits.severity
    return [
        Finding(
            "black",
            image.top,
            limits.black,
            severity("black"),
            black,
            "The image is black: look at the lens cap, the light, the exposure, and whether a "
            "[0,1] float image was cast to 8 bits.",
        ),
        Finding(
            "constant",
            image.spread,
            limits.constant,
            severity("constant"),
            constant,
            "The image is one plain color: the camera sends no image, or a test color.",
        ),
        Finding(
            "float_feed",
            image.top,
            1.5 * _ONE,
            severity("float_feed"),
            ones,
            "No value exceeds 1 of 255: this looks like a [0,1] float image that was cast to 8 "
            "bits. Let the driver scale it by 255, or publish 32FC3 and declare float_range.",
        ),
        Finding(
            "near_zero",
            image.bright,
            floor,
            severity("near_zero"),
            dark,
            "All values are near zero: a 10 or 12-bit image that is taken for a 16-bit one "
            "(declare bit_depth), a wrong float_range, or hardly any light.",
        ),
        Finding(
            "saturated",
            image.saturated,
            max(limits.saturated, saturated),
            severity("saturated"),
            blown,
            "Most values are at the upper end: the image is overexposed, or its float_range or "
            "bit_depth is declared too small.",
        ),
    ]


def channel_swap(
    image: ImageStatistics, expected: CameraExpectation, limits: CameraTolerances
) -> Finding | None:
    """Tell whether the statistics fit better with red and blue exchanged.

    With e the training's red minus blue (of means and of standard deviations) and p the image's,
    the squared distances to the straight and the exchanged statistics differ by -4 e.p; divided by
    4 e.e that is -1 for the training's colors, 0 for gray, and 1 for exchanged ones.
    """
    if not expected.channel_mean:
        return None
    e = np.array([v[0] - v[2] for v in (expected.channel_mean, expected.channel_std)])
    p = np.array([v[0] - v[2] for v in (image.mean, image.std)])
    if float(np.hypot(*e)) < _COLORFUL:
        return None
    score = float(-(e @ p) / (e @ e))
    return _finding(
        "channel_swap",
        score,
        limits.channel_swap,
        limits,
        "The colors fit the training images better with red and blue exchanged: the driver "
        "says rgb8 and sends BGR or the reverse, or generic_color_order is declared wrongly.",
    )


def statistics(
    image: ImageStatistics, expected: CameraExpectation, limits: CameraTolerances
) -> Finding | None:
    """Measure how far the channel means are from training, in its standard deviations."""
    if not expected.channel_mean:
        return None
    spread = np.maximum(expected.channel_std, 0.02)
    distance = np.abs(image.mean - np.array(expected.channel_mean)) / spread
    worst = int(distance.argmax())
    return _finding(
        "statistics",
        float(distance[worst]),
        limits.statistics,
        limits,
        f"The mean of {('red', 'green', 'blue')[worst]} is {image.mean[worst]:.2f}, in training "
        f"{expected.channel_mean[worst]:.2f}: another camera, another exposure or another scene.",
    )


def frozen(unchanged: float, limits: CameraTolerances) -> Finding:
    """Hold the time without a changed pixel against its limit."""
    return _finding(
        "frozen",
        unchanged,
        limits.frozen,
        limits,
        f"No pixel has changed for {unchanged:.1f} s although stamps advance and the robot moves: "
        "the camera or its driver repeats one image.",
    )


def latent(score: float | None, limits: CameraTolerances) -> Finding | None:
    """Hold the caller's latent score against its limit."""
    if score is None:
        return None
    return _finding(
        "latent",
        score,
        limits.latent,
        limits,
        "The model's view of this image lies outside what it saw in training: compare the "
        "camera's pose, the light and the objects in the scene with the training images.",
    )


def _finding(
    name: str, score: float, threshold: float, limits: CameraTolerances, sentence: str
) -> Finding:
    """Make a finding for a check that fails above its threshold; a NaN score fails."""
    found = not score <= threshold
    return Finding(name, score, threshold, limits.severity(name), found, sentence)


def _expected_bright(expected: CameraExpectation) -> float:
    if not expected.channel_mean:
        return 1.0
    pairs = zip(expected.channel_mean, expected.channel_std, strict=True)
    return min(1.0, max(mean + 2 * std for mean, std in pairs))


def _expected_saturated(expected: CameraExpectation) -> float:
    """Share of white that the training's means allow, so that bright scenes raise no alarm."""
    return max(expected.channel_mean, default=0.0)
