"""What the user declares about a camera because its messages do not say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wm_planner.config import ImagesConfig

REFUSE = "refuse"
"""Value of an undeclared field: messages that need the declaration are refused."""

FLOAT_RANGES: dict[str, float] = {"[0,1]": 1.0, "[0,255]": 255.0}
"""Ranges of float images that can be declared, with the value of full intensity."""

_CHOICES: dict[str, tuple[str, ...] | tuple[int, ...]] = {
    "generic_color_order": (REFUSE, "rgb", "bgr"),
    "float_range": (REFUSE, *FLOAT_RANGES),
    "bit_depth": (0, *range(8, 17)),
}


@dataclass(frozen=True)
class ImagePolicy:
    """Declarations about a camera; by default nothing is declared and nothing is guessed.

    Attributes:
        generic_color_order: Channel order of 8UC3, 8UC4, 16UC3, 16UC4, 32FC3 and 64FC3, whose
            names do not say it: ``"rgb"``, ``"bgr"`` or ``"refuse"``.
        float_range: Range of float images: ``"[0,1]"``, ``"[0,255]"`` or ``"refuse"``.
        bit_depth: Significant bits of 16-bit images, 8 to 16: a 12-bit camera that publishes
            mono16 needs 12. If 0 (undeclared), mono16, rgb16 and the other color encodings have
            16 bits, as ``sensor_msgs`` defines them, and 16UCx is refused, because it may be depth
            in millimeters (REP-118).
    """

    generic_color_order: str = REFUSE
    float_range: str = REFUSE
    bit_depth: int = 0

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: A field has a value that is not one of its choices.
        """
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if type(value) is not type(choices[0]) or value not in choices:
                allowed = ", ".join(map(str, choices))
                raise ValueError(f"{name} must be one of {allowed}; it is {value!r}")

    @classmethod
    def from_config(cls, config: ImagesConfig) -> ImagePolicy:
        """Return the policy that the settings ``images.*`` declare."""
        return cls(
            generic_color_order=config.generic_color_order,
            float_range=config.float_range,
            bit_depth=config.bit_depth,
        )

    @property
    def float_max(self) -> float:
        """Value of full intensity of a float image; only if ``float_range`` is declared."""
        return FLOAT_RANGES[self.float_range]
