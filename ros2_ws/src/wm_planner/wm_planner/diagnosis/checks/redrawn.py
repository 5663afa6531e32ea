"""``redrawn``: whether a resumed training drew a part of the model anew."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, WARN, Result, judge
from wm_planner.diagnosis.examined import LoadedModel
from wm_planner.diagnosis.weight_layers import initial_bound, layers, looks_initial
from wm_planner.files.safetensors_file import WeightFiles
from wm_planner.models.spec import Training

NAME = "redrawn"


def suspect_redrawn(part: str, weights: WeightFiles, training: Training) -> Result | None:
    """Suspect a part that was drawn anew when the training was resumed.

    Such a part has only been trained since then. The file does not say whether that happened;
    weights that look untrained after several epochs do.

    Args:
        part: Part of the names of its layers.
        weights: The weight files.
        training: How far the training went.

    Returns:
        None if they have no such layer.

    Raises:
        WeightsError: A file cannot be read.
    """
    found = layers(weights, part)
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
        f"untrained (uniform within ±{bound:.2f}). The training code of this family draws them "
        "anew when a run is resumed; the file cannot prove that it happened. If the run was "
        "resumed, train it again without interruption, and do not trust plans of this model.",
        f"{outside:.0%} of its weights lie outside the bounds they were drawn in (±{bound:.2f})",
    )


def run(loaded: LoadedModel) -> Iterator[Result]:
    """Suspect the parts that the family's training draws anew."""
    for part in getattr(loaded.model, "redrawn_on_resume", ()):
        if (result := suspect_redrawn(part, loaded.weights, loaded.spec.training)) is not None:
            yield result


CHECK = Check((NAME,), LoadedModel, run)
