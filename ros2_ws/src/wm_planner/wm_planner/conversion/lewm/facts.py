"""The facts that a conversion of LeWM needs beside its files."""

from __future__ import annotations

import re

from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.facts import Facts
from wm_planner.conversion.lewm.derive import Heads
from wm_planner.conversion.missing_facts import (
    MissingFact,
    listed_missing,
    missing_of_every_family,
)
from wm_planner.text import one_line

UNUSED = ("proprio",)
"""Facts that this family does not use."""
_HEADS = "as the training's configuration says: attention heads of the"
_RECTANGLE = re.compile(r"(\d{1,5})x(\d{1,5}):(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})")


def missing_facts(facts: Facts, heads: Heads, *, normalization: bool) -> list[MissingFact]:
    """List the facts that are missing.

    Args:
        facts: The facts that were given.
        heads: Those that the files tell.
        normalization: Whether it must be known how the training normalized actions.
    """
    return missing_of_every_family(facts, 0) + listed_missing(
        (
            not facts.camera_crop,
            "--camera-crop",
            "what the square training images show of the camera's: square (all of a square "
            "image), center, or a part, WxH:LEFT,TOP,WIDTH,HEIGHT in pixels",
        ),
        (
            normalization and not facts.normalization,
            "--normalization",
            "population (trained with stable-worldmodel), sample (with le-wm) or none",
        ),
        (not (heads.encoder or facts.encoder_heads), "--encoder-heads", f"{_HEADS} encoder"),
        (
            not (heads.predictor or facts.predictor_heads),
            "--predictor-heads",
            f"{_HEADS} predictor",
        ),
    )


def all_heads(facts: Facts, heads: Heads) -> Heads:
    """Return the heads of files and facts together.

    Raises:
        ConversionError: They contradict each other.
    """
    for option, given, found in (
        ("--encoder-heads", facts.encoder_heads, heads.encoder),
        ("--predictor-heads", facts.predictor_heads, heads.predictor),
    ):
        if given and found and given != found:
            raise ConversionError(f"{option} is {given}, but the files say {found}: leave it out")
    return Heads(heads.encoder or facts.encoder_heads, heads.predictor or facts.predictor_heads)


def image_part(camera_crop: str) -> dict[str, object]:
    """Return the fields of ``ImageSpec`` that say what of a camera's image the model sees.

    Args:
        camera_crop: ``square``: the camera's images are square, and all of them is seen;
            ``center``: the square in the middle; or ``640x480:80,0,480,480``: of an image of that
            size, a part by left, top, width and height [pixels], which is squashed if it is not
            square.

    Raises:
        ConversionError: It is none of these.
    """
    if camera_crop == "square":
        return {"fit": "keep", "camera_aspect": 1.0}
    if camera_crop == "center":
        return {"fit": "crop"}
    found = _RECTANGLE.fullmatch(camera_crop)
    if not found:
        raise ConversionError(
            f"--camera-crop is {one_line(camera_crop, 60)}: give square, center, or a part of the "
            "camera's image in pixels such as 640x480:80,0,480,480 (left, top, width, height)"
        )
    wide, high, left, top, width, height = map(int, found.groups())
    if not (wide and high and width and height and left + width <= wide and top + height <= high):
        raise ConversionError(
            f"--camera-crop {camera_crop}: the part does not lie in an image of {wide}x{high}"
        )
    part = [left / wide, top / high, width / wide, height / high]
    return {"fit": "squash", "camera_crop": part, "camera_aspect": wide / high}
