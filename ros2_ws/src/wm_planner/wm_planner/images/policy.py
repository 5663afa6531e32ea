"""What the user declares about a camera where its messages do not say it themselves."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace

REFUSE = "refuse"
"""Value of a policy field that makes messages in need of it an error."""

FLOAT_RANGES: dict[str, float] = {"[0,1]": 1.0, "[0,255]": 255.0}
"""Declarable ranges of float images and the value that stands for full intensity."""


@dataclass(frozen=True)
class ImagePolicy:
    """Declarations instead of guesses; the defaults refuse what a message leaves open.

    Attributes:
        generic_color_order: Channel order of the generic types (8UC3, 8UC4, 16UC3, 16UC4, 32FC3,
            64FC3), which name a layout and no colors: ``"rgb"``, ``"bgr"`` or ``"refuse"``.
        float_range: Range of float images: ``"[0,1]"``, ``"[0,255]"`` or ``"refuse"``. The pairs
            ``(0, 1)`` and ``(0, 255)`` are understood too.
        bit_depth: Significant bits of 16-bit data, 8 to 16: a 12-bit camera that publishes mono16
            needs 12. 0 (undeclared) takes mono16, rgb16 and the like as full 16-bit, as
            ``sensor_msgs`` defines them, and refuses 16UCx, which is depth in millimeters as often
            as intensity (REP-118).
        converter: ``"auto"`` lets cv_bridge convert what it was seen to convert right, ``"own"``
            never imports it. The pixels are the same.
        apply_exif: Turn a compressed image upright as its EXIF orientation says. image_transport
            never writes that tag; cameras and phones that publish their own JPEG do.
        strict_compressed: Refuse a JPEG in which libjpeg finds damage, instead of showing it partly
            gray. Needs file descriptor 2 while it decodes, see ``codec_warnings``.
        max_pixels: Largest height times width that is decoded. A compressed message of a few bytes
            can ask for gigabytes.
    """

    generic_color_order: str = REFUSE
    float_range: str | tuple[float, float] = REFUSE
    bit_depth: int = 0
    converter: str = "auto"
    apply_exif: bool = True
    strict_compressed: bool = True
    max_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        """Refuse a policy that says nothing sensible.

        Raises:
            ValueError: A field holds a value it does not know.
        """
        order = REFUSE if self.generic_color_order in (None, "") else self.generic_color_order
        _choice("generic_color_order", order, (REFUSE, "rgb", "bgr"))
        _choice("converter", self.converter, ("auto", "own"))
        object.__setattr__(self, "generic_color_order", order)
        object.__setattr__(self, "float_range", _float_range(self.float_range))
        object.__setattr__(self, "bit_depth", _whole("bit_depth", self.bit_depth or 0))
        object.__setattr__(self, "max_pixels", _whole("max_pixels", self.max_pixels))
        if self.bit_depth != 0 and not 8 <= self.bit_depth <= 16:
            raise ValueError(
                f"bit_depth must be 8 to 16, or 0 for undeclared; it is {self.bit_depth}"
            )
        if self.max_pixels < 1:
            raise ValueError(f"max_pixels must be at least 1; it is {self.max_pixels}")
        for name in ("apply_exif", "strict_compressed"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false; it is {getattr(self, name)!r}")

    def with_model_range(self, value_range: Sequence[float] | str) -> ImagePolicy:
        """Take the model's range for float images where the user declared none.

        Args:
            value_range: (low, high) of the model's raw images, or its name.

        Returns:
            This policy where ``float_range`` is declared or the model's range is not one of
            ``FLOAT_RANGES``; otherwise a copy with the model's.
        """
        try:
            name = _float_range(value_range)
        except ValueError:
            return self
        return replace(self, float_range=name) if self.float_range == REFUSE else self

    @property
    def float_max(self) -> float:
        """Value of a float image that stands for full intensity; only where declared."""
        return FLOAT_RANGES[str(self.float_range)]


def _choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; it is {value!r}")


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number; it is {value!r}")
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(f"{name} must be a whole number; it is {value!r}") from None


def _float_range(value: object) -> str:
    if value is None or value in ("", REFUSE):
        return REFUSE
    if isinstance(value, str):
        name = value.replace(" ", "")
    else:
        try:
            low, high = (float(v) for v in value)  # type: ignore[attr-defined]
        except (TypeError, ValueError):
            raise ValueError(f"float_range must be a pair or a name; it is {value!r}") from None
        name = f"[{low:g},{high:g}]"
    _choice("float_range", name, (REFUSE, *FLOAT_RANGES))
    return name
