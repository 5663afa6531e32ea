"""Scenes from requests: an image, a file, a stored goal, or what the camera sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wm_planner.control import ErrorCode, Refused
from wm_planner.goal_library import GoalLibrary, read_image
from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.models import ModelSpec
from wm_planner.types import Observation, RgbImage, Vector

ASPECT_TOLERANCE = 0.02


class ObservationReader:
    """Reads observations from requests.

    Args:
        spec: The model's image size and proprio.
        policy: How images are decoded.
        library: The stored goals.
        seen: What the camera sees now.
    """

    def __init__(
        self,
        spec: ModelSpec,
        policy: ImagePolicy,
        library: GoalLibrary,
        seen: Callable[[], Observation | None],
    ) -> None:
        self._spec, self._policy = spec, policy
        self.library = library
        self._seen = seen

    def read(
        self,
        what: str,
        *,
        image: Any = None,
        compressed: Any = None,
        name: str = "",
        file: str = "",
        current: bool = False,
        proprio: Sequence[float] = (),
        like: tuple[int, int] | None = None,
    ) -> Observation:
        """An observation from the fields of a request.

        Args:
            what: What it is called in errors, e.g. ``goal``.
            image: sensor_msgs/Image, given if it has data.
            compressed: sensor_msgs/CompressedImage, given if it has data.
            name: Name of a stored goal, given if not empty.
            file: Path of an image, given if not empty.
            current: What the camera sees now.
            proprio: State in the spec's order and units; empty: that of the stored goal or of the
                current image, if there is one.
            like: (height, width) of the camera's images, whose aspect ratio it must have.

        Raises:
            Refused: None or several were given, or the one given cannot be used.
        """
        given = {
            "image": bool(image and len(image.data)),
            "compressed_image": bool(compressed and len(compressed.data)),
            "goal_name": bool(name),
            "goal_file": bool(file),
            "current_image": current,
        }
        if sum(given.values()) != 1:
            found = " and ".join(key for key, value in given.items() if value)
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the {what} must be given once, as {', '.join(given)}; "
                + (f"{found} are given" if found else "none of them is"),
            )
        stored: dict[str, float] | Vector | None = None
        if current:
            observation = self.seen()
            rgb, stored = observation.images[0], observation.proprio
        elif name:
            rgb, stored = self.library.load(name)
        elif file:
            rgb = read_image(file)
        else:
            rgb = self._decode(what, image if given["image"] else compressed)
        self._check_size(what, rgb, like)
        views = observation.images[1:] if current else ()
        if len(views) + 1 != len(self._spec.views):
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the model sees {', '.join(self._spec.views)}, the {what} is one image: give it "
                "as current_image, which holds all views",
            )
        return Observation((rgb, *views), self._proprio(what, proprio, stored))

    def goal(self, what: str, message: Any, like: tuple[int, int] | None) -> Observation:
        """The observation of a ``ReachGoal`` goal or a ``GoalImage``; see ``read``."""
        return self.read(
            what,
            image=message.image,
            compressed=message.compressed_image,
            name=message.goal_name,
            file=message.goal_file,
            current=message.current_image,
            proprio=message.proprio,
            like=like,
        )

    def seen(self) -> Observation:
        """What the camera sees now.

        Raises:
            Refused: There is no good image that is fresh.
        """
        observation = self._seen()
        if observation is None:
            raise Refused(
                ErrorCode.NO_IMAGE,
                "there is no fresh image of the camera: see the warnings of ~/status",
            )
        return observation

    def _decode(self, what: str, message: Any) -> RgbImage:
        try:
            return decode(message, self._policy, topic=what)
        except ImageFormatError as error:
            raise Refused(ErrorCode.IMAGE_FORMAT, str(error)) from error

    def _check_size(self, what: str, rgb: RgbImage, like: tuple[int, int] | None) -> None:
        height, width = rgb.shape[:2]
        if min(height, width) < self._spec.image.size:
            raise Refused(
                ErrorCode.IMAGE_FORMAT,
                f"the {what} image is {width}x{height}; the model needs at least "
                f"{self._spec.image.size} pixels on its short side",
            )
        if like is None:
            return
        expected = like[1] / like[0]
        if abs(width / height / expected - 1) > ASPECT_TOLERANCE:
            raise Refused(
                ErrorCode.IMAGE_FORMAT,
                f"the {what} image is {width}x{height}, the camera's images are "
                f"{like[1]}x{like[0]}: give one of the same aspect ratio, from the same camera",
            )

    def _proprio(
        self, what: str, given: Sequence[float], stored: dict[str, float] | Vector | None
    ) -> Vector | None:
        """The state given, else the stored one, (P,) in the spec's order; None without names."""
        names = self._spec.proprio.names
        values = np.asarray(given, dtype=np.float64)
        if values.size == 0 and not names:
            return None
        if values.size == 0 and stored is not None:
            if isinstance(stored, dict):
                # A name that is not stored makes it too short, which is said below.
                stored = np.array([stored[key] for key in names if key in stored])
            values = stored
        if values.size != len(names):
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"the {what}'s proprio has {values.size} numbers, the model takes {len(names)}"
                + (f": {', '.join(names)}" if names else ", it sees images only"),
            )
        if not np.isfinite(values).all():
            raise Refused(ErrorCode.INVALID_GOAL, f"the {what}'s proprio is not finite")
        return values
