"""From a training run of DINO-WM to a model directory: ``model.yaml`` and its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wm_planner.models.dino_wm.architecture import Architecture
from wm_planner.models.dino_wm.calibration import calibrate
from wm_planner.models.dino_wm.checkpoint import Checkpoint, read_checkpoint
from wm_planner.models.dino_wm.datasets import Data
from wm_planner.models.dino_wm.datasets.image_statistics import image_statistics
from wm_planner.models.dino_wm.derive import (
    Embeddings,
    derive_architecture,
    derive_embeddings,
)
from wm_planner.models.dino_wm.encoder_weights import (
    EncoderWeights,
    encoder_name,
    encoder_of_checkpoint,
    file_name,
    find_encoder_file,
    read_encoder,
)
from wm_planner.models.dino_wm.facts import (
    Facts,
    Missing,
    check_counts,
    complete,
    missing_facts,
    question,
)
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.dino_wm.normalization import read_data, training_statistics
from wm_planner.models.dino_wm.run import (
    Configuration,
    ConversionError,
    Run,
    check_epoch,
    check_repeated,
    file_sha256,
    read_run,
)
from wm_planner.models.dino_wm.write import check_output, write
from wm_planner.models.loading import resolve_device
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    ProprioSpec,
    Training,
    WeightsFile,
)

FAMILY = "dino_wm"
TRANSFORM = "datasets.img_transforms.default_transform"


@dataclass(frozen=True)
class Request:
    """What is to be converted.

    Attributes:
        run: Directory with ``hydra.yaml`` and ``checkpoints/``.
        output: Directory to be made.
        encoder: ``dinov2_*_pretrain.pth``; None: the one in torch's hub cache.
        dataset: Directory of the training's data set, for its statistics.
        dataset_kind: One of ``datasets.KINDS``; None: the one ``hydra.yaml`` names.
        statistics: File of statistics, instead of the data set.
        checkpoint: ``latest``, an epoch, or a file's name in ``checkpoints/``.
        calibrate: Measure ``Calibration`` on the data set's images.
        force: Replace the model in ``output``.
        command: The command line, to be recorded.
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


@dataclass(frozen=True)
class Converted:
    """What came of it: the directory, its spec, and what the user should know."""

    directory: Path
    spec: ModelSpec
    notes: list[str]


def convert(wanted: Request, facts: Facts) -> Converted:
    """Convert one checkpoint; nothing is written unless everything fits.

    Args:
        wanted: The files.
        facts: What the files do not say.

    Raises:
        ConversionError: Files contradict each other, or something must be told.
        CheckpointError: A weight file is damaged or of another kind.
        DataError: The data set or the statistics are unusable.
        SpecError: What was told is impossible.
        OSError: The output cannot be written.
    """
    output = wanted.output.expanduser().absolute()
    check_output(output, wanted.force)
    run = read_run(wanted.run, wanted.checkpoint)
    config = run.configuration
    checkpoint = read_checkpoint(run.checkpoint)
    check_epoch(run.checkpoint, checkpoint.epoch)
    encoder_name(config)
    _check_transform(config)
    check_repeated(config)
    embeddings = derive_embeddings(checkpoint, config)
    encoder = _find_encoder(wanted, checkpoint, config, embeddings.visual_width)
    data = read_data(config, wanted.dataset, wanted.dataset_kind, wanted.statistics)
    if wanted.calibrate and (data is None or not data.has_images):
        raise ConversionError("--calibrate needs --dataset DIR, and the data set's images in it")
    complete(facts, data, config)
    missing = _missing(wanted, facts, config, embeddings, encoder)
    if missing or encoder is None:
        raise ConversionError(question(missing))
    check_counts(facts, embeddings.action_dim, embeddings.proprio_dim)
    architecture = derive_architecture(
        checkpoint, config, embeddings, encoder, _heads(encoder, facts)
    )
    spec = ModelSpec(
        name=facts.name or output.name,
        family=FAMILY,
        weights=WeightsFile(sha256=""),
        image=_image(facts, config, data),
        action=ActionSpec(**vars(facts.action)),
        proprio=ProprioSpec(facts.proprio.names or [], facts.proprio.units),
        statistics=training_statistics(config, embeddings, data, wanted.statistics),
        training=Training(
            checkpoint.epoch, config.get("training.epochs", int), config.get("training.seed", int)
        ),
        control_rate=facts.control_rate or 0.0,
        calibration=facts.calibration,
        num_hist=config.get("num_hist", int),
        frameskip=config.get("frameskip", int),
        objective=facts.objective,
        architecture=architecture.to_dict(),
        source=_source(wanted, run, encoder, data),
    )
    write(output, spec, checkpoint, encoder)
    notes = _notes(checkpoint, config, architecture)
    if wanted.encoder is not None and encoder.file == checkpoint.path:
        notes.append("--encoder is not used: the checkpoint holds the encoder, which was trained.")
    if wanted.calibrate and data is not None:
        notes += _calibrate(output, spec, data)
    return Converted(output, spec, notes)


def _missing(
    wanted: Request,
    facts: Facts,
    config: Configuration,
    embeddings: Embeddings,
    encoder: EncoderWeights | None,
) -> list[Missing]:
    """Everything that is still to be told, files first."""
    missing = []
    if encoder is None:
        file = file_name(encoder_name(config))
        missing.append(Missing("--encoder FILE", f"{file}, which torch's cache has not"))
    normalized = config.get("env.dataset.normalize_action", bool)
    if normalized and wanted.dataset is None and wanted.statistics is None:
        text = "data set of the training; or --statistics FILE, what it normalized with"
        missing.append(Missing("--dataset DIR", text))
    ask_heads = encoder is not None and not encoder.heads
    return missing + missing_facts(
        facts, embeddings.action_dim, embeddings.proprio_dim, heads=ask_heads
    )


def _heads(encoder: EncoderWeights, facts: Facts) -> int:
    told = facts.encoder_heads
    if told and encoder.heads and told != encoder.heads:
        raise ConversionError(
            f"--encoder-heads is {told}, but the encoder has {encoder.heads}: leave it out"
        )
    return encoder.heads or told


def _calibrate(output: Path, spec: ModelSpec, data: Data) -> list[str]:
    """Measure distances and write them into the spec; notes where that fails."""
    model = DinoWorldModel(spec, output / spec.weights.file, resolve_device("auto"))
    try:
        spec.calibration = calibrate(model, data)
    except ValueError as error:
        return [f"There is no calibration, so no goal can count as reached: {error}"]
    spec.save(output)
    return []


def _check_transform(config: Configuration) -> None:
    target = config.get("env.dataset.transform._target_", str)
    if target != TRANSFORM:
        raise ConversionError(
            f"{config.path} names the image transform {target}: only {TRANSFORM} (resize, crop at "
            "the center, mean and std 0.5) is known, so the images could not be prepared as in "
            "training"
        )


def _find_encoder(
    wanted: Request, checkpoint: Checkpoint, config: Configuration, width: int
) -> EncoderWeights | None:
    """The encoder's weights; None: its file is missing."""
    name = encoder_name(config)
    inside = encoder_of_checkpoint(name, checkpoint, width)
    if inside is not None:
        return inside
    if config.find("model.train_encoder"):
        raise ConversionError(
            f"{config.path} says that the encoder was trained, but {checkpoint.path} does not hold "
            "it: the official weights would be the wrong ones"
        )
    file = find_encoder_file(name, wanted.encoder)
    return None if file is None else read_encoder(name, file, width)


def _image(facts: Facts, config: Configuration, data: Data | None) -> ImageSpec:
    measured = {}
    if data is not None and data.has_images:
        measured = vars(image_statistics(data, facts.color_order))
    return ImageSpec(size=config.get("img_size", int), color_order=facts.color_order, **measured)


def _source(
    wanted: Request, run: Run, encoder: EncoderWeights, data: Data | None
) -> dict[str, Any]:
    files = {"checkpoint": run.checkpoint, "config": run.configuration.path}
    dataset = run.configuration.get("env.dataset", dict)
    return {
        **{name: {"file": file.name, "sha256": file_sha256(file)} for name, file in files.items()},
        "encoder": {"file": encoder.file.name, "sha256": encoder.sha256},
        "environment": run.configuration.get("env.name", str),
        "dataset": dataset,
        "dataset_kind": data.kind if data else wanted.dataset_kind or "",
        "command": wanted.command,
    }


def _notes(checkpoint: Checkpoint, config: Configuration, architecture: Architecture) -> list[str]:
    notes = []
    if checkpoint.epoch > (epochs := config.get("training.epochs", int)):
        notes.append(
            f"The checkpoint is of epoch {checkpoint.epoch}, but hydra.yaml says training.epochs "
            f"is {epochs}: are they of the same run?"
        )
    if architecture.decoder is None and config.find("has_decoder") is not False:
        elsewhere = config.find("env.decoder_path")
        found = checkpoint.modules.get("decoder")
        why = (
            f"its decoder is {found.class_name}, not the known VQVAE"
            if found
            else f"its decoder is in a file of its own, {elsewhere}"
            if elsewhere
            else "the checkpoint has no decoder"
        )
        notes.append(f"There are no imagined images: {why}.")
    return notes
