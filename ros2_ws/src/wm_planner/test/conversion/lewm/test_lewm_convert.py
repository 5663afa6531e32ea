"""What a converted LeWM model says: forms, files chosen, statistics, images, terms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from lewm_runs import (
    DATA,
    EPISODES,
    NUMBERS,
    PICKLED,
    convert_lewm,
    lewm_facts,
    state_dict,
    without_targets,
    write_configured,
    write_training,
)
from safetensors.torch import load_file

from wm_planner.conversion.request import Converted
from wm_planner.datasets import read as opened
from wm_planner.datasets.lewm.stable_worldmodel import KIND
from wm_planner.models.loading import load
from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.spec import load_spec


def weights(converted: Converted) -> dict[str, torch.Tensor]:
    return load_file(converted.directory / converted.spec.weights.file)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_every_form_gives_the_same_model(tmp_path: Path) -> None:
    runs = [
        DATA / "lewm",
        DATA / "lewm_transformers4",
        PICKLED,
        write_training(tmp_path / "run"),
        write_configured(tmp_path / "plain", without_targets),
        write_configured(tmp_path / "nested", lambda config: {"model": config, "lr": 1e-4}),
    ]
    made = [convert_lewm(run, tmp_path / str(i)) for i, run in enumerate(runs)]
    for other in made[1:]:
        assert same(weights(made[0]), weights(other))
        assert other.spec.architecture == made[0].spec.architecture


def test_spec_of_the_genuine_run(tmp_path: Path) -> None:
    facts = lewm_facts(epochs=50, license={"name": "MIT", "source": "the model's page"})
    convert_lewm(write_training(tmp_path / "run"), tmp_path / "model", facts)
    spec = load_spec(tmp_path / "model")
    assert (spec.family, spec.num_hist, spec.frameskip, spec.image.size) == ("lewm", 3, 5, 56)
    assert spec.image.mean == [0.485, 0.456, 0.406]
    assert spec.image.std == [0.229, 0.224, 0.225]
    assert (spec.image.fit, spec.image.normalize_first, spec.image.antialias) == (
        "keep", True, True,
    )  # fmt: skip
    assert (spec.objective.metric, spec.objective.reduction) == ("l2", "sum")
    assert (spec.training.epoch, spec.training.epochs) == (9, 50)
    assert spec.license.sentence == "MIT (the model's page)"
    # Upstream summed in float32.
    said = json.loads((DATA / "statistics.json").read_text())
    np.testing.assert_allclose(spec.statistics.action.mean, said["action_mean"], atol=1e-6)
    np.testing.assert_allclose(spec.statistics.action.std, said["action_std"], atol=1e-6)
    assert spec.statistics.proprio is None
    provenance = spec.statistics.provenance
    assert provenance is not None
    assert (provenance.episodes, provenance.steps) == (150, 6000)  # without each last, NaN
    assert "ddof 0" in provenance.formula


@pytest.mark.parametrize(
    ("names", "wanted", "chosen"),
    [
        (["weights.pt"], "latest", "weights.pt"),
        (["weights.pt", "weights_epoch_9.pt"], "latest", "weights.pt"),
        (["weights_epoch_9.pt", "weights_epoch_10.pt"], "latest", "weights_epoch_10.pt"),
        (["weights.pt", "weights_epoch_9.pt", "weights_epoch_10.pt"], "9", "weights_epoch_9.pt"),
        (["a_object.ckpt", "prior_head_a.pt", "normalizer.pt"], "latest", "a_object.ckpt"),
        (["a.ckpt", "b.ckpt"], "b.ckpt", "b.ckpt"),
    ],
)
def test_the_checkpoint_that_is_meant(
    tmp_path: Path, names: list[str], wanted: str, chosen: str
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(DATA / "lewm/config.json", run)
    for name in names:
        shutil.copy(DATA / "lewm/weights.pt", run / name)
    if "normalizer.pt" in names:
        statistics = opened(NUMBERS, KIND, normalization="population").statistics().action
        content = {"action": {"mean": statistics.mean, "std": statistics.std}}
        torch.save(content, run / "normalizer.pt")
    made = convert_lewm(run, tmp_path / "model", checkpoint=wanted)
    assert made.spec.source["checkpoint"]["file"] == chosen
    number = "".join(filter(str.isdigit, chosen))
    assert made.spec.training.epoch == (int(number) if number else -1)


@pytest.mark.parametrize(
    ("crop", "fit", "part", "aspect"),
    [
        ("square", "keep", [], 1.0),
        ("center", "crop", [], 0.0),
        ("640x480:0,0,640,480", "squash", [0.0, 0.0, 1.0, 1.0], 4 / 3),
        ("640x480:80,0,480,480", "squash", [0.125, 0.0, 0.75, 1.0], 4 / 3),
    ],
)
def test_the_cameras_crop_is_asked_for_and_stored(
    tmp_path: Path, crop: str, fit: str, part: list[float], aspect: float
) -> None:
    facts = lewm_facts(camera_crop=crop)
    image = convert_lewm(DATA / "lewm", tmp_path / "model", facts).spec.image
    assert (image.fit, image.camera_crop) == (fit, part)
    assert image.camera_aspect == pytest.approx(aspect)


def test_a_camera_sees_what_the_training_saw(tmp_path: Path) -> None:
    """A part of a wide image gives the latent of that part alone."""
    part, whole = (
        load(
            convert_lewm(
                DATA / "lewm", tmp_path / crop[:2], lewm_facts(camera_crop=crop)
            ).directory,
            "cpu",
        )
        for crop in ("96x64:16,0,64,64", "square")
    )
    with h5py.File(EPISODES) as content:
        picture = content["pixels"][3]
    wide = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    wide[:, 16:80] = picture
    latents = [
        model.encode(ObservationBatch(torch.from_numpy(image)[None, None])).visual
        for model, image in ((part, wide), (whole, picture))
    ]
    assert torch.equal(*latents)


def test_images_of_the_data_set_are_measured_and_calibrate(tmp_path: Path) -> None:
    made = convert_lewm(DATA / "lewm", tmp_path / "model", dataset=EPISODES, calibrate=True)
    spec = load_spec(made.directory)
    assert len(spec.image.channel_mean) == 3
    assert spec.calibration is not None
    assert 0 < spec.calibration.tolerance < 1
    assert spec.calibration.latent is not None
    assert len(spec.calibration.latent.mean) == 48
    assert len("".join(spec.source["episodes"])) == 2 * 16


def test_weights_in_half_precision_are_read(tmp_path: Path) -> None:
    run = write_configured(tmp_path / "run", lambda config: config)
    half = {k: v.half() if v.is_floating_point() else v for k, v in state_dict().items()}
    torch.save(half, run / "weights.pt")
    made = weights(convert_lewm(run, tmp_path / "model"))
    assert made["encoder.cls_token"].dtype == torch.float32


def test_tensors_for_training_alone_are_left_out(tmp_path: Path) -> None:
    run = write_configured(tmp_path / "run", lambda config: config)
    extra = {"encoder.pooler.dense.weight": torch.zeros(48, 48), "sigreg.t": torch.zeros(17),
             "encoder.embeddings.mask_token": torch.zeros(1, 1, 48)}  # fmt: skip
    torch.save(state_dict() | extra, run / "weights.pt")
    convert_lewm(run, tmp_path / "model")


def test_without_a_configuration_the_heads_are_asked_for(tmp_path: Path) -> None:
    file = Path(shutil.copy(DATA / "lewm/weights.pt", tmp_path / "toy_weights.ckpt"))
    facts = lewm_facts(encoder_heads=3, predictor_heads=4)
    made = convert_lewm(file, tmp_path / "model", facts)
    other = convert_lewm(DATA / "lewm", tmp_path / "other")
    assert made.spec.architecture == other.spec.architecture


def test_numbers_of_the_data_set_alone_are_its_digest(tmp_path: Path) -> None:
    """A file of images may have any size: only actions count."""
    copy = tmp_path / "copy.h5"
    shutil.copy(NUMBERS, copy)
    with h5py.File(copy, "a") as content:
        content["reward"] = np.zeros(6150)
    one, other = (
        convert_lewm(DATA / "lewm", tmp_path / file.stem, dataset=file).spec.statistics.provenance
        for file in (copy, NUMBERS)
    )
    assert one is not None
    assert other is not None
    assert one.dataset_sha256 == other.dataset_sha256


def test_the_objective_may_be_another(tmp_path: Path) -> None:
    facts = lewm_facts(objective={"mode": "mean", "metric": "cos"})
    objective = convert_lewm(DATA / "lewm", tmp_path / "model", facts).spec.objective
    assert (objective.mode, objective.metric) == ("mean", "cos")


def test_the_size_of_the_encoder_names_its_heads(tmp_path: Path) -> None:
    def only_size(config: dict[str, Any]) -> dict[str, Any]:
        encoder = {k: v for k, v in config["encoder"].items() if k != "num_attention_heads"}
        return {**config, "encoder": encoder}

    made = convert_lewm(write_configured(tmp_path / "run", only_size), tmp_path / "model")
    assert made.spec.architecture["encoder"]["heads"] == 3  # of "tiny", whose width is overridden


def test_bounds_that_forbid_what_was_recorded_are_told(tmp_path: Path) -> None:
    action = {"names": ["dx", "dy"], "units": ["m", "m"], "frame": "base"}
    narrow = lewm_facts(action={**action, "lower": [-0.02, -9], "upper": [0.02, 9]})
    warnings = convert_lewm(DATA / "lewm", tmp_path / "narrow", narrow).warnings
    (warning,) = (warning for warning in warnings if "bounds" in warning)
    assert "of the recorded values of dx lie outside its bounds, -0.02 to 0.02" in warning


def test_recorded_actions_at_the_bounds_are_within_them(tmp_path: Path) -> None:
    """Recorded in single precision, 0.05 is a little more."""
    clipped = tmp_path / "clipped.h5"
    shutil.copy(NUMBERS, clipped)
    with h5py.File(clipped, "r+") as file:
        scaled = file["action"][:] / np.nanstd(file["action"][:])
        file["action"][:] = np.clip(0.1 * scaled, -0.05, 0.05).astype(np.float32)
    action = {"names": ["dx", "dy"], "units": ["m", "m"], "frame": "base"}
    facts = lewm_facts(action={**action, "lower": [-0.05] * 2, "upper": [0.05] * 2})
    warnings = convert_lewm(DATA / "lewm", tmp_path / "model", facts, dataset=clipped).warnings
    assert not [warning for warning in warnings if "bounds" in warning]
