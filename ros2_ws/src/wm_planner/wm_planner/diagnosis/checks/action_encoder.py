"""``action_encoder``: whether DINO-WM's training drew its action encoder anew on resuming."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, WARN, Result, judge
from wm_planner.diagnosis.examined import LoadedModel
from wm_planner.diagnosis.weight_layers import initial_bound, layers, looks_initial
from wm_planner.models.spec import Training

NAME = "action_encoder"
"""Part of the names of the layers examined."""


def suspect_redrawn(weights: Path, training: Training) -> Result | None:
    """Suspect an action encoder that was drawn anew when the training was resumed.

    Upstream's ``train.py`` (lines 220-229, after ``load_ckpt``) makes the action and proprio
    encoders anew on every resume, so that they have only the epochs since then. The file does not
    say whether that happened; weights that look untrained after several epochs do.

    Args:
        weights: The weight file.
        training: How far the training went.

    Returns:
        None if the file has no action encoder.

    Raises:
        WeightsError: The file cannot be read.
    """
    found = layers(weights, NAME)
    if not found:
        return None
    name, weight = next(iter(found.items()))
    bound = initial_bound(weight)
    outside = float((weight.abs() > bound).double().mean())
    suspect = training.epoch > 1 and looks_initial(weight)
    return judge(
        NAME,
        outside,
        0.0,
        WARN if suspect else OK,
        f"SUSPECT: after {training.epoch} epochs all {weight.numel()} weights of {name} still look "
        f"untrained (uniform within ±{bound:.2f}). DINO-WM's train.py draws the action encoder "
        "anew when a run is resumed; the file cannot prove that it happened. If the run was "
        "resumed, train it again without interruption, and do not trust plans of this model.",
        f"{outside:.0%} of its weights lie outside the bounds they were drawn in (±{bound:.2f})",
    )


def run(loaded: LoadedModel) -> Iterator[Result]:
    """Suspect an action encoder that was drawn anew."""
    if (result := suspect_redrawn(loaded.weights, loaded.spec.training)) is not None:
        yield result


CHECK = Check((NAME,), LoadedModel, run, families=("dino_wm",))
