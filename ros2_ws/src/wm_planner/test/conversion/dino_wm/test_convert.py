"""A run becomes a model directory that computes what upstream computed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conversions import (
    DATA,
    ENCODER,
    MAZE,
    RUN,
    facts,
)
from dino_wm_runs import TrainingRun
from safetensors.torch import load_file

from wm_planner.conversion.dino_wm.checkpoint import read_checkpoint, read_state_dict
from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.request import Converted, Request
from wm_planner.models import load, load_spec
from wm_planner.models.protocol import ObservationBatch


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """The genuine run, converted."""
    output = tmp_path_factory.mktemp("models") / "tiny"
    return convert(Request(RUN, output, encoder=ENCODER, dataset=MAZE, command="…"), facts())


def test_the_genuine_run_is_described_as_it_was_trained(tiny: Converted) -> None:
    spec = load_spec(tiny.directory)
    assert tiny.warnings == []
    assert (spec.family, spec.name, spec.num_hist, spec.frameskip) == ("dino_wm", "tiny", 3, 5)
    assert (spec.training.epoch, spec.training.epochs, spec.training.seed) == (1, 1, 0)
    assert (spec.image.size, spec.image.color_order, spec.control_rate) == (224, "rgb", 10.0)
    assert (spec.objective.mode, spec.objective.alpha) == ("last", 1.0)
    assert spec.action.command is None
    assert spec.calibration is None
    assert spec.source["dataset"]["n_rollout"] == 12
    assert spec.source["dataset"]["data_path"] == "/data/point_maze"
    files = {"checkpoint": RUN / "checkpoints/model_latest.pth", "config": RUN / "hydra.yaml",
             "encoder": ENCODER}  # fmt: skip
    for name, file in files.items():
        assert spec.source[name]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    architecture = spec.architecture
    assert architecture["predictor"] == {
        "depth": 2, "heads": 4, "dim_head": 16, "mlp_dim": 64, "width": 68, "tokens": 196,
        "frames": 3,
    }  # fmt: skip
    assert (architecture["encoder"]["heads"], architecture["encoder"]["grid"]) == (3, 37)


def test_its_tensors_are_those_of_its_files_to_the_bit(tiny: Converted) -> None:
    written = load_file(tiny.directory / "weights.safetensors")
    expected = {f"encoder.{k}": v.read() for k, v in read_state_dict(ENCODER).items()}
    for name, module in read_checkpoint(RUN / "checkpoints/model_latest.pth").modules.items():
        expected |= {f"{name}.{key}": tensor for key, tensor in module.tensors().items()}
    assert written.keys() == expected.keys()
    assert all(torch.equal(written[name], tensor) for name, tensor in expected.items())


def test_its_statistics_are_those_of_the_training(tiny: Converted) -> None:
    with np.load(DATA / "reference.npz") as reference:
        for name in ("action", "proprio"):
            moments = getattr(tiny.spec.statistics, name)
            assert moments.mean == reference[f"{name}_mean"].tolist()
            assert moments.std == reference[f"{name}_std"].tolist()
    assert tiny.spec.statistics.problem() == ""


def test_a_converted_run_is_loaded_and_computes_what_upstream_computed(tiny: Converted) -> None:
    model = load(tiny.directory, "cpu")
    with np.load(DATA / "reference.npz") as content:
        reference = {name: torch.from_numpy(values) for name, values in content.items()}
    latent = model.encode(ObservationBatch(reference["obs_visual"], reference["obs_proprio"]))
    rollout = model.rollout(latent, reference["act"][None])
    for found, name in ((rollout.visual, "rollout_visual"), (rollout.proprio, "rollout_proprio")):
        torch.testing.assert_close(found[0], reference[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_hist": 1},
        {"num_hist": 5, "frameskip": 1},
        {"concat_dim": 0},
        {"repeats": (2, 3)},
        {"feature_key": "x_norm_clstoken"},
        {"feature_key": "x_norm_clstoken", "concat_dim": 0},
        {"encoder_inside": True},
        {"data_parallel": True, "encoder_inside": True},
        {"legacy": True},
        {"action_dim": 8, "proprio_dim": 1},
        {"encoder_name": "dinov2_vits14_reg"},
        {"heads": (1, 0)},
        {"heads": (1, 12)},
    ],
    ids=str,
)
def test_every_variant_is_converted_and_loaded(
    made: Callable[..., Converted], settings: dict[str, Any]
) -> None:
    run = TrainingRun(**settings)
    converted = made(run)
    assert converted.warnings == []
    written = load_file(converted.directory / "weights.safetensors")
    for name, module in run.modules.items():
        prefix = f"{name}."
        for key, tensor in module.state_dict().items():
            stored = f"{prefix}{key}".replace("encoder.base_model.", "encoder.")
            assert torch.equal(written[stored], tensor)
    model = load(converted.directory, "cpu")
    assert model.spec.architecture["concat_dim"] == run.concat_dim
    assert model.spec.action.dim == run.action_dim
    assert model.spec.training.epoch == 7


@pytest.mark.parametrize("decoder", ["none", "transposed_conv"])
def test_without_the_known_decoder_there_is_a_note_and_no_decoder(
    made: Callable[..., Converted], decoder: str
) -> None:
    converted = made(TrainingRun(decoder=decoder))
    (warning,) = converted.warnings
    assert "no imagined images" in warning
    names = load_file(converted.directory / "weights.safetensors")
    assert not any(name.startswith("decoder.") for name in names)
    assert converted.spec.architecture["decoder"] is None


def test_images_of_the_dataset_give_the_camera_contract_and_the_calibration(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    """A square grows in images whose red is 0.2 and blue 0.6 on average."""
    data = tmp_path / "set"
    (data / "obses").mkdir(parents=True)
    torch.manual_seed(1)
    torch.save(torch.randn(4, 24, 2), data / "actions.pth")
    torch.save(torch.randn(4, 24, 4), data / "states.pth")
    torch.save(torch.full((4,), 24), data / "seq_lengths.pth")
    images = torch.zeros(24, 32, 48, 3, dtype=torch.uint8)
    images[..., 0], images[..., 2] = 51, 153
    for step in range(24):
        images[step, : step + 4, : step + 4, 1] = 250
    for episode in range(4):
        torch.save(images, data / f"obses/episode_{episode:03d}.pth")
    converted = made(TrainingRun(frameskip=1), dataset=data, statistics=None, calibrate=True)
    assert converted.warnings == []
    spec = load_spec(converted.directory)
    assert (spec.image.channel_mean[0], spec.image.channel_mean[2]) == (0.2, 0.6)
    assert spec.image.camera_aspect == 1.5
    assert spec.calibration is not None
    assert spec.calibration.latent is not None


def test_a_numbered_checkpoint_is_chosen_by_its_epoch(made: Callable[..., Converted]) -> None:
    converted = made(TrainingRun(file="model_7.pth"), checkpoint="7")
    assert converted.spec.source["checkpoint"]["file"] == "model_7.pth"


def test_an_encoder_beside_the_trained_one_is_not_used(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    converted = made(TrainingRun(encoder_inside=True), encoder=tmp_path / "encoder.pth")
    assert converted.spec.source["encoder"]["file"] == "model_latest.pth"
    (warning,) = converted.warnings
    assert warning.startswith("--encoder is not used")


def test_an_epoch_after_the_last_gives_a_note(made: Callable[..., Converted]) -> None:
    (warning,) = made(TrainingRun(epoch=101)).warnings
    assert "is of epoch 101, but hydra.yaml says training.epochs is 100" in warning


def test_the_encoder_is_found_in_torchs_cache(
    made: Callable[..., Converted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with pytest.raises(ConversionError, match="not in torch's cache"):
        made(TrainingRun(), encoder=None)
    cache = tmp_path / "cache/hub/checkpoints"
    cache.mkdir(parents=True)
    shutil.move(tmp_path / "encoder.pth", cache / "dinov2_vits14_pretrain.pth")
    request = Request(tmp_path / "run", tmp_path / "model", statistics=tmp_path / "statistics.yaml")
    converted = convert(request, facts(encoder_heads=2))
    assert converted.spec.source["encoder"]["file"] == "dinov2_vits14_pretrain.pth"
