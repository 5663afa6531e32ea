"""Prediction errors over a recorded episode, and those of predicting that nothing changes."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.diagnosis.encoded_episode import EncodedEpisode
from wm_planner.diagnosis.windows import Windows
from wm_planner.planning import Objective
from wm_planner.progress import Progress, silent

USELESS, WEAK = 0.95, 0.8
"""Error over that of persistence: above the first the model has learned nothing, above the second
little."""
VISUAL = Objective(mode="last", alpha=0.0)
"""The last frame's image alone."""


@dataclass(frozen=True)
class PredictionErrors:
    """Errors of the predicted image embeddings, summed over windows.

    Attributes:
        one_step: After one model step with the recorded actions.
        one_step_still: Error of predicting no change over one model step.
        rollout: At the last frame of a whole window.
        rollout_still: Error of predicting no change over the window.
        horizon: Model steps of a window.
        count: Windows.
    """

    one_step: float
    one_step_still: float
    rollout: float
    rollout_still: float
    horizon: int
    count: int


def measure(
    encoded: EncodedEpisode, windows: Windows, progress: Progress = silent
) -> PredictionErrors:
    """Return the one-step and rollout errors over the windows, and those of persistence."""
    horizon = windows.horizon

    def total(steps: int) -> tuple[float, float]:
        own, still = 0.0, 0.0
        for start in windows.starts:
            actions = encoded.actions(start, steps)
            own += float(encoded.prediction_error(start, actions, VISUAL)[0])
            still += encoded.persistence_error(start, steps, VISUAL)
            step(steps)
        return own, still

    with progress("predicting images", len(windows.starts) * (1 + horizon)) as step:
        return PredictionErrors(*total(1), *total(horizon), horizon, len(windows.starts))
