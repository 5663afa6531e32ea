"""A conversion as the user asks for it, and its result: the same for every family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wm_planner.models.spec import ModelSpec
from wm_planner.progress import Progress, silent


@dataclass(frozen=True)
class Request:
    """A conversion to make.

    Attributes:
        run: What the training left: a directory, or for LeWM a checkpoint alone.
        output: Model directory to make.
        encoder: Weight file of the encoder, for families that keep it apart (DINO-WM); None: the
            one in torch's hub cache.
        dataset: The training's dataset, for its statistics.
        dataset_kind: One of ``datasets.KINDS``; None: what the run says.
        statistics: File of statistics, instead of the dataset.
        checkpoint: ``latest``, an epoch, or a file's name in the run.
        calibrate: Measure the ``Calibration`` on the dataset's images.
        force: Replace the model in ``output``.
        command: The command line, recorded in ``model.yaml``.
        progress: Shows how far the job is.
    """

    run: Path
    output: Path
    encoder: Path | None = None
    dataset: Path | None = None
    dataset_kind: str | None = None
    statistics: Path | None = None
    checkpoint: str = "latest"
    calibrate: bool = False
    force: bool = False
    command: str = ""
    progress: Progress = silent


@dataclass(frozen=True)
class Converted:
    """A converted model.

    Attributes:
        directory: Where it is.
        spec: Its spec.
        origin: What it was made from, by a short title.
        warnings: Sentences on what may be wrong or is missing.
    """

    directory: Path
    spec: ModelSpec
    origin: dict[str, str]
    warnings: list[str]
