"""Decode the images of a camera: an irregular JPEG is used if the camera's JPEGs are irregular.

Damage can look like stray bytes. It hits one image now and then; stray bytes of a camera are in all
of its images, or in many.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace

from wm_planner.images.decoding import Decoded, decode_noting
from wm_planner.images.message import read_message
from wm_planner.images.policy import ImagePolicy

REASON = "irregular"
"""``ImageFormatError.reason`` of an irregular JPEG that is not used."""
_LAST, _USUAL = 10, 3
"""An irregularity is usual if so many of the last images have it."""


class CameraDecoder:
    """Decodes the messages of one camera, in their order.

    Args:
        policy: What the user declares about the camera.
        topic: Topic of the messages, for errors.
    """

    def __init__(self, policy: ImagePolicy, topic: str) -> None:
        self._policy, self._topic = policy, topic
        self._last: deque[str] = deque(maxlen=_LAST)  # irregularities of the last images
        self._usual = ""  # what is irregular about the camera's images

    def decode(self, message: object) -> Decoded:
        """Decode a message; what is irregular is that of the camera, not of this image.

        Raises:
            ImageFormatError: See ``decode_noting``; or the image is irregular, but few others are.
        """
        thorough = self._doubtful()
        self._last.append("")
        decoded = decode_noting(message, self._policy, self._topic, thorough=thorough)
        kind = _kind(decoded.irregular)
        self._last[-1] = kind
        if not kind:
            self._usual = "" if thorough else self._usual
        elif kind != _kind(self._usual) and self._last.count(kind) < _USUAL:
            raise read_message(message, self._topic).error(
                REASON,
                f"the JPEG is irregular ({decoded.irregular}), but fewer than {_USUAL} of the last "
                f"{_LAST} images were, so it may have lost pixels",
                "The image is dropped; if this happens often, check the camera's cable and "
                "bandwidth",
            )
        else:
            self._usual = self._usual or decoded.irregular
        return replace(decoded, irregular=self._usual)

    def _doubtful(self) -> bool:
        """Return whether to search the next image for stray bytes that libjpeg does not report.

        These are the first image, one after an irregular one that was not used, and one of an
        irregular camera whose last images seem to be regular.
        """
        if self._usual:
            return not any(self._last)
        return not self._last or bool(self._last[-1])


def _kind(irregular: str) -> str:
    return re.sub(r"\d+", "", irregular)
