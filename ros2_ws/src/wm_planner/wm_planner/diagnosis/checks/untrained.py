"""``untrained``: the share of layers whose weights look as before any training."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.examined import LoadedModel
from wm_planner.diagnosis.weight_layers import layers, looks_initial
from wm_planner.files.safetensors_file import WeightFiles

SOME, HALF = 0.25, 0.5
"""Shares of untrained layers: above the first a model warns, above the second it stops."""


def count_untrained(weights: WeightFiles) -> Result:
    """Count the layers that look untrained; a trained model has nearly none.

    Raises:
        WeightsError: A file cannot be read.
    """
    found = layers(weights)
    initial = [name for name, weight in found.items() if looks_initial(weight)]
    share = len(initial) / max(1, len(found))
    return judge(
        "untrained",
        share,
        HALF,
        STOP if share > HALF else WARN if share > SOME else OK,
        f"{len(initial)} of {len(found)} layers have weights as torch draws them before training "
        f"({', '.join(initial[:3])}, …): the checkpoint was saved before training, or the export "
        "did not load it. Export the trained checkpoint again.",
        f"{len(initial)} of {len(found)} layers look untrained",
    )


def run(loaded: LoadedModel) -> Iterator[Result]:
    """Count the layers that look untrained."""
    yield count_untrained(loaded.weights)


CHECK = Check(("untrained",), LoadedModel, run)
