"""Read statistics from a file of their own: YAML, JSON or npz."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from wm_planner.datasets.dataset import QUANTITIES
from wm_planner.datasets.errors import DatasetError
from wm_planner.files.errors import FileFormatError
from wm_planner.files.home import expanded
from wm_planner.files.npz import read_npz
from wm_planner.files.plain_yaml import read_yaml, yaml_problem
from wm_planner.message_limits import MAX_NAME
from wm_planner.models.spec import Moments, Provenance, Statistics
from wm_planner.text import listed, one_line

MAX_BYTES = 10_000_000
"""Most bytes of the arrays of an npz, which may be a file of reference tensors."""


def read_statistics(file: str | Path, *, proprio: bool = True) -> Statistics:
    """Read statistics from a file.

    YAML and JSON have the entries of ``statistics`` in ``model.yaml``, which can be given too::

        action: {mean: [0.04, 0.31], std: [0.84, 0.96]}
        proprio: {mean: [...], std: [...]}
        state: {mean: [...], std: [...]}            # may be left out
        provenance: {dataset: …, dataset_sha256: …, split: …, split_seed: …, episodes: …,
                     steps: …, formula: …}

    An npz has ``action_mean``, ``action_std``, ``proprio_mean``, … and the provenance as
    ``provenance_dataset``, ….

    Args:
        file: The file.
        proprio: Whether it must have the statistics of the proprio.

    Raises:
        DatasetError: The file is missing or damaged, or lacks an entry of the moments or of their
            provenance; nothing is filled in.
    """
    path = expanded(file)
    if not os.path.lexists(path):
        raise DatasetError(f"{path} is missing: give a YAML, JSON or npz file of statistics")
    content = _read_npz(path) if path.suffix == ".npz" else _read_yaml(path)
    unknown = set(content) - {*QUANTITIES, "provenance", "sha256"}
    if unknown:
        raise DatasetError(
            f"{path} has entries that statistics do not have: {listed(map(str, unknown))}"
        )
    moments = {
        name: _moments(path, name, content[name]) for name in QUANTITIES if content.get(name)
    }
    needed = ("action", "proprio") if proprio else ("action",)
    if missing := [name for name in needed if name not in moments]:
        raise DatasetError(f"{path} has no {' and no '.join(missing)}: give mean and std of each")
    statistics = Statistics(
        action=moments["action"],
        proprio=moments.get("proprio"),
        state=moments.get("state"),
        provenance=_provenance(path, content.get("provenance")),
    )
    recorded = content.get("sha256") or statistics.digest()
    statistics.sha256 = one_line(str(recorded), MAX_NAME)
    if problem := statistics.problem():
        raise DatasetError(f"{path}: {problem}")
    return statistics


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
    except yaml.YAMLError as error:
        raise DatasetError(
            f"{path} is neither YAML, JSON nor npz: {yaml_problem(error)}"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("statistics"), dict):
        content = content["statistics"]
    if not isinstance(content, dict):
        raise DatasetError(f"{path} must map action and proprio to their mean and std")
    return content


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        values = {name: array.tolist() for name, array in read_npz(path, MAX_BYTES).items()}
    except (OSError, FileFormatError) as error:
        raise DatasetError(f"{path} cannot be used: {error}") from error
    content: dict[str, Any] = {}
    for name, value in values.items():
        group, _, key = name.partition("_")
        if group not in (*QUANTITIES, "provenance") or not key:
            continue  # a file of reference tensors may hold more
        content.setdefault(group, {})[key] = value
    return content


def _moments(path: Path, name: str, value: Any) -> Moments:
    if not isinstance(value, dict) or set(value) != {"mean", "std"}:
        raise DatasetError(f"{path}: {name} needs mean and std, and nothing else")
    try:
        mean, std = ([_number(number) for number in value[key]] for key in ("mean", "std"))
        return Moments(mean, std)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{path}: {name}: {error}") from error


def _number(value: Any) -> float:
    """Return a number; text such as ``1e-3``, which is none in YAML, is converted."""
    if isinstance(value, bool):
        raise ValueError(f"{value} is no number")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a number has more than 300 digits") from error


def _whole(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{key} must be a whole number, not {one_line(repr(value), 60)}")
    return value


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key} must be a text, not {one_line(repr(value), 60)}")
    return value


def _provenance(path: Path, value: Any) -> Provenance:
    names = {field.name for field in fields(Provenance)}
    given = set(value) if isinstance(value, dict) else set()
    missing = sorted(names - given)
    if missing or given - names:
        raise DatasetError(
            f"{path}: provenance needs exactly {', '.join(sorted(names))}"
            + (f"; it lacks {', '.join(missing)}" if missing else "")
        )
    try:
        return Provenance(
            dataset=_text("dataset", value["dataset"]),
            dataset_sha256=_text("dataset_sha256", value["dataset_sha256"]),
            split=_text("split", value["split"]),
            split_seed=_whole("split_seed", value["split_seed"]),
            episodes=_whole("episodes", value["episodes"]),
            steps=_whole("steps", value["steps"]),
            formula=_text("formula", value["formula"]),
        )
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{path}: provenance: {error}") from error
