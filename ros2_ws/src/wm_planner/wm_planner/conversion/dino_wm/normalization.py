"""The statistics that a training normalized with."""

from __future__ import annotations

from pathlib import Path

from wm_planner.conversion.dino_wm.derive import Embeddings
from wm_planner.conversion.dino_wm.training_run import Configuration
from wm_planner.conversion.errors import ConversionError
from wm_planner.datasets import Dataset, read_configured, read_statistics
from wm_planner.files.digest import file_sha256
from wm_planner.models.spec import CONSTANTS, Moments, Provenance, Statistics


def read_dataset(
    config: Configuration, dataset: Path | None, kind: str | None, statistics: Path | None
) -> Dataset | None:
    """Read the dataset, if one was given.

    Args:
        config: Says how the training read it.
        dataset: Its directory.
        kind: One of ``datasets.KINDS``; None: the one that ``hydra.yaml`` names.
        statistics: A file of statistics, which replaces a dataset.

    Raises:
        ConversionError: Both were given.
        DatasetError: The dataset is unusable.
    """
    if dataset is None:
        return None
    if statistics is not None:
        raise ConversionError("--dataset and --statistics exclude each other: give one of them")
    return read_configured(dataset, config.get("env.dataset", dict), kind)


def training_statistics(
    config: Configuration, embeddings: Embeddings, dataset: Dataset | None, file: Path | None
) -> Statistics:
    """Return the statistics of the training: from its dataset, a file, or mean 0 and std 1.

    Raises:
        ConversionError: They contradict the checkpoint or the configuration.
        DatasetError: The file of statistics is unusable.
    """
    normalized = config.get("env.dataset.normalize_action", bool)
    if dataset is not None:
        statistics = dataset.statistics()
        where = f"{dataset.directory}, read as {dataset.kind} (--dataset-kind),"
    elif file is not None:
        statistics, where = read_statistics(file), str(file)
        moments = (statistics.action, statistics.proprio)
        if not normalized and any(m and (any(m.mean) or set(m.std) != {1.0}) for m in moments):
            raise ConversionError(
                f"{config.path} says env.dataset.normalize_action is false, so the training used "
                f"mean 0 and std 1, but {where} has others: leave out --statistics"
            )
    else:
        statistics, where = _identity(config, embeddings), str(config.path)
    for name, given, expected in (
        ("action", statistics.action, embeddings.action_dim),
        ("proprio", statistics.proprio, embeddings.proprio_dim),
    ):
        if given is None or len(given.mean) != expected:
            raise ConversionError(
                f"{where} has statistics of {len(given.mean) if given else 0} {name} numbers, but "
                f"the checkpoint was trained with {expected}: it is of another dataset, or of "
                "another version of it"
            )
    return statistics


def _identity(config: Configuration, embeddings: Embeddings) -> Statistics:
    """Return mean 0 and std 1, which upstream uses if normalize_action is false."""
    return Statistics(
        action=Moments([0.0] * embeddings.action_dim, [1.0] * embeddings.action_dim),
        proprio=Moments([0.0] * embeddings.proprio_dim, [1.0] * embeddings.proprio_dim),
        provenance=Provenance(
            dataset=f"{config.get('env.name', str)} (not read)",
            dataset_sha256=f"not read; hydra.yaml {file_sha256(config.path)}",
            split=CONSTANTS,
            episodes=0,
            steps=0,
            formula="normalize_action false: mean 0, std 1",
        ),
    )
