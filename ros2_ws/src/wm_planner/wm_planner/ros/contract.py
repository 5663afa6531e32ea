"""The camera contract in the loop: which pictures are checked, when, and what follows."""

from __future__ import annotations

import numpy as np

from wm_planner.config import CameraConfig
from wm_planner.images.checks import Finding
from wm_planner.images.configured import expectation, tolerances
from wm_planner.images.contract import STOP, CameraMonitor
from wm_planner.models import ModelSpec
from wm_planner.worker import Picture, Vector

MOVED = 0.002  # [m] an arm that moved less may well look the same
REPEATS = 2  # as many equal pictures are a frozen one: a simulator's may show the frame before
MOVED_JOINTS = 0.005  # [rad] of all joints together: 2 mm at the end of a lever of 0.4 m


class CameraContract:
    """Compares live and goal pictures with those of training.

    Args:
        spec: What training was like.
        config: What each finding does, and how often to look.
        joints: Whether positions are of the arm's joints.

    Attributes:
        findings: What the last check of a live picture found.
    """

    def __init__(self, spec: ModelSpec, config: CameraConfig, *, joints: bool) -> None:
        self._moved = MOVED_JOINTS if joints else MOVED
        self._monitor = CameraMonitor(expectation(spec.image), tolerances(config))
        self._period = config.period
        self._due = -np.inf
        self._position: Vector | None = None  # where the picture last changed
        self._repeats = 0  # equal pictures in a row while the arm moves
        self.latent_score: float | None = None
        self.findings: tuple[Finding, ...] = ()

    def restart(self) -> None:
        """A new goal: look at its first picture, count frozen time afresh."""
        self._monitor.reset()
        self._due, self._position, self._repeats = -np.inf, None, 0
        self.latent_score, self.findings = None, ()

    def observe(self, picture: Picture, stamp: float, position: Vector) -> bool:
        """Look at every picture of a goal.

        Args:
            picture: The live picture.
            stamp: Its stamp [s].
            position: Measured position of the arm (3,) [m], or of its joints (J,) [rad].

        Returns:
            Whether it can be of now: it changed, or nothing moved, or nobody minds.
        """
        since = self._position
        moving = since is not None and float(np.linalg.norm(position - since)) > self._moved
        self._monitor.observe(picture, stamp, moving)
        if self._monitor.changed:
            self._position = position
        self._repeats = self._repeats + 1 if moving and not self._monitor.changed else 0
        return self._repeats < REPEATS or self._monitor.tolerances.severity("frozen") != STOP

    def stops(self, picture: Picture, steady: float) -> str:
        """Why a goal must end before it is planned from this picture, or an empty string.

        Args:
            picture: The live picture, observed before.
            steady: Steady time [s].
        """
        if steady >= self._due:
            self._due = steady + self._period
            self.findings = self._monitor.check(picture, self.latent_score)
        return _reasons(self.findings)

    def refuses_goal(self, picture: Picture) -> str:
        """Why a goal picture cannot be used, or an empty string."""
        still = CameraMonitor(self._monitor.expectation, self._monitor.tolerances)
        return _reasons(still.check(picture))


def _reasons(findings: tuple[Finding, ...]) -> str:
    stopping = [finding for finding in findings if finding.severity == STOP]
    return " ".join(f"{f.name} ({f.score:.3g}): {f.sentence}" for f in stopping)
