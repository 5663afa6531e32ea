"""Load a world model from its directory."""

from __future__ import annotations

import inspect
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import torch

from wm_planner.files.digest import file_sha256
from wm_planner.files.home import expanded
from wm_planner.files.safetensors_file import WeightFiles
from wm_planner.models.device import resolve_device
from wm_planner.models.protocol import WorldModel
from wm_planner.models.spec import ModelSpec, SpecError, load_spec

ENTRY_POINT_GROUP = "wm_planner.models"


class WeightsError(ValueError):
    """The weights are missing, damaged or do not fit the spec."""


def load(
    directory: str | Path,
    device: str | torch.device = "auto",
    *,
    allow_unverified_statistics: bool = False,
    **options: Any,
) -> WorldModel:
    """Load the model in ``directory``.

    ``family`` in its ``model.yaml`` names an installed entry point of the group
    ``wm_planner.models``, a class that is called as ``family(spec, weights, device, **options)``.

    Args:
        directory: Directory with ``model.yaml`` and the weight files.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, …
        allow_unverified_statistics: Accept statistics whose provenance is missing or wrong.
        **options: Keyword arguments of the family, e.g. ``precision``.

    Raises:
        SpecError: ``model.yaml`` is missing or wrong, or names a family that is not installed.
        StatisticsError: Its statistics cannot be trusted.
        WeightsError: Weights are missing, damaged or do not fit the spec.
        ValueError: The device does not exist, or the family does not have an option or its value.
    """
    spec = load_spec(directory, allow_unverified_statistics=allow_unverified_statistics)
    directory = expanded(directory)
    for part in (spec.weights, *spec.more_weights):
        _check_digest(directory / part.file, part.sha256)
    families = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if spec.family not in families:
        raise SpecError(
            f"{directory}: family '{spec.family}' is not installed; installed are: "
            f"{', '.join(sorted(families)) or 'none'}. Install the package that provides it, or "
            "correct family in model.yaml"
        )
    family = families[spec.family].load()
    arguments = (spec, weight_files(directory, spec), resolve_device(device))
    try:
        inspect.signature(family).bind(*arguments, **options)
    except TypeError as error:
        raise ValueError(
            f"models of family '{spec.family}' cannot take model.{', model.'.join(options)} "
            f"({error}): leave it at its default"
        ) from error
    model: WorldModel = family(*arguments, **options)
    return model


def weight_files(directory: Path, spec: ModelSpec) -> WeightFiles:
    """Return the path of the weight file, or the paths of all if the spec names several."""
    first, *others = (directory / part.file for part in (spec.weights, *spec.more_weights))
    return (first, *others) if others else first


def _check_digest(path: Path, expected: str) -> None:
    """Check a weight file against its SHA-256 in ``model.yaml``.

    Raises:
        WeightsError: It cannot be read, or is another one.
    """
    try:
        digest = file_sha256(path)
    except FileNotFoundError as error:
        raise WeightsError(f"{path} is missing: copy it beside model.yaml") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    if digest != expected:
        raise WeightsError(
            f"{path} has SHA-256 {digest[:12]}…, model.yaml expects {expected[:12]}…: the file is "
            "damaged or belongs to another model"
        )
