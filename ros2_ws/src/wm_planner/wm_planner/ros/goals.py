"""Goals from messages: the picture, a compressed picture, or the name of a stored one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wm_planner.control import Code
from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.models import ModelSpec
from wm_planner.worker import Picture, Scene

ASPECT_TOLERANCE = 0.02


class GoalError(ValueError):
    """A goal or picture in a request cannot be used.

    Attributes:
        code: ``INVALID_GOAL``, ``IMAGE_FORMAT`` or ``CAMERA_CONTRACT``.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class SceneReader:
    """Reads scenes from requests.

    Args:
        spec: The model's picture size and proprio.
        policy: How pictures are decoded.
        directory: Where stored goals lie; empty: there are none.
    """

    def __init__(self, spec: ModelSpec, policy: ImagePolicy, directory: str) -> None:
        self._spec = spec
        self._policy = policy
        self._directory = Path(directory).expanduser() if directory else None

    def read(
        self,
        what: str,
        *,
        image: Any,
        compressed: Any,
        name: str = "",
        proprio: Any = (),
        like: tuple[int, int] | None = None,
    ) -> Scene:
        """A scene from the fields of a request.

        Args:
            what: What it is called in errors, e.g. ``goal``.
            image: sensor_msgs/Image, given if it has data.
            compressed: sensor_msgs/CompressedImage, given if it has data.
            name: Name of a stored goal, given if not empty.
            proprio: State in the spec's order and units; empty: not given.
            like: (height, width) of the camera's pictures, whose aspect ratio it must have.

        Raises:
            GoalError: None or several were given, or the one given cannot be used.
        """
        given = {
            "image": len(image.data) > 0,
            "compressed_image": len(compressed.data) > 0,
            "goal_name": bool(name),
        }
        if sum(given.values()) != 1:
            found = " and ".join(key for key, value in given.items() if value) or "none of them"
            raise GoalError(
                Code.INVALID_GOAL,
                f"the {what} must be given once, as {', '.join(given)}; {found} has data",
            )
        if name:
            picture = self._stored(name)
        else:
            try:
                message = image if given["image"] else compressed
                picture = decode(message, self._policy, topic=what)
            except ImageFormatError as error:
                raise GoalError(Code.IMAGE_FORMAT, str(error)) from error
        self._check_size(what, picture, like)
        return Scene(picture, self._proprio(what, proprio))

    def _check_size(self, what: str, picture: Picture, like: tuple[int, int] | None) -> None:
        height, width = picture.shape[:2]
        if min(height, width) < self._spec.image.size:
            raise GoalError(
                Code.IMAGE_FORMAT,
                f"the {what} picture is {width}x{height}; the model needs at least "
                f"{self._spec.image.size} pixels on its short side",
            )
        if like is None:
            return
        expected = like[1] / like[0]
        if abs(width / height / expected - 1) > ASPECT_TOLERANCE:
            raise GoalError(
                Code.IMAGE_FORMAT,
                f"the {what} picture is {width}x{height}, the camera's pictures are "
                f"{like[1]}x{like[0]}: give one of the same aspect ratio, from the same camera",
            )

    def _proprio(self, what: str, proprio: Any) -> np.ndarray | None:
        values = np.asarray(proprio, dtype=np.float64)
        names = self._spec.proprio.names
        if values.size == 0 and not names:
            return None
        if values.size != len(names):
            raise GoalError(
                Code.INVALID_GOAL,
                f"the {what}'s proprio has {values.size} numbers, the model takes {len(names)}"
                + (f": {', '.join(names)}" if names else ", it sees pictures only"),
            )
        if not np.isfinite(values).all():
            raise GoalError(Code.INVALID_GOAL, f"the {what}'s proprio is not finite")
        return values

    def _stored(self, name: str) -> Picture:
        if self._directory is None:
            raise GoalError(
                Code.INVALID_GOAL,
                f"there are no stored goals to look up '{name}' in: set goals.directory",
            )
        # Compared with what is there, so that no name can lead out of the directory.
        stored = {
            path.stem: path
            for path in sorted(self._directory.glob("*"))
            if path.suffix.lower() in (".png", ".jpg", ".jpeg")
        }
        if name not in stored:
            raise GoalError(
                Code.INVALID_GOAL,
                f"no stored goal '{name}' in {self._directory}; there are: "
                f"{', '.join(stored) or 'none'}",
            )
        picture = cv2.imread(str(stored[name]), cv2.IMREAD_COLOR)
        if picture is None:
            raise GoalError(Code.IMAGE_FORMAT, f"{stored[name]} is not a readable picture")
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8)
