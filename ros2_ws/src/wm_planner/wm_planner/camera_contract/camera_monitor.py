"""The checks of one camera's images."""

from __future__ import annotations

import numpy as np

from wm_planner.camera_contract.check import CheckInput
from wm_planner.camera_contract.expectation import CameraExpectation
from wm_planner.camera_contract.finding import OFF, STOP, WARN, Finding
from wm_planner.camera_contract.pixel_statistics import pixel_statistics
from wm_planner.camera_contract.registry import CHECKS
from wm_planner.config import CameraConfig
from wm_planner.types import RgbImage


class CameraMonitor:
    """Compares the images of one camera with what the model expects.

    Call ``observe`` for every image; it only detects changes. Call ``measure`` or ``check`` for
    the images that matter.

    Args:
        expectation: What the training images were like.
        severities: What each finding does; by default as in ``CameraConfig``.

    Attributes:
        changed: Whether the last image observed differed from the one before.
    """

    def __init__(
        self, expectation: CameraExpectation, severities: CameraConfig | None = None
    ) -> None:
        self.expectation = expectation
        self.severities = severities or CameraConfig()
        self.changed = False
        self._last: RgbImage | None = None
        self._stamp = 0.0
        self._unchanged = 0.0

    def reset(self) -> None:
        """Forget the last image: after a pause, a change of the camera, or a jump of the clock."""
        self._last = None
        self._unchanged = 0.0

    def observe(self, image: RgbImage, stamp: float, moving: bool = True) -> None:
        """Detect whether the image differs from the last one.

        Args:
            image: (height, width, 3) uint8.
            stamp: Stamp of the image [s].
            moving: Whether the robot has moved since the image last changed. Time at rest does not
                count, because a simulator renders a still scene to identical bytes.
        """
        advance = stamp - self._stamp
        self._stamp = stamp
        self.changed = self._last is None or advance < 0 or not np.array_equal(self._last, image)
        if self.changed:
            self._last = image.copy()
            self._unchanged = 0.0
        elif moving:
            self._unchanged += advance

    def measure(self, image: RgbImage, latent_score: float | None = None) -> tuple[Finding, ...]:
        """Run all checks.

        Args:
            image: (height, width, 3) uint8 RGB, as the camera sent it.
            latent_score: Distance of the image's latent from the training's, in units of what is
                still normal; None if unknown.

        Returns:
            One finding per check, passed or failed, in the order of ``CHECKS``, without checks
            that are off or cannot judge the image.
        """
        part = self.expectation.seen(image)
        seen = CheckInput(
            height=image.shape[0],
            width=image.shape[1],
            short_side=min(part.shape[:2]),
            pixels=pixel_statistics(part),
            expected=self.expectation,
            unchanged=self._unchanged,
            latent_score=latent_score,
        )
        measured = {name: check.measure(seen) for name, check in CHECKS.items()}
        failed = {name for name, result in measured.items() if result and result.failed}
        findings = []
        for name, result in measured.items():
            severity: str = getattr(self.severities, name)
            if result is None or severity == OFF:
                continue
            if severity == STOP and not result.certain:
                severity = WARN
            found = result.failed and failed.isdisjoint(CHECKS[name].explained_by)
            findings.append(
                Finding(name, result.score, result.limit, severity, found, result.sentence)
            )
        return tuple(findings)

    def check(self, image: RgbImage, latent_score: float | None = None) -> tuple[Finding, ...]:
        """Return the findings of ``measure`` that failed."""
        return tuple(finding for finding in self.measure(image, latent_score) if finding.found)
