"""The layers of a weight file, and whether they look untrained."""

from __future__ import annotations

import math

import torch
from safetensors import SafetensorError
from torch import Tensor

from wm_planner.files.safetensors_file import WeightFiles, named, open_safetensors
from wm_planner.models.loading import WeightsError

FRESH = 0.02
"""Largest excess of a weight over its initial bound, as a share of it, that still looks untrained.
AdamW moves a weight by about its learning rate (5e-4) a step, so that one epoch leaves more."""
_LEAST = 16  # weights that a layer needs to judge their distribution
_SIGNIFICANT = 1.63  # Kolmogorov-Smirnov: 1 % of truly uniform samples of size n exceed it / sqrt n


def layers(weights: WeightFiles, wanted: str = "") -> dict[str, Tensor]:
    """Read the weights of linear and convolutional layers from safetensors files.

    Args:
        weights: The files.
        wanted: Only tensors whose name contains this.

    Raises:
        WeightsError: A file cannot be read.
    """
    try:
        with open_safetensors(weights) as file:
            names = [n for n in file.names if n.endswith(".weight") and wanted in n]
            tensors = {name: file.read(name).float() for name in names}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{named(weights)} cannot be read ({error}): copy it again") from error
    return {n: t for n, t in tensors.items() if t.ndim >= 2 and t.numel() >= _LEAST}


def initial_bound(weight: Tensor) -> float:
    """Return the largest absolute value that torch draws for a weight of this shape."""
    return 1.0 / math.sqrt(math.prod(weight.shape[1:]))


def looks_initial(weight: Tensor) -> bool:
    """Decide whether a layer's weights look as torch draws them before any training.

    ``nn.Linear`` and ``nn.Conv*d`` draw from a uniform distribution in
    ``[-1 / sqrt(fan_in), 1 / sqrt(fan_in)]`` (``kaiming_uniform_`` with ``a=sqrt(5)`` in
    ``reset_parameters``). No weight may lie outside, and the distribution must be uniform by the
    Kolmogorov-Smirnov test.
    """
    bound = initial_bound(weight)
    values = weight.flatten().double()
    if float(values.abs().max()) > bound * (1 + FRESH):
        return False
    share = ((values.sort().values / bound + 1) / 2).clamp(0, 1)
    steps = torch.arange(1, len(share) + 1, dtype=torch.float64) / len(share)
    distance = torch.maximum((steps - share).abs(), (share - steps + 1 / len(share)).abs()).max()
    return float(distance) * math.sqrt(len(share)) < _SIGNIFICANT
