"""What a check is: its input, its function and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wm_planner.camera_contract.expectation import CameraExpectation
from wm_planner.camera_contract.pixel_statistics import PixelStatistics


@dataclass(frozen=True)
class CheckInput:
    """What a check can use.

    Attributes:
        height: Rows of the image [pixels].
        width: Columns of the image [pixels].
        short_side: Short side of the part that the model sees [pixels].
        pixels: Statistics of the part of the image that the model sees.
        expected: What the training images were like.
        unchanged: Time without a changed pixel while the robot moved [s].
        latent_score: Distance of the image's latent from the training's, in units of what is still
            normal; None if unknown.
    """

    height: int
    width: int
    short_side: int
    pixels: PixelStatistics
    expected: CameraExpectation
    unchanged: float = 0.0
    latent_score: float | None = None


@dataclass(frozen=True)
class Measurement:
    """What a check measured.

    Attributes:
        score: The measured number.
        limit: The number that the score is compared with.
        failed: Whether the image fails the check.
        sentence: What is wrong if it failed, and what to do.
        certain: Whether a failure is one beyond doubt; if not, it is at most a warning.
    """

    score: float
    limit: float
    failed: bool
    sentence: str
    certain: bool = True

    @classmethod
    def at_most(cls, score: float, limit: float, sentence: str) -> Measurement:
        """Return a measurement that fails if the score exceeds the limit or is NaN."""
        return cls(score, limit, not score <= limit, sentence)

    @classmethod
    def at_least(cls, score: float, limit: float, sentence: str) -> Measurement:
        """Return a measurement that fails if the score is below the limit or NaN."""
        return cls(score, limit, not score >= limit, sentence)


@dataclass(frozen=True)
class Check:
    """A check of the camera contract.

    Attributes:
        measure: Returns None if the image cannot be judged.
        explained_by: Names of checks whose failure causes this check to fail, too; this check is
            then not reported, so that one cause gives one finding.
    """

    measure: Callable[[CheckInput], Measurement | None]
    explained_by: tuple[str, ...] = ()
