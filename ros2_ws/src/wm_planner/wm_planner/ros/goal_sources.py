"""The ways in which a ``wm_planner_msgs/Goal`` gives images.

To add one, add a field to ``Goal.msg`` and a function here, and name it in README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wm_planner.control import ErrorCode, Refused
from wm_planner.goal_library import GoalLibrary, read_image
from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.types import Observation, RgbImage, Vector


@dataclass
class SourceContext:
    """What the sources need to read images.

    Attributes:
        policy: How messages are decoded.
        library: The stored goals.
        latest: Returns the newest observation, or None if it is old.
    """

    policy: ImagePolicy
    library: GoalLibrary
    latest: Callable[[], Observation | None]


@dataclass(frozen=True)
class Found:
    """What a source returns.

    Attributes:
        images: RGB, uint8 (height, width, 3).
        proprio: In the spec's order, or by name; None if the source has none.
    """

    images: tuple[RgbImage, ...]
    proprio: Vector | Mapping[str, float] | None = None


Read = Callable[[str, Any, SourceContext], Found]
SOURCES: dict[str, Read] = {}
"""Functions that read a field of ``Goal``, by the name of the field."""


def source(read: Read) -> Read:
    """Register a source under the name of its function, which must be the name of its field.

    The function takes the name of the goal in errors, the value of the field, and the context.
    """
    SOURCES[read.__name__] = read
    return read


def is_given(value: Any) -> bool:
    """Return whether a field is set: a text, True, or messages with data."""
    if isinstance(value, (str, bool)):
        return bool(value)
    return any(len(message.data) for message in value)


@source
def images(what: str, value: Any, context: SourceContext) -> Found:
    """Decode ``sensor_msgs/Image`` messages."""
    return _decode(what, value, context.policy)


@source
def compressed_images(what: str, value: Any, context: SourceContext) -> Found:
    """Decode ``sensor_msgs/CompressedImage`` messages."""
    return _decode(what, value, context.policy)


@source
def name(what: str, value: Any, context: SourceContext) -> Found:
    """Load a stored goal."""
    image, proprio = context.library.load(value)
    return Found((image,), proprio)


@source
def file(what: str, value: Any, context: SourceContext) -> Found:
    """Read a PNG or JPEG file."""
    return Found((read_image(value),))


@source
def current(what: str, value: Any, context: SourceContext) -> Found:
    """Take what the cameras show now."""
    observation = context.latest()
    if observation is None:
        raise Refused(ErrorCode.NO_IMAGE, "there is no fresh image: see the warnings of ~/status")
    return Found(observation.images, observation.proprio)


def _decode(what: str, messages: Any, policy: ImagePolicy) -> Found:
    try:
        return Found(tuple(decode(message, policy, topic=what) for message in messages))
    except ImageFormatError as error:
        raise Refused(ErrorCode.IMAGE_FORMAT, str(error)) from error
