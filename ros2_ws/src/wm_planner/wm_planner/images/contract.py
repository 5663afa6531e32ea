"""The camera contract: does the live image look like those the model was trained on?

A wrong image is the quietest way to ruin a plan: the model computes as calmly on it as on a right
one. Every check gives a number, the threshold it is held against, and a sentence.

Only numpy: no ROS and no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from wm_planner.images import checks
from wm_planner.images.checks import Finding
from wm_planner.images.statistics import measure

STOP, WARN, OFF = "stop", "warn", "off"

SEVERITIES: Mapping[str, str] = MappingProxyType(
    {
        "aspect_ratio": WARN,
        "resolution": WARN,
        "black": STOP,
        "constant": STOP,
        "float_feed": STOP,
        "near_zero": STOP,
        "saturated": STOP,
        "channel_swap": STOP,
        "statistics": WARN,
        "frozen": STOP,
        "latent": WARN,
    }
)
"""Every check by name, with what its finding does unless told otherwise."""


@dataclass(frozen=True)
class CameraExpectation:
    """What the model's training images were like.

    Attributes:
        height: Rows of the training images [pixels].
        width: Columns of the training images [pixels].
        channel_mean: (R, G, B) mean in [0, 1]; empty where it is not known.
        channel_std: (R, G, B) standard deviation in [0, 1]; empty where it is not known.
        camera_aspect: Width over height of the camera behind the training images, 0 where it is
            not known: square images have been cropped, DINO-WM's transform crops every camera's.
    """

    height: int
    width: int
    channel_mean: tuple[float, ...] = ()
    channel_std: tuple[float, ...] = ()
    camera_aspect: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sizes and statistics that no image can have.

        Raises:
            ValueError: A size below one pixel, or statistics that are not three values in [0, 1].
        """
        if self.height < 1 or self.width < 1:
            raise ValueError(f"training images of {self.width}x{self.height} pixels")
        for name in ("channel_mean", "channel_std"):
            values = tuple(float(v) for v in getattr(self, name))
            if values and (len(values) != 3 or not all(0.0 <= v <= 1.0 for v in values)):
                raise ValueError(f"{name} must be three values in [0, 1]; it is {values}")
            object.__setattr__(self, name, values)
        if not 0.0 <= self.camera_aspect < 100.0:
            raise ValueError(f"camera_aspect is width over height, not {self.camera_aspect}")
        if self.camera_aspect == 0.0 and self.width != self.height:
            object.__setattr__(self, "camera_aspect", self.width / self.height)
        if bool(self.channel_mean) != bool(self.channel_std):
            raise ValueError("channel_mean and channel_std must be given together or not at all")


@dataclass(frozen=True)
class CameraTolerances:
    """Thresholds of the checks, and what their findings do.

    Attributes:
        aspect_ratio: Largest relative difference of the aspect ratios. Where the training camera's
            is not known, everything from square to 16:9 passes.
        black: Images with no value above this, in [0, 1], are black.
        constant: Images whose channels all vary less than this, in [0, 1], show nothing.
        near_zero: Images whose 99.5 % darkest values stay below this, in [0, 1], lost their upper
            bits; a 12-bit image taken for a 16-bit one stays below 1/16. For dark training
            images a quarter of their brightest values is used where that is less.
        saturated: Largest fraction of values at the upper end, beyond what training explains.
        channel_swap: -1 is the training's colors, 1 the same with red and blue exchanged.
        statistics: Largest distance of a channel's mean from training [training std].
        frozen: Longest time without a changed pixel while the robot moves [s of stamps].
        latent: Largest latent score; what it counts in is the caller's matter.
        severities: Overrides of ``SEVERITIES``: check name to ``stop``, ``warn`` or ``off``.
    """

    aspect_ratio: float = 0.05
    black: float = 8 / 255
    constant: float = 2 / 255
    near_zero: float = 0.0625
    saturated: float = 0.6
    channel_swap: float = 0.25
    statistics: float = 1.0
    frozen: float = 1.0
    latent: float = 1.0
    severities: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse thresholds and severities that mean nothing.

        Raises:
            ValueError: A threshold is not a finite positive number, or a name is unknown.
        """
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name != "severities" and not (np.isfinite(value) and value > 0):
                raise ValueError(f"{entry.name} must be a positive number; it is {value}")
        for name, severity in self.severities.items():
            if name not in SEVERITIES:
                raise ValueError(f"there is no camera check {name!r}; see {', '.join(SEVERITIES)}")
            if severity not in (STOP, WARN, OFF):
                raise ValueError(f"severity of {name} must be stop, warn or off, not {severity!r}")

    def severity(self, name: str) -> str:
        """Tell what a finding of this name does: ``stop``, ``warn`` or ``off``."""
        return self.severities.get(name, SEVERITIES[name])


class CameraMonitor:
    """Compares live images of one camera with what its model expects.

    Call ``observe`` for every image (it only looks for a change), and ``measure`` or ``check``
    when a goal starts and at intervals.

    Attributes:
        changed: Whether the last image observed differed from the one before.
    """

    def __init__(
        self, expectation: CameraExpectation, tolerances: CameraTolerances | None = None
    ) -> None:
        """Start with no image seen."""
        self.expectation = expectation
        self.tolerances = tolerances or CameraTolerances()
        self.changed = False
        self._last: NDArray[np.uint8] | None = None
        self._stamp = 0.0
        self._unchanged = 0.0

    def reset(self) -> None:
        """Forget the last image: after a pause, a new camera, or a jump of the clock."""
        self._last = None
        self._unchanged = 0.0

    def observe(self, image: NDArray[np.uint8], stamp: float, moving: bool = True) -> None:
        """Look whether the image changed since the last one.

        Args:
            image: (height, width, 3) uint8.
            stamp: The message's stamp [s]. A stamp that does not advance counts for nothing.
            moving: Whether the robot moved since the image last changed. A simulator renders
                the same bytes while nothing moves, so time at rest does not count.
        """
        advance = stamp - self._stamp
        self._stamp = stamp
        self.changed = self._last is None or advance < 0 or not np.array_equal(self._last, image)
        if self.changed:
            self._last = image.copy()
            self._unchanged = 0.0
        elif moving:
            self._unchanged += advance

    def measure(
        self, image: NDArray[np.uint8], latent_score: float | None = None
    ) -> tuple[Finding, ...]:
        """Run every check that applies.

        Args:
            image: (height, width, 3) uint8 RGB, as the camera gave it.
            latent_score: How far the image's latent is from the training's, in units of what is
                still normal; None where nobody measures it.

        Returns:
            One entry a check, found or not, in the order of ``SEVERITIES``; those that are off or
            cannot be judged are left out.
        """
        expected, limits = self.expectation, self.tolerances
        measured = measure(image, expected.width / expected.height)
        results = [
            checks.aspect_ratio(image.shape, expected, limits),
            checks.resolution(image.shape, expected, limits),
            *checks.exposure(measured, expected, limits),
            checks.channel_swap(measured, expected, limits),
            checks.statistics(measured, expected, limits),
            checks.frozen(self._unchanged, limits),
            checks.latent(latent_score, limits),
        ]
        return tuple(r for r in results if r is not None and r.severity != OFF)

    def check(
        self, image: NDArray[np.uint8], latent_score: float | None = None
    ) -> tuple[Finding, ...]:
        """Return only what ``measure`` found wrong."""
        return tuple(finding for finding in self.measure(image, latent_score) if finding.found)


def table(findings: tuple[Finding, ...]) -> str:
    """Write measurements as a table for a terminal, one check a line."""
    lines = [f"{'check':<14}{'score':>9}{'limit':>9}  result"]
    for finding in findings:
        result = f"{finding.severity.upper()}: {finding.sentence}" if finding.found else "ok"
        lines.append(f"{finding.name:<14}{finding.score:>9.3f}{finding.threshold:>9.3f}  {result}")
    return "\n".join(lines)
