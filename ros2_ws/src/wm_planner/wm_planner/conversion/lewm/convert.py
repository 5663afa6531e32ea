"""Convert a checkpoint of LeWM into a model directory: ``model.yaml`` and weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.facts import Facts, check_used
from wm_planner.conversion.finish import bounds_warnings, measure_calibration
from wm_planner.conversion.lewm.checkpoint import Checkpoint, read_checkpoint
from wm_planner.conversion.lewm.derive import action_width, derive_architecture, known_heads
from wm_planner.conversion.lewm.facts import UNUSED, all_heads, image_part, missing_facts
from wm_planner.conversion.lewm.normalization import (
    check_normalization,
    read_dataset,
    training_statistics,
    warnings_on,
)
from wm_planner.conversion.lewm.training_run import Run, read_run
from wm_planner.conversion.lewm.weights import collect_weights
from wm_planner.conversion.missing_facts import MissingFact, question
from wm_planner.conversion.model_directory import check_output
from wm_planner.conversion.request import Converted, Request
from wm_planner.datasets import Dataset, episode_digests, measure_training_images
from wm_planner.files.digest import file_sha256
from wm_planner.files.home import expanded
from wm_planner.models.lewm.architecture import Architecture
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    Training,
    WeightsFile,
)
from wm_planner.models.writing import write_model
from wm_planner.progress import Progress

FAMILY = "lewm"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
"""Mean and standard deviation that LeWM normalizes images with (``utils.py`` of le-wm)."""


def convert(request: Request, facts: Facts) -> Converted:
    """Convert one checkpoint; nothing is written before everything was checked.

    Args:
        request: The files.
        facts: What the files do not say.

    Raises:
        ConversionError: Files contradict each other, or facts are missing.
        FileFormatError: A file of torch is damaged or of another kind.
        DatasetError: The dataset or the statistics are unusable.
        SpecError: The facts are impossible.
        OSError: The output cannot be written.
    """
    output = expanded(request.output).absolute()
    check_output(output, request.force)
    check_used(facts, "LeWM", UNUSED)
    if request.encoder is not None:
        raise ConversionError("--encoder was given, but a LeWM checkpoint holds its encoder")
    run = read_run(request.run, request.checkpoint)
    with request.progress(f"reading {run.checkpoint.name}"):
        checkpoint = read_checkpoint(run.checkpoint)
    heads = known_heads(checkpoint, run.configuration)
    file = request.statistics or run.normalizer
    check_normalization(facts.normalization, file)
    missing = _missing_files(request, facts, file)
    by_rule = file is None or request.dataset is not None
    missing += missing_facts(facts, heads, normalization=by_rule)
    if missing:
        raise ConversionError(question(missing))
    frameskip = _frameskip(checkpoint, facts)
    with request.progress("reading the numbers of the dataset"):
        dataset = read_dataset(request.dataset, request.dataset_kind, facts.normalization)
    if request.calibrate and (dataset is None or not dataset.has_images):
        lacks = f"{dataset.directory} has no column pixels" if dataset else "there is no --dataset"
        raise ConversionError(f"--calibrate needs a data set with images, but {lacks}")
    architecture = derive_architecture(checkpoint, run.configuration, all_heads(facts, heads))
    spec = ModelSpec(
        name=facts.name or output.name,
        family=FAMILY,
        weights=WeightsFile(sha256=""),
        image=_image(facts, architecture, dataset, request.progress),
        action=ActionSpec(**vars(facts.action)),
        statistics=training_statistics(dataset, file, facts.normalization, len(facts.action.names)),
        training=Training(
            run.epoch if checkpoint.epoch < 0 else checkpoint.epoch, facts.epochs or -1, -1
        ),
        control_rate=facts.control_rate or 0.0,
        calibration=facts.calibration,
        num_hist=architecture.predictor.frames,
        frameskip=frameskip,
        objective=replace(facts.objective, reduction="sum"),
        license=facts.license,
        architecture=architecture.to_dict(),
        source=_source(request, run, facts, dataset),
    )
    with request.progress("writing the weights"):
        write_model(output, spec, collect_weights(spec, checkpoint))
    warnings = _warnings(spec, dataset) + bounds_warnings(spec, dataset)
    if request.calibrate and dataset is not None:
        warnings += measure_calibration(output, spec, dataset, request.progress)
    form = f"one pickled {checkpoint.module.class_name}" if checkpoint.module else "a state dict"
    return Converted(output, spec, {"form": form}, warnings)


def _missing_files(request: Request, facts: Facts, file: Path | None) -> list[MissingFact]:
    if request.dataset is not None or file is not None or facts.normalization == "none":
        return []
    return [
        MissingFact(
            "--dataset FILE",
            "data set of the training (.h5); or --statistics FILE: YAML, JSON, npz, or a .pt with "
            "the normalizer or scaler of the training",
        )
    ]


def _frameskip(checkpoint: Checkpoint, facts: Facts) -> int:
    numbers, names = action_width(checkpoint), len(facts.action.names)
    if len(facts.action.units) != names:
        raise ConversionError(
            f"action.units has {len(facts.action.units)} entries, but action.names has {names}"
        )
    if numbers % names:
        raise ConversionError(
            f"{checkpoint.path} takes {numbers} action numbers per model step, which are no whole "
            f"number of environment steps of {names}: action.names has too few or too many"
        )
    return numbers // names


def _image(
    facts: Facts, architecture: Architecture, dataset: Dataset | None, progress: Progress
) -> ImageSpec:
    fields: dict[str, Any] = {}
    if dataset is not None and dataset.has_images:
        fields |= vars(measure_training_images(dataset, facts.color_order, progress))
        if fields["camera_aspect"]:
            raise ConversionError(
                f"the images of {dataset.directory} are not square (width over height is "
                f"{fields['camera_aspect']:.3g}), and the model was trained on what LeWM makes of "
                "them, images of that shape: this cannot be converted"
            )
    fields |= image_part(facts.camera_crop)
    size = architecture.encoder.patch * architecture.encoder.grid
    return ImageSpec(size, facts.color_order, *IMAGENET, normalize_first=True, **fields)


def _source(request: Request, run: Run, facts: Facts, dataset: Dataset | None) -> dict[str, Any]:
    files = {"checkpoint": run.checkpoint}
    if run.configuration.content:
        files["config"] = run.configuration.path
    return {
        **{name: {"file": file.name, "sha256": file_sha256(file)} for name, file in files.items()},
        "dataset": {"normalization": facts.normalization},
        "dataset_kind": dataset.kind if dataset else request.dataset_kind or "",
        **({"episodes": episode_digests.record(dataset, request.progress)} if dataset else {}),
        "command": request.command,
    }


def _warnings(spec: ModelSpec, dataset: Dataset | None) -> list[str]:
    warnings = []
    if spec.training.epochs < 1:
        warnings.append(
            "The files do not say how many epochs were planned: give --epochs, so that an early "
            "checkpoint is recognized."
        )
    if spec.calibration is None and dataset is None:
        warnings.append(
            "There is no calibration, so no goal can count as reached: convert with --dataset and "
            "--calibrate, or give the calibration with --meta."
        )
    if dataset is not None:
        warnings += warnings_on(spec.statistics, dataset)
    return warnings
