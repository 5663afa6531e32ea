"""The statistics that a training normalized with: from its data set, from a file, or none."""

from __future__ import annotations

from pathlib import Path

from wm_planner.models.dino_wm.datasets import Data, read_configured, read_statistics
from wm_planner.models.dino_wm.derive import Embeddings
from wm_planner.models.dino_wm.run import Configuration, ConversionError, file_sha256
from wm_planner.models.spec import CONSTANTS, Moments, Provenance, Statistics


def read_data(
    config: Configuration, dataset: Path | None, kind: str | None, statistics: Path | None
) -> Data | None:
    """Read the data set, if one was given.

    Args:
        config: Says how the training read it.
        dataset: Its directory.
        kind: One of ``datasets.KINDS``; None: the one ``hydra.yaml`` names.
        statistics: A file of statistics, which goes without a data set.

    Raises:
        ConversionError: Both were given.
        DataError: The data set is unusable.
    """
    if dataset is None:
        return None
    if statistics is not None:
        raise ConversionError("--dataset and --statistics exclude each other: give one of them")
    return read_configured(dataset, config.get("env.dataset", dict), kind)


def training_statistics(
    config: Configuration, embeddings: Embeddings, data: Data | None, file: Path | None
) -> Statistics:
    """The statistics of the training, which fit the checkpoint.

    Raises:
        ConversionError: They contradict the checkpoint or the configuration.
        DataError: The file of statistics is unusable.
    """
    normalized = config.get("env.dataset.normalize_action", bool)
    if data is not None:
        statistics = data.statistics()
        where = f"{data.directory}, read as {data.kind} (--dataset-kind),"
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
                f"the checkpoint was trained with {expected}: it is of another data set, or of "
                "another version of it"
            )
    return statistics


def _identity(config: Configuration, embeddings: Embeddings) -> Statistics:
    """Mean 0 and std 1, which upstream's data sets take where normalize_action is false."""
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
