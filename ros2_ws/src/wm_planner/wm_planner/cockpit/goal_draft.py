"""A goal that a user prepares in the page: an image with a painted mask, or a stored goal."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from wm_planner_msgs.msg import Goal

from wm_planner.cockpit.feed import encode_jpeg
from wm_planner.images import ImageFormatError, decode
from wm_planner.images.opencv import cv2
from wm_planner.ros.image_message import image_message
from wm_planner.types import RgbImage

SPACING = 0.1  # of the points of a stroke, in widths of the brush
MAX_PIXELS = 2**21  # of a goal's image, more than any model sees
MAX_UPLOAD = 8 * 2**20  # [bytes]
MAX_POINTS = 2_000  # of all strokes of a mask
MAX_BRUSH = 32_767  # [pixels] widest line that OpenCV draws


@dataclass
class Stroke:
    """A stroke of the brush.

    Attributes:
        points: Where it went, (x, y) in pixels of the image.
        width: Of the brush [pixels].
    """

    width: int
    points: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class GoalDraft:
    """A goal that is prepared.

    Attributes:
        label: What it is, for the page.
        image: uint8 RGB (H, W, 3); None: it is not given by an image.
        name: Name of a stored goal; empty: it is not given by a name.
        others: Images of the model's further views, in its order; all of them count.
        preview: The image as a ``data:`` URL.
        strokes: What was painted: the parts of the image that count.
        tolerance: See ``Goal.tolerance``.
    """

    label: str
    image: RgbImage | None = None
    name: str = ""
    others: tuple[RgbImage, ...] = ()
    preview: str = ""
    strokes: list[Stroke] = field(default_factory=list)
    tolerance: float = 0.0

    def begin_stroke(self, x: float, y: float, width: int) -> None:
        """Begin a stroke of the brush."""
        if at := self._place(x, y):  # a stroke always has points
            self.strokes.append(Stroke(min(width, MAX_BRUSH), [at]))

    def paint(self, x: float, y: float) -> bool:
        """Go on with the last stroke; return whether it has grown.

        What lies outside of the image is moved to its border.
        """
        if not self.strokes or not (at := self._place(x, y)):
            return False
        stroke = self.strokes[-1]
        if math.dist(at, stroke.points[-1]) < stroke.width * SPACING:
            return False
        stroke.points.append(at)
        return True

    def _place(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the pixel at a place, or the nearest one; None if it cannot be painted."""
        if self.image is None or not np.isfinite((x, y)).all():
            return None
        if sum(len(stroke.points) for stroke in self.strokes) >= MAX_POINTS:
            return None
        height, width = self.image.shape[:2]
        return int(np.clip(x, 0, width - 1)), int(np.clip(y, 0, height - 1))

    def mask(self) -> NDArray[np.uint8] | None:
        """Return what counts, uint8 (H, W), 255 where painted; None if nothing was painted."""
        if self.image is None or not self.strokes:
            return None
        mask = np.zeros(self.image.shape[:2], dtype=np.uint8)
        for stroke in self.strokes:
            line = np.array(stroke.points, dtype=np.int32)
            cv2().polylines(mask, [line], False, 255, stroke.width)
            for point in (stroke.points[0], stroke.points[-1]):
                cv2().circle(mask, point, stroke.width // 2, 255, -1)
        return mask

    def message(self) -> Goal:
        """Return it as a message."""
        goal = Goal(tolerance=self.tolerance)
        if self.image is None:
            goal.name = self.name
            return goal
        goal.images = [image_message(image) for image in (self.image, *self.others)]
        if (mask := self.mask()) is not None:
            whole = [np.full(image.shape[:2], 255, dtype=np.uint8) for image in self.others]
            goal.masks = [image_message(mask) for mask in (mask, *whole)]
        return goal

    def svg(self) -> str:
        """Return the strokes as SVG in pixels of the image."""
        lines = []
        for stroke in self.strokes:
            points = " ".join(f"{x},{y}" for x, y in [*stroke.points, stroke.points[-1]])
            lines.append(f'<polyline points="{points}" stroke-width="{stroke.width}"/>')
        style = 'fill="none" stroke="#56B4E9" stroke-opacity="0.55"'
        return f'<g {style} stroke-linecap="round" stroke-linejoin="round">{"".join(lines)}</g>'


def draft_of(label: str, image: RgbImage, *others: RgbImage) -> GoalDraft:
    """Return a goal of one image for each view, of which at most ``MAX_PIXELS`` are kept.

    It takes a while for large images, so run it in a thread.

    Args:
        label: What it is, for the page.
        image: Of the first view, uint8 RGB (H, W, 3).
        others: Of the other views.
    """
    image = _shrunk(image)
    # In full size, because the browser tells in pixels of it where one paints.
    data = base64.b64encode(encode_jpeg(image, image.shape[1])).decode()
    preview = f"data:image/jpeg;base64,{data}"
    return GoalDraft(label, image, others=tuple(map(_shrunk, others)), preview=preview)


def _shrunk(image: RgbImage) -> RgbImage:
    height, width = image.shape[:2]
    if height * width <= MAX_PIXELS:
        return image
    factor = (MAX_PIXELS / (height * width)) ** 0.5
    size = max(int(width * factor), 1), max(int(height * factor), 1)
    size = min(size[0], MAX_PIXELS), min(size[1], MAX_PIXELS)  # of one row or column
    return np.asarray(cv2().resize(image, size, interpolation=cv2().INTER_AREA), dtype=np.uint8)


def read_upload(data: bytes) -> RgbImage:
    """Decode a file that was given in the page, a PNG or JPEG, to uint8 RGB (H, W, 3).

    Raises:
        ImageFormatError: It is neither, too large, or damaged.
    """
    if len(data) > MAX_UPLOAD:
        raise ImageFormatError(
            "size",
            f"the file has {len(data)} bytes",
            f"Give one of at most {MAX_UPLOAD >> 20} MiB",
            encoding="",
        )
    return decode(SimpleNamespace(format="", data=data))
