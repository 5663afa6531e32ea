"""How far a checkpoint's training went, and what its weights alone tell about that."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from wm_planner.diagnosis.result import OK, STOP, WARN, Result, judge
from wm_planner.models.dino_wm.run import file_sha256
from wm_planner.models.loading import WeightsError
from wm_planner.models.spec import ModelSpec, Training

EARLY, LATE = 0.2, 0.5
"""Shares of the planned epochs below which a checkpoint stops, and warns."""
FRESH = 0.02
"""Largest excess of a weight over its initial bound, as a share of it, that still looks untrained.
AdamW moves a weight by about its learning rate (5e-4) a step, so that one epoch leaves more."""
ACTION_ENCODER = "action_encoder"
_LEAST = 16  # weights of a layer from which its distribution can be judged
_SIGNIFICANT = 1.63  # Kolmogorov-Smirnov: 1 % of truly uniform samples of size n exceed it / sqrt n


def epochs(training: Training) -> Result | None:
    """Hold the checkpoint's epoch against the epochs planned; None where those are unknown."""
    if training.epochs < 1:
        return None
    share = training.epoch / training.epochs
    verdict = STOP if share < EARLY else WARN if share < LATE else OK
    return judge(
        "epoch",
        share,
        LATE,
        verdict,
        f"The checkpoint is epoch {training.epoch} of {training.epochs} planned: its predictions "
        "are those of an unfinished training. Convert a later one (model_latest.pth), or train on.",
        f"epoch {training.epoch} of {training.epochs}",
    )


def layers(path: Path, wanted: str = "") -> dict[str, Tensor]:
    """Weights of linear and convolutional layers in a safetensors file.

    Args:
        path: The file.
        wanted: Only tensors whose name contains this.

    Raises:
        WeightsError: The file cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = [n for n in file.keys() if n.endswith(".weight") and wanted in n]  # noqa: SIM118
            tensors = {name: file.get_tensor(name).float() for name in names}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read ({error}): copy it again") from error
    return {n: t for n, t in tensors.items() if t.ndim >= 2 and t.numel() >= _LEAST}


def looks_initial(weight: Tensor) -> bool:
    """Whether a layer's weights are as torch draws them before any training.

    ``nn.Linear`` and ``nn.Conv*d`` draw from a uniform distribution in
    ``[-1 / sqrt(fan_in), 1 / sqrt(fan_in)]`` (``kaiming_uniform_`` with ``a=sqrt(5)`` in
    ``reset_parameters``). No weight may lie outside, and the distribution must be uniform by the
    Kolmogorov-Smirnov test.
    """
    bound = 1.0 / math.sqrt(math.prod(weight.shape[1:]))
    values = weight.flatten().double()
    if float(values.abs().max()) > bound * (1 + FRESH):
        return False
    share = ((values.sort().values / bound + 1) / 2).clamp(0, 1)
    steps = torch.arange(1, len(share) + 1, dtype=torch.float64) / len(share)
    distance = torch.maximum((steps - share).abs(), (share - steps + 1 / len(share)).abs()).max()
    return float(distance) * math.sqrt(len(share)) < _SIGNIFICANT


def untrained(path: Path) -> Result:
    """Count the layers whose weights are as drawn; a trained model has none, or nearly none.

    Args:
        path: The weights.

    Raises:
        WeightsError: The file cannot be read.
    """
    found = layers(path)
    initial = [name for name, weight in found.items() if looks_initial(weight)]
    share = len(initial) / max(1, len(found))
    return judge(
        "untrained",
        share,
        0.5,
        STOP if share > 0.5 else WARN if share > 0.25 else OK,
        f"{len(initial)} of {len(found)} layers hold weights as torch draws them before training "
        f"({', '.join(initial[:3])}, …): the checkpoint was saved before training, or its weights "
        "were not loaded when it was exported.",
        f"{len(initial)} of {len(found)} layers look as before training",
    )


def action_encoder(path: Path, training: Training) -> Result | None:
    """Suspect an action encoder that was drawn anew when the training was resumed.

    Upstream's ``train.py`` (lines 220-229, after ``load_ckpt``) makes the action and proprio
    encoders anew on every resume, so that they have only the epochs since then. The file does not
    say whether that happened; weights that look as drawn after several epochs do.

    Args:
        path: The weights.
        training: How far the training went.

    Returns:
        None where the weights have no action encoder of their own.

    Raises:
        WeightsError: The file cannot be read.
    """
    found = layers(path, ACTION_ENCODER)
    if not found:
        return None
    name, weight = next(iter(found.items()))
    bound = 1.0 / math.sqrt(math.prod(weight.shape[1:]))
    outside = float((weight.abs() > bound).double().mean())
    suspect = training.epoch > 1 and looks_initial(weight)
    return judge(
        "action_encoder",
        outside,
        0.0,
        WARN if suspect else OK,
        f"SUSPECT: after {training.epoch} epochs all {weight.numel()} weights of {name} still look "
        f"as drawn, uniform within ±{bound:.2f}: upstream's train.py draws the action encoder anew "
        "when a run is resumed. The file cannot prove it; if the run was resumed, train it on "
        "without a break, and trust no plan before.",
        f"{outside:.0%} of its weights lie outside the bounds they were drawn in (±{bound:.2f})",
    )


def encoder_file(spec: ModelSpec, file: Path) -> Result:
    """Hold an encoder's weight file against the one that the model was converted with.

    Args:
        spec: The model's.
        file: The file that the training loaded, e.g. ``dinov2_vits14_pretrain.pth``.

    Raises:
        OSError: It cannot be read.
    """
    digest = file_sha256(file)
    recorded = spec.source.get("encoder", {})
    known = str(recorded.get("sha256", ""))
    return judge(
        "encoder_file",
        float(digest != known),
        0.0,
        OK if digest == known else STOP,
        f"The model's encoder came from {recorded['file']} ({known[:12]}…), {file} is another one "
        f"({digest[:12]}…): convert again with the file that the training loaded."
        if known
        else "model.yaml does not record which file its encoder came from: convert it again.",
        f"digest {digest[:12]}…",
    )
