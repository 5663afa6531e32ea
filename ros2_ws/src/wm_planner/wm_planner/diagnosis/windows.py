"""Windows: the stretches of an episode that are predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wm_planner.diagnosis.episode import Episode, RecordingError


@dataclass(frozen=True)
class Windows:
    """Stretches of an episode, all of one length.

    Attributes:
        starts: Index of the first frame of each.
        horizon: H, model steps.
    """

    starts: tuple[int, ...]
    horizon: int

    @property
    def frames(self) -> list[int]:
        """Indices of all frames that begin, follow or end a window, in order, each once."""
        ends = {s + k for s in self.starts for k in (0, 1, self.horizon)}
        return sorted(ends)


def spread_windows(episode: Episode, horizon: int, count: int) -> Windows:
    """Spread at most ``count`` windows evenly over an episode.

    Raises:
        RecordingError: The episode has no images, or less than one model step.
    """
    if episode.images is None:
        raise RecordingError(
            f"{episode.name} has no images to compare predictions with: record the camera, too"
        )
    if episode.steps < 1:
        raise RecordingError(f"{episode.name} is shorter than one model step: record a longer one")
    horizon = min(horizon, episode.steps)
    places = np.linspace(0, episode.steps - horizon, count).round().astype(int)
    return Windows(tuple(int(i) for i in np.unique(places)), horizon)
