"""Range and speed of the gripper."""

from __future__ import annotations

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import LimitsError


class GripperLimits:
    """Range and speed of the gripper.

    Args:
        config: The limits.

    Raises:
        LimitsError: The range is not set, or inverted.

    Attributes:
        speed: Largest speed of the width [m/s].
    """

    def __init__(self, config: LimitsConfig) -> None:
        if not config.gripper_max:
            raise LimitsError(
                "limits.gripper_max is not set, but the model's actions move a gripper: give the "
                "largest width in meters, and limits.gripper_min"
            )
        if not config.gripper_min < config.gripper_max:
            raise LimitsError(
                f"limits.gripper_min ({config.gripper_min:g} m) must be below limits.gripper_max "
                f"({config.gripper_max:g} m)"
            )
        self._lower, self._upper = config.gripper_min, config.gripper_max
        self.speed = config.max_gripper_speed

    def into(self, width: float) -> float:
        """Return a width in the range [m]."""
        return min(max(width, self._lower), self._upper)

    def outside(self, width: float) -> str:
        """Return that a width is outside of the range, as a sentence."""
        return (
            f"the commanded width of the gripper, {width:.4f} m, lies outside of "
            f"limits.gripper_min and gripper_max, {self._lower:g} to {self._upper:g} m"
        )
