"""Read ``wm_planner_msgs/Goal`` messages, and check them against the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wm_planner.control import ErrorCode, Refused
from wm_planner.goal_library import GoalLibrary
from wm_planner.images import ImagePolicy
from wm_planner.message_limits import MAX_LIST, MAX_NAME, MAX_TEXT, MAX_VIEWS
from wm_planner.models import ModelSpec
from wm_planner.ros.goal_masks import read_masks
from wm_planner.ros.goal_sources import SOURCES, Found, SourceContext, is_given
from wm_planner.types import Goal, Observation, RgbImage, Vector

ASPECT_TOLERANCE = 0.02  # relative
LENGTHS = {
    "name": MAX_NAME,
    "file": MAX_TEXT,
    "proprio": MAX_LIST,
    "images": MAX_VIEWS,
    "compressed_images": MAX_VIEWS,
    "masks": MAX_VIEWS,
}
"""Largest length of each field of a ``Goal``."""


class GoalReader:
    """Reads goals and observations from messages.

    Args:
        spec: Views, image size and proprio of the model.
        policy: How images are decoded.
        library: The stored goals.
        latest: Returns the newest observation, or None if it is old.
        grid: Rows and columns of the model's image tokens; None: it cannot use masks.

    Attributes:
        spec: As above.
    """

    def __init__(
        self,
        spec: ModelSpec,
        policy: ImagePolicy,
        library: GoalLibrary,
        latest: Callable[[], Observation | None],
        *,
        grid: tuple[int, int] | None = None,
    ) -> None:
        self.spec, self._grid = spec, grid
        self._context = SourceContext(policy, library, latest)

    @property
    def library(self) -> GoalLibrary:
        """The stored goals."""
        return self._context.library

    def goal(self, what: str, message: Any, like: tuple[int, int] | None = None) -> Goal:
        """Return the goal of a ``Goal`` message.

        Args:
            what: Name of the goal in errors, e.g. ``sub-goal 2``.
            message: The message.
            like: (height, width) of the camera's images; the goal must have their aspect ratio.

        Raises:
            Refused: The images are not given in exactly one way, or they, the proprio, the
                tolerance or the masks cannot be used.
        """
        _check_lengths(what, message)
        if not 0 <= message.tolerance <= 1:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the {what}'s tolerance is {message.tolerance}: it must lie in [0, 1]",
            )
        if len(message.masks) and self._grid is None:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the {what} has masks, but model {self.spec.name} compares whole images, without "
                "tokens of their parts: leave masks empty",
            )
        found = self._found(what, message, like)
        weights = proprio = None
        if len(message.masks) and self._grid:
            weights = read_masks(what, message.masks, found.images, self.spec, self._grid)
        if len(message.proprio) or weights is None:  # with masks it does not count
            proprio = self._proprio(what, message.proprio, found.proprio)
        return Goal(Observation(found.images, proprio), message.tolerance, weights)

    def observation(self, what: str, message: Any) -> Observation:
        """Return the observation of a ``Goal`` message, which must have no tolerance or masks.

        Raises:
            Refused: The images are not given in exactly one way, or cannot be used.
        """
        _check_lengths(what, message)
        if message.tolerance or len(message.masks):
            raise Refused(
                ErrorCode.INVALID_GOAL, f"the {what} has a tolerance or masks: only goals may"
            )
        found = self._found(what, message, None)
        return Observation(found.images, self._proprio(what, message.proprio, found.proprio))

    def _found(self, what: str, message: Any, like: tuple[int, int] | None) -> Found:
        """Return the images of a message, one for each view, and the proprio stored with them."""
        given = [field for field in SOURCES if is_given(getattr(message, field))]
        if len(given) != 1:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the {what} must be given in one way, as {', '.join(SOURCES)}: "
                + (f"{' and '.join(given)} are given" if given else "none of them is given"),
            )
        field = given[0]
        found = SOURCES[field](what, getattr(message, field), self._context)
        views = self.spec.views
        if len(found.images) != len(views):
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the model needs one image for each view ({', '.join(views)}), but the {what} has "
                f"{len(found.images)}: give them as images, compressed_images or current",
            )
        self._check_size(what, found.images[0])
        if like:
            _check_aspect(what, found.images[0], like)
        return found

    def _check_size(self, what: str, image: RgbImage) -> None:
        height, width = image.shape[:2]
        if min(height, width) < self.spec.image.size:
            raise Refused(
                ErrorCode.IMAGE_FORMAT,
                f"the {what} image is {width}x{height}: the model needs at least "
                f"{self.spec.image.size} pixels on the short side",
            )

    def _proprio(
        self, what: str, given: Sequence[float], stored: Vector | Mapping[str, float] | None
    ) -> Vector | None:
        """Return the given proprio (P,), else the stored one; None if the model takes none."""
        names = self.spec.proprio.names
        values = np.asarray(given, dtype=np.float64)
        if values.size == 0 and not names:
            return None
        if values.size == 0 and stored is not None:
            if isinstance(stored, Mapping):
                # If a name is missing, the result is too short, and rejected below.
                stored = np.array([stored[key] for key in names if key in stored])
            values = stored
        if values.size != len(names):
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the {what}'s proprio has {values.size} numbers, but the model takes {len(names)}"
                + (f": {', '.join(names)}" if names else ": leave it empty"),
            )
        if not np.isfinite(values).all():
            raise Refused(ErrorCode.INVALID_GOAL, f"the {what}'s proprio is not finite")
        return values


def _check_lengths(what: str, message: Any) -> None:
    """Check the lengths of a ``Goal`` before anything copies or repeats its fields.

    Raises:
        Refused: A field is too long.
    """
    for field, most in LENGTHS.items():
        if len(getattr(message, field)) > most:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the {what}'s {field} has {len(getattr(message, field))} characters or entries: "
                f"at most {most} are allowed",
            )


def _check_aspect(what: str, image: RgbImage, like: tuple[int, int]) -> None:
    height, width = image.shape[:2]
    if abs(width / height * like[0] / like[1] - 1) > ASPECT_TOLERANCE:
        raise Refused(
            ErrorCode.IMAGE_FORMAT,
            f"the {what} image is {width}x{height}, but the camera's images are "
            f"{like[1]}x{like[0]}: give one of the same aspect ratio, from the same camera",
        )
