"""Epochs, weights as drawn before training, encoder files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from wm_planner.diagnosis import checkpoint
from wm_planner.models.loading import WeightsError
from wm_planner.models.spec import ModelSpec, Training


@pytest.mark.parametrize(
    ("epoch", "verdict"), [(9, "stop"), (19, "stop"), (20, "warn"), (49, "warn"), (50, "ok")]
)
def test_early_epochs_stop_and_half_trained_ones_warn(epoch: int, verdict: str) -> None:
    result = checkpoint.epochs(Training(epoch, 100, 0))
    assert result is not None
    assert result.verdict == verdict
    assert f"{epoch} of 100" in result.evidence


def test_unknown_planned_epochs_say_nothing() -> None:
    assert checkpoint.epochs(Training(9, 0, 0)) is None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("layer", [nn.Conv1d(35, 10, 1), nn.Linear(404, 64), nn.Conv2d(3, 8, 5)])
def test_weights_as_torch_draws_them_look_initial(seed: int, layer: nn.Module) -> None:
    torch.manual_seed(seed)
    layer.reset_parameters()
    assert checkpoint.looks_initial(layer.weight.detach())


@pytest.mark.parametrize("seed", range(20))
def test_weights_after_a_few_hundred_optimizer_steps_do_not(seed: int) -> None:
    torch.manual_seed(seed)
    layer = nn.Conv1d(10, 10, 1)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=5e-4)
    goal = torch.randn(10, 10, 1)
    for _ in range(400):
        optimizer.zero_grad()
        inputs = torch.randn(16, 10, 4)
        (layer(inputs) - torch.conv1d(inputs, goal)).square().mean().backward()
        optimizer.step()
    assert not checkpoint.looks_initial(layer.weight.detach())


def _save(path: Path, action_encoder: nn.Conv1d) -> Path:
    other = torch.randn(32, 32)  # no uniform distribution
    weights = {
        "predictor.weight": other,
        "action_encoder.patch_embed.weight": action_encoder.weight,
    }
    save_file({name: tensor.detach() for name, tensor in weights.items()}, path)
    return path


def test_a_fresh_action_encoder_after_several_epochs_is_suspect(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = nn.Conv1d(10, 10, 1)
    file = _save(tmp_path / "w.safetensors", layer)
    found = checkpoint.action_encoder(file, Training(30, 100, 0))
    assert found is not None
    assert found.verdict == "warn"
    assert "SUSPECT" in found.sentence
    assert "cannot prove" in found.sentence
    first = checkpoint.action_encoder(file, Training(1, 100, 0))
    assert first is not None
    assert first.verdict == "ok"  # nothing was resumed
    with torch.no_grad():
        layer.weight *= 2.0
    trained = checkpoint.action_encoder(_save(file, layer), Training(30, 100, 0))
    assert trained is not None
    assert trained.verdict == "ok"
    assert checkpoint.untrained(file).verdict == "ok"


def test_a_file_that_is_no_safetensors_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="copy it again"):
        checkpoint.untrained(tmp_path / "w.safetensors")


def test_another_encoder_file_than_the_recorded_is_named(spec: ModelSpec, tmp_path: Path) -> None:
    file = tmp_path / "dinov2_vits14_pretrain.pth"
    file.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    recorded = replace(spec, source={"encoder": {"file": file.name, "sha256": digest}})
    assert checkpoint.encoder_file(recorded, file).verdict == "ok"
    file.write_bytes(b"others")
    found = checkpoint.encoder_file(recorded, file)
    assert found.verdict == "stop"
    assert digest[:12] in found.sentence
    assert "convert it again" in checkpoint.encoder_file(spec, file).sentence
