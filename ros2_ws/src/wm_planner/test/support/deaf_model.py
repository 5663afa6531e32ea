"""The embedded model, but its predictions ignore the actions: no plan can be told from another."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file, save_file

from wm_planner.models import load_spec
from wm_planner.models.spec import WeightsFile

EMBEDDED = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"


def deaf_model(directory: Path, model: Path = EMBEDDED) -> Path:
    """Write a copy of a model of the latent family whose actions have no weight; return it."""
    spec = load_spec(model)
    weights = load_file(model / "weights.safetensors")
    weights["predictor.layers.0.weight"][:, -spec.model_action_dim :] = 0.0
    directory.mkdir(parents=True)
    path = directory / "weights.safetensors"
    save_file(weights, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    replace(spec, weights=WeightsFile(sha256=digest)).save(directory)
    return directory
