"""``proprio`` of a recording: the share of recorded states far from training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import Result
from wm_planner.diagnosis.examined import Recording
from wm_planner.diagnosis.share_outside import judge_share
from wm_planner.diagnosis.state_deviation import OUTSIDE, deviations
from wm_planner.models.spec import ModelSpec


def compare_states(proprio: NDArray[np.float64], spec: ModelSpec) -> Result:
    """Compare a recording's states (K, P) with the training's."""
    assert spec.statistics.proprio is not None
    sigma = np.abs(deviations(proprio, spec.statistics.proprio))
    return judge_share(
        "proprio",
        sigma > OUTSIDE,
        spec.proprio.names,
        f"beyond {OUTSIDE:g} sigma of the training (largest {sigma.max():.1f})",
        "The arm works where the model was not trained, or its state has another unit, frame or "
        "order: compare proprio.names and proprio.units in model.yaml with what is recorded.",
    )


def run(recording: Recording) -> Iterator[Result]:
    """Compare the recorded states with the training's."""
    proprio = recording.episode.proprio
    if proprio is not None and recording.spec.proprio.names:
        yield compare_states(proprio, recording.spec)


CHECK = Check(("proprio",), Recording, run)
