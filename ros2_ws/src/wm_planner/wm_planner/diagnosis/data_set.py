"""A model's training data set: do its statistics belong to the model, and an episode of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.episode import Episode, RecordingError
from wm_planner.diagnosis.layout import coordinates
from wm_planner.diagnosis.result import OK, STOP, WARN, Result, judge
from wm_planner.models.dino_wm.datasets import (
    KINDS,
    Data,
    DataError,
    compare,
    read,
    read_configured,
)
from wm_planner.models.spec import ModelSpec

HARMLESS = 0.05
"""Shift of an action of one sigma [sigma] up to which wrong statistics only warn."""
_LAYOUT = "layout.yaml"


def open_set(directory: Path, kind: str | None, spec: ModelSpec) -> Data:
    """Read the numbers of a data set as the training read them.

    A converted model knows its training's settings (how many episodes, which split); without them
    all episodes count.

    Args:
        directory: Of the data set.
        kind: One of ``datasets.KINDS``; None: the one that the model names, or ``franka`` where
            there is a ``layout.yaml``.
        spec: The model's.

    Raises:
        DataError: The kind is not known, or the files are missing, damaged or do not fit.
    """
    kind = kind or spec.source.get("dataset_kind") or None
    if configured := spec.source.get("dataset"):
        return read_configured(directory, configured, kind)
    if kind is None and (directory / _LAYOUT).is_file():
        kind = "franka"
    if kind is None:
        raise DataError(
            f"What kind of data set {directory} is cannot be told from model.yaml: give "
            f"--dataset-kind ({', '.join(KINDS)})"
        )
    return read(directory, kind)


def statistics(spec: ModelSpec, data: Data) -> list[Result]:
    """Which statistics of the data set are those of the model, and what wrong ones would do.

    Args:
        spec: The model's.
        data: The data set.

    Returns:
        ``action_stats``; ``proprio_stats`` and ``state_stats`` where the model has them;
        ``data_digest``.

    Raises:
        DataError: The data set cannot be normalized itself.
    """
    match = compare(spec.statistics, data)
    results = []
    for found in match.quantities:
        shifts = ", ".join(f"{part} {value:.3g}" for part, value in found.shifts.items())
        evidence = f"shift of {found.quantity} in sigma against {shifts}"
        wrong = data.training_part not in found.parts
        what = found.explanation or (
            f"they match no part of {data.directory}; nearest is '{found.nearest}'"
        )
        sentence = (
            f"The {found.quantity} statistics are not those of the training: {what}. They shift a "
            f"value of one sigma by up to {found.shift:.2g} sigma. Convert the model again with "
            f"--dataset {data.directory}, if this is the data set it was trained on."
        )
        verdict = (STOP if found.shift > HARMLESS else WARN) if wrong else OK
        score = found.shift if wrong else 0.0
        name = f"{found.quantity}_stats"
        results.append(judge(name, score, HARMLESS, verdict, sentence, evidence))
    return [*results, *_digest(spec, data)]


def _digest(spec: ModelSpec, data: Data) -> list[Result]:
    provenance = spec.statistics.provenance
    if provenance is None:
        return []
    differs = provenance.dataset_sha256 != data.sha256
    return [
        judge(
            "data_digest",
            float(differs),
            0.0,
            WARN if differs else OK,
            f"model.yaml's statistics come from data with digest {provenance.dataset_sha256[:12]}… "
            f"({provenance.dataset}, {provenance.episodes} episodes), {data.directory} has "
            f"{data.sha256[:12]}…: another data set, or one that was changed since.",
            f"digest {data.sha256[:12]}…",
        )
    ]


def names(spec: ModelSpec, data: Data) -> list[Result]:
    """Hold the names of the data set's columns against the spec's, where it names them."""
    results = []
    for quantity, own in (("action", spec.action.names), ("proprio", spec.proprio.names)):
        theirs = data.names.get(quantity, [])
        if not theirs or not own:
            continue
        slips = [
            f"{i + 1} is '{theirs[i] if i < len(theirs) else '-'}' in the data and "
            f"'{own[i] if i < len(own) else '-'}' in model.yaml"
            for i in range(max(len(theirs), len(own)))
            if theirs[i : i + 1] != own[i : i + 1]
        ]
        # A model may have names of its own for the same numbers; the same names elsewhere slipped.
        moved = sorted(theirs) == sorted(own) or len(theirs) != len(own)
        results.append(
            judge(
                f"{quantity}_names",
                len(slips),
                0.0,
                OK if not slips else STOP if moved else WARN,
                f"The {quantity}'s numbers have other names in the data set: {'; '.join(slips)}. "
                "Correct model.yaml (convert again with the right names), or check that they mean "
                "the same.",
                f"{len(slips)} of {len(own)} names differ",
            )
        )
    return results


def episode(spec: ModelSpec, data: Data, index: int) -> Episode:
    """One episode at the model's step rate.

    Args:
        spec: Says how many environment steps a model step has.
        data: The data set.
        index: Among the episodes that the training read.

    Raises:
        RecordingError: It is shorter than one model step, or there is no such episode.
        DataError: Its images are damaged.
    """
    if not 0 <= index < len(data):
        raise RecordingError(f"{data.directory} has episodes 0 to {len(data) - 1}, not {index}")
    raw = data.episode(index)
    skip = spec.frameskip
    steps = (len(raw.actions) - 1) // skip
    if steps < 1:
        raise RecordingError(
            f"Episode {index} of {data.directory} has {len(raw.actions)} steps, one model step "
            f"takes {skip}: choose another with --episode"
        )
    frames = slice(0, steps * skip + 1, skip)
    images = raw.images
    if images is not None:
        images = images[frames]
        # A data set recorded as BGR is what a 'bgr' model was trained on; episodes are RGB.
        images = images[..., ::-1] if spec.image.color_order == "bgr" else images
    actions = raw.actions[: steps * skip].astype(np.float64).reshape(steps, skip, -1)
    states = raw.states[frames].astype(np.float64)
    proprio = raw.proprio[frames].astype(np.float64) if spec.proprio.names else None
    places = _places(data.names.get("state", []), states)
    if not places and proprio is not None:
        places = _places(spec.proprio.names, proprio)
    return Episode(f"episode {index} of {data.directory}", actions, images, proprio, places)


def _places(names: list[str], values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {axis: values[:, column] for axis, column in coordinates(names).items()}
