"""The camera contract in the loop: every image that is planned from, and what follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wm_planner.config import CameraConfig
from wm_planner.images.checks import Finding
from wm_planner.images.configured import expectation, tolerances
from wm_planner.images.contract import STOP, CameraExpectation, CameraMonitor
from wm_planner.models import ModelSpec
from wm_planner.types import Observation, RgbImage, Vector

MOVED = 0.002  # [m] an arm that moved less may well look the same
REPEATS = 2  # as many equal images are a frozen one: a simulator's may show the frame before
MOVED_JOINTS = 0.005  # [rad] of all joints together: 2 mm at the end of a lever of 0.4 m
MOVES = 0.05  # part of this that an arm moves from one image to the next, unless it rests


class CameraContract:
    """Compares live and goal images with those of training.

    Args:
        spec: What training was like; of other views than the first it says only the size.
        config: What each finding does.
        joints: Whether positions are of the arm's joints.

    Attributes:
        findings: What the last check of live images found.
    """

    def __init__(self, spec: ModelSpec, config: CameraConfig, *, joints: bool) -> None:
        first, limits = expectation(spec.image), tolerances(config)
        others = CameraExpectation(first.height, first.width)
        moved = MOVED_JOINTS if joints else MOVED
        self._views = [
            _View(name, CameraMonitor(others if i else first, limits), moved)
            for i, name in enumerate(spec.views)
        ]
        self.latent_score: float | None = None
        self.findings: tuple[Finding, ...] = ()

    def restart(self) -> None:
        """A new goal: count frozen time afresh."""
        for view in self._views:
            view.restart()
        self.latent_score, self.findings = None, ()

    def observe(self, observation: Observation, position: Vector) -> bool:
        """Look at all images of a goal.

        Args:
            observation: The live images.
            position: Measured position of the arm (3,) [m], or of its joints (J,) [rad].

        Returns:
            Whether they can be of now: they changed, or nothing moved, or nobody minds.
        """
        images = observation.images
        pairs = zip(self._views, images, strict=True)
        return all([view.observe(image, observation.stamp, position) for view, image in pairs])

    def violation(self, observation: Observation) -> str:
        """Why a goal must end before it is planned from these images, or an empty string."""
        first, *others = self._views
        found = [*first.monitor.check(observation.images[0], self.latent_score)]
        for view, image in zip(others, observation.images[1:], strict=True):
            found += [
                replace(finding, sentence=f"{view.name}: {finding.sentence}")
                for finding in view.monitor.check(image)
            ]
        self.findings = tuple(found)
        return _reasons(self.findings)

    def goal_violation(self, observation: Observation) -> str:
        """Why a goal's images cannot be used, or an empty string."""
        pairs = zip(self._views, observation.images, strict=True)
        return " ".join(filter(None, (_reasons(view.check_still(p)) for view, p in pairs)))


class _View:
    """What is known of one camera during a goal."""

    def __init__(self, name: str, monitor: CameraMonitor, moved: float) -> None:
        self.name, self.monitor, self._moved = name, monitor, moved
        self.restart()

    def restart(self) -> None:
        self.monitor.reset()
        self._changed: Vector | None = None  # where the arm was when the image changed,
        self._last: Vector | None = None  # and at the last image
        self._repeats = 0  # equal images of a moving arm

    def observe(self, image: RgbImage, stamp: float, position: Vector) -> bool:
        """Whether the image can be of now."""
        # An arm that has come to rest proves nothing: its measured pose may be later than its
        # image. Once the image is frozen it stays so, as the arm then waits.
        moves = self._frozen or (
            _apart(position, self._changed) > self._moved
            and _apart(position, self._last) > MOVES * self._moved
        )
        self.monitor.observe(image, stamp, moves)
        self._last = position
        if self.monitor.changed:
            self._changed, self._repeats = position, 0
        elif moves:
            self._repeats += 1
        return not self._frozen or self.monitor.tolerances.severity("frozen") != STOP

    @property
    def _frozen(self) -> bool:
        return self._repeats >= REPEATS

    def check_still(self, image: RgbImage) -> tuple[Finding, ...]:
        """What is wrong with an image that is not of the stream."""
        return CameraMonitor(self.monitor.expectation, self.monitor.tolerances).check(image)


def _apart(position: Vector, other: Vector | None) -> float:
    return 0.0 if other is None else float(np.linalg.norm(position - other))


def _reasons(findings: tuple[Finding, ...]) -> str:
    stopping = [finding for finding in findings if finding.severity == STOP]
    return " ".join(f"{f.name} ({f.score:.3g}): {f.sentence}" for f in stopping)
