"""Convert a training run of DINO-WM into a model directory: ``model.yaml`` and weights."""

from __future__ import annotations

from typing import Any

from wm_planner.conversion.dino_wm.checkpoint import Checkpoint, read_checkpoint
from wm_planner.conversion.dino_wm.derive import (
    Embeddings,
    derive_architecture,
    derive_embeddings,
)
from wm_planner.conversion.dino_wm.encoder_weights import (
    EncoderWeights,
    encoder_name,
    encoder_of_checkpoint,
    file_name,
    find_encoder_file,
    read_encoder,
)
from wm_planner.conversion.dino_wm.facts import UNUSED, fill_in, missing_facts
from wm_planner.conversion.dino_wm.normalization import read_dataset, training_statistics
from wm_planner.conversion.dino_wm.training_run import (
    Configuration,
    Run,
    check_epoch,
    check_repeated,
    read_run,
)
from wm_planner.conversion.dino_wm.weights import collect_weights
from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.facts import Facts, check_counts, check_used
from wm_planner.conversion.finish import bounds_warnings, measure_calibration
from wm_planner.conversion.missing_facts import MissingFact, question
from wm_planner.conversion.model_directory import check_output
from wm_planner.conversion.request import Converted, Request
from wm_planner.datasets import Dataset, episode_digests, measure_training_images
from wm_planner.files.digest import file_sha256
from wm_planner.files.home import expanded
from wm_planner.models.dino_wm.architecture import Architecture
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    ProprioSpec,
    Training,
    WeightsFile,
)
from wm_planner.models.writing import write_model
from wm_planner.progress import Progress

FAMILY = "dino_wm"
TRANSFORM = "datasets.img_transforms.default_transform"


def convert(request: Request, facts: Facts) -> Converted:
    """Convert one checkpoint; nothing is written before everything was checked.

    Args:
        request: The files.
        facts: What the files do not say.

    Raises:
        ConversionError: Files contradict each other, or facts are missing.
        FileFormatError: A weight file is damaged or of another kind.
        DatasetError: The dataset or the statistics are unusable.
        SpecError: The facts are impossible.
        OSError: The output cannot be written.
    """
    output = expanded(request.output).absolute()
    check_output(output, request.force)
    check_used(facts, "DINO-WM", UNUSED)
    run = read_run(request.run, request.checkpoint)
    config = run.configuration
    with request.progress(f"reading {run.checkpoint.name}"):
        checkpoint = read_checkpoint(run.checkpoint)
    check_epoch(run.checkpoint, checkpoint.epoch)
    encoder_name(config)
    _check_transform(config)
    check_repeated(config)
    embeddings = derive_embeddings(checkpoint, config)
    encoder = _find_encoder(request, checkpoint, config, embeddings.visual_width)
    with request.progress("reading the numbers of the dataset"):
        dataset = read_dataset(config, request.dataset, request.dataset_kind, request.statistics)
    if request.calibrate and (dataset is None or not dataset.has_images):
        raise ConversionError("--calibrate needs --dataset DIR, and the dataset's images in it")
    fill_in(facts, dataset, config)
    missing = _missing(request, facts, config, embeddings, encoder)
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
        image=_image(facts, config, dataset, request.progress),
        action=ActionSpec(**vars(facts.action)),
        proprio=ProprioSpec(facts.proprio.names or [], facts.proprio.units),
        statistics=training_statistics(config, embeddings, dataset, request.statistics),
        training=Training(
            checkpoint.epoch, config.get("training.epochs", int), config.get("training.seed", int)
        ),
        control_rate=facts.control_rate or 0.0,
        calibration=facts.calibration,
        num_hist=config.get("num_hist", int),
        frameskip=config.get("frameskip", int),
        objective=facts.objective,
        license=facts.license,
        architecture=architecture.to_dict(),
        source=_source(request, run, encoder, dataset),
    )
    with request.progress("writing the weights"):
        write_model(output, spec, collect_weights(spec, checkpoint, encoder))
    warnings = _warnings(checkpoint, config, architecture) + bounds_warnings(spec, dataset)
    if request.encoder is not None and encoder.file == checkpoint.path:
        warnings.append(
            "--encoder is not used: the checkpoint holds the encoder, which was trained."
        )
    if request.calibrate and dataset is not None:
        warnings += measure_calibration(output, spec, dataset, request.progress)
    origin = {"encoder": f"{architecture.encoder.name} from {encoder.file.name}"}
    return Converted(output, spec, origin, warnings)


def _missing(
    request: Request,
    facts: Facts,
    config: Configuration,
    embeddings: Embeddings,
    encoder: EncoderWeights | None,
) -> list[MissingFact]:
    """List everything that is missing, files first."""
    missing = []
    if encoder is None:
        file = file_name(encoder_name(config))
        missing.append(MissingFact("--encoder FILE", f"{file}, which is not in torch's cache"))
    normalized = config.get("env.dataset.normalize_action", bool)
    if normalized and request.dataset is None and request.statistics is None:
        text = "dataset of the training; or --statistics FILE, what it normalized with"
        missing.append(MissingFact("--dataset DIR", text))
    ask_heads = encoder is not None and not encoder.heads
    return missing + missing_facts(
        facts, embeddings.action_dim, embeddings.proprio_dim, heads=ask_heads
    )


def _heads(encoder: EncoderWeights, facts: Facts) -> int:
    given = facts.encoder_heads
    if given and encoder.heads and given != encoder.heads:
        raise ConversionError(
            f"--encoder-heads is {given}, but the encoder has {encoder.heads}: leave it out"
        )
    return encoder.heads or given


def _check_transform(config: Configuration) -> None:
    target = config.get("env.dataset.transform._target_", str)
    if target != TRANSFORM:
        raise ConversionError(
            f"{config.path} names the image transform {target}: only {TRANSFORM} (resize, crop at "
            "the center, mean and std 0.5) is known, so the images could not be prepared as in "
            "training"
        )


def _find_encoder(
    request: Request, checkpoint: Checkpoint, config: Configuration, width: int
) -> EncoderWeights | None:
    """Return the encoder's weights; None: its file is missing."""
    name = encoder_name(config)
    inside = encoder_of_checkpoint(name, checkpoint, width)
    if inside is not None:
        return inside
    if config.find("model.train_encoder"):
        raise ConversionError(
            f"{config.path} says that the encoder was trained, but {checkpoint.path} does not hold "
            "it: the official weights would be the wrong ones"
        )
    file = find_encoder_file(name, request.encoder)
    return None if file is None else read_encoder(name, file, width)


def _image(
    facts: Facts, config: Configuration, dataset: Dataset | None, progress: Progress
) -> ImageSpec:
    measured = {}
    if dataset is not None and dataset.has_images:
        measured = vars(measure_training_images(dataset, facts.color_order, progress))
    return ImageSpec(size=config.get("img_size", int), color_order=facts.color_order, **measured)


def _source(
    request: Request, run: Run, encoder: EncoderWeights, dataset: Dataset | None
) -> dict[str, Any]:
    files = {"checkpoint": run.checkpoint, "config": run.configuration.path}
    configured = run.configuration.get("env.dataset", dict)
    return {
        **{name: {"file": file.name, "sha256": file_sha256(file)} for name, file in files.items()},
        "encoder": {"file": encoder.file.name, "sha256": encoder.sha256},
        "environment": run.configuration.get("env.name", str),
        "dataset": configured,
        "dataset_kind": dataset.kind if dataset else request.dataset_kind or "",
        **({"episodes": episode_digests.record(dataset, request.progress)} if dataset else {}),
        "command": request.command,
    }


def _warnings(
    checkpoint: Checkpoint, config: Configuration, architecture: Architecture
) -> list[str]:
    warnings = []
    if checkpoint.epoch > (epochs := config.get("training.epochs", int)):
        warnings.append(
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
        warnings.append(f"There are no imagined images: {why}.")
    return warnings
