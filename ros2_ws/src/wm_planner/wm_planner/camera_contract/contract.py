"""The camera contract of live and goal images: may the node plan from them?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wm_planner.camera_contract.camera_monitor import CameraMonitor
from wm_planner.camera_contract.expectation import CameraExpectation, TrainingImages
from wm_planner.camera_contract.finding import STOP, Finding
from wm_planner.config import CameraConfig
from wm_planner.types import Observation, RgbImage, Vector

MOVED = 0.002
"""Distance [m] that the arm must move before an unchanged image counts as frozen."""

MOVED_JOINTS = 0.005
"""The same for joints [rad, norm of all joints]: 2 mm at the end of a 0.4 m link."""

MOVING = 0.05
"""Fraction of MOVED that an arm moves at least between two images while it is not at rest."""

GLANCES = 1.0
"""Time between two checks while there is no goal [s]."""

REPEATS = 2
"""Unchanged images of a moving arm that count as frozen; a simulator may repeat one image."""


class CameraContract:
    """Compares live and goal images of all views with the training images.

    Args:
        views: Names of the model's views.
        image: What the spec says about the training images. Only the size holds for other views
            than the first, because the spec has one set of statistics.
        severities: What each finding does.
        joints: Whether positions are those of the arm's joints.

    Attributes:
        latent_score: Score of the last planned image, as the worker reported it; None if unknown.
        findings: What the last call of ``violation`` found.
    """

    def __init__(
        self,
        views: Sequence[str],
        image: TrainingImages,
        severities: CameraConfig,
        *,
        joints: bool,
    ) -> None:
        first = CameraExpectation.from_spec(image)
        others = CameraExpectation(first.size, color_difference=0.0)  # any image may be gray
        moved = MOVED_JOINTS if joints else MOVED
        self._views = [
            _View(name, CameraMonitor(others if i else first, severities), moved)
            for i, name in enumerate(views)
        ]
        self.latent_score: float | None = None
        self.findings: tuple[Finding, ...] = ()
        self._glanced = -math.inf

    def restart(self) -> None:
        """Forget the images of the last goal."""
        for view in self._views:
            view.restart()
        self.latent_score, self.findings = None, ()

    def observe(self, observation: Observation, position: Vector) -> bool:
        """Detect frozen images; call it for every live observation of a goal.

        Args:
            observation: The live images.
            position: Measured position of the arm (3,) [m], or of its joints (J,) [rad].

        Returns:
            False if an image is frozen and the severity of ``frozen`` is ``stop``: the node must
            not plan from these images then.
        """
        pairs = zip(self._views, observation.images, strict=True)
        return all([view.observe(image, observation.stamp, position) for view, image in pairs])

    def violation(self, observation: Observation) -> str:
        """Return why the goal must end instead of being planned from these images, or ``""``."""
        first, *others = self._views
        found = [*first.monitor.check(observation.images[0], self.latent_score)]
        for view, image in zip(others, observation.images[1:], strict=True):
            found += [
                replace(finding, sentence=f"{view.name}: {finding.sentence}")
                for finding in view.monitor.check(image)
            ]
        self.findings = tuple(found)
        return _reasons(self.findings)

    def glance(self, observation: Observation, steady: float) -> None:
        """Check live images while there is no goal, at most every ``GLANCES`` seconds.

        Args:
            observation: The live images.
            steady: Steady time [s].
        """
        if steady - self._glanced >= GLANCES:
            self._glanced = steady
            self.restart()
            self.violation(observation)

    def goal_violation(self, observation: Observation) -> str:
        """Return why the images of a goal cannot be used, or ``""``."""
        pairs = zip(self._views, observation.images, strict=True)
        return " ".join(filter(None, (_reasons(view.check_goal(p)) for view, p in pairs)))


class _View:
    """The state of one view during a goal."""

    def __init__(self, name: str, monitor: CameraMonitor, moved: float) -> None:
        self.name, self.monitor, self._moved = name, monitor, moved
        self.restart()

    def restart(self) -> None:
        self.monitor.reset()
        self._position_at_change: Vector | None = None
        self._last_position: Vector | None = None
        self._repeats = 0

    def observe(self, image: RgbImage, stamp: float, position: Vector) -> bool:
        """Return whether the node may plan from the image."""
        # An arm at rest does not prove an image frozen: its measured pose may be newer than its
        # image. A frozen image stays frozen until it changes, although the arm then waits.
        moving = self._frozen or (
            _distance(position, self._position_at_change) > self._moved
            and _distance(position, self._last_position) > MOVING * self._moved
        )
        self.monitor.observe(image, stamp, moving)
        self._last_position = position
        if self.monitor.changed:
            self._position_at_change, self._repeats = position, 0
        elif moving:
            self._repeats += 1
        return not self._frozen or self.monitor.severities.frozen != STOP

    @property
    def _frozen(self) -> bool:
        return self._repeats >= REPEATS

    def check_goal(self, image: RgbImage) -> tuple[Finding, ...]:
        """Check a goal image, which is not part of the stream."""
        return CameraMonitor(self.monitor.expectation, self.monitor.severities).check(image)


def _distance(position: Vector, other: Vector | None) -> float:
    return 0.0 if other is None else float(np.linalg.norm(position - other))


def _reasons(findings: tuple[Finding, ...]) -> str:
    stopping = [finding for finding in findings if finding.severity == STOP]
    return " ".join(f"{f.name} ({f.score:.3g}): {f.sentence}" for f in stopping)
