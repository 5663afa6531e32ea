"""Prediction errors over a recorded episode, against predicting that nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wm_planner.diagnosis.episode import Episode
from wm_planner.diagnosis.frames import Encoded, Windows
from wm_planner.diagnosis.result import STOP, WARN, Result, first_mend, graded, judge
from wm_planner.planning import Objective

USELESS, WEAK = 0.95, 0.8
"""Error over that of persistence: from the first on nothing is learned, from the second little."""
FOREIGN = 3.0
"""Error over persistence from which another encoder, rather than a short training, is likely."""
MOVING = 0.2
"""Mean change of a pixel over a window [gray levels] from which something has moved."""
VISUAL = Objective(mode="last", alpha=0.0)


@dataclass(frozen=True)
class Errors:
    """Errors of the predicted image embeddings, summed over windows.

    Attributes:
        one_step: Of one model step with the recorded actions.
        one_step_still: Of predicting no change over one model step.
        rollout: Of the last frame of a whole window.
        rollout_still: Of predicting no change over the window.
        horizon: Model steps of a window.
        count: Windows.
    """

    one_step: float
    one_step_still: float
    rollout: float
    rollout_still: float
    horizon: int
    count: int


def measure(encoded: Encoded, windows: Windows) -> Errors:
    """One-step and rollout errors over the windows, and persistence's."""
    horizon = windows.horizon

    def total(steps: int) -> tuple[float, float]:
        own = sum(
            encoded.predicted(s, encoded.actions(s, steps), VISUAL)[0] for s in windows.starts
        )
        return float(own), sum(encoded.moved(s, steps, VISUAL) for s in windows.starts)

    return Errors(*total(1), *total(horizon), horizon, len(windows.starts))


def still(episode: Episode, windows: Windows) -> Result | None:
    """Whether hardly a pixel changes over the windows, so that nothing can be judged."""
    assert episode.images is not None
    changes = [
        float(np.abs(episode.images[s + windows.horizon] - episode.images[s].astype(int)).mean())
        for s in windows.starts
    ]
    if max(changes) > MOVING:
        return None
    return Result(
        "one_step",
        max(changes),
        MOVING,
        WARN,
        "Hardly a pixel changes in this recording: predictions cannot be judged. Give one in "
        "which the arm moves.",
    )


def errors(measured: Errors, causes: Sequence[str] = ()) -> list[Result]:
    """Judge prediction errors.

    Args:
        measured: The errors.
        causes: Names of findings that already explain a bad prediction.

    Returns:
        ``one_step`` and ``rollout``: error over that of persistence.
    """
    pairs = (
        ("one_step", measured.one_step, measured.one_step_still, "one model step"),
        ("rollout", measured.rollout, measured.rollout_still, f"{measured.horizon} model steps"),
    )
    return [_against_still(*pair, measured.count, causes) for pair in pairs]


def _against_still(
    name: str, own: float, unmoved: float, what: str, count: int, causes: Sequence[str]
) -> Result:
    ratio = own / max(unmoved, 1e-30)
    verdict, limit = graded(ratio, WEAK, USELESS)
    evidence = (
        f"error {own / count:.3g} after {what}, {unmoved / count:.3g} for predicting no change "
        f"({count} windows)"
    )
    if causes:
        cure = first_mend(causes)
    elif ratio > FOREIGN:
        cure = (
            "The model does not speak the encoder's language: the encoder's weights are not those "
            "of the training (convert again with the file that it loaded), or the predictor is "
            "untrained."
        )
    elif verdict == STOP:
        cure = (
            "The model has not learned this scene: if epoch, statistics, action columns, colors "
            "and the encoder's file are sound, train longer or on data like this."
        )
    else:
        cure = "Its plans will be poor: train longer, or on data like this recording."
    return judge(name, ratio, limit, verdict, f"Predictions: {evidence}. {cure}", evidence)
