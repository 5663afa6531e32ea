"""A recorded episode at the model's step rate, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.check_result import Result
from wm_planner.diagnosis.image_delay import Film

LEAST_STEPS = 8
"""Steps of an episode from which distributions and correlations are judged."""


class RecordingError(ValueError):
    """A recording cannot be read, or does not fit the model."""


@dataclass(frozen=True)
class Episode:
    """K model steps of a recording; action k leads from frame k to frame k + 1.

    Attributes:
        name: The recording and the episode in it, for messages.
        actions: Physical units, float64 (K, frameskip, A) in the order of ``action.names``.
        images: RGB, uint8 (K + 1, height, width, 3), or None if none were recorded.
        proprio: Physical units, float64 (K + 1, P) in the order of ``proprio.names``, or None.
        places: Measured coordinates by axis, ``x``, ``y``, ``z``, each (K + 1,), in the unit of
            the actions' displacements; empty if none are known.
        notes: Sentences that say what was assumed when it was read.
        findings: What was found when it was read: clocks, damage.
        film: All images of that time, small, with the measured motion; None if not recorded.
    """

    name: str
    actions: NDArray[np.float64]
    images: NDArray[np.uint8] | None = None
    proprio: NDArray[np.float64] | None = None
    places: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    findings: tuple[Result, ...] = ()
    film: Film | None = None

    def __post_init__(self) -> None:
        frames = len(self.actions) + 1
        held = {"images": self.images, "proprio": self.proprio, **self.places}
        for name, values in held.items():
            if values is not None and len(values) != frames:
                raise RecordingError(
                    f"{self.name} has {len(values)} frames of {name} for {len(self.actions)} model "
                    f"steps, not {frames}: the recording was cut off, or its streams do not overlap"
                )

    @property
    def steps(self) -> int:
        """K, the number of model steps."""
        return len(self.actions)

    @property
    def flat(self) -> NDArray[np.float64]:
        """One model step a row, (K, frameskip * A), its sub-actions in time order."""
        return self.actions.reshape(self.steps, -1)

    @property
    def rows(self) -> NDArray[np.float64]:
        """One environment step a row, (K * frameskip, A)."""
        return self.actions.reshape(-1, self.actions.shape[-1])
