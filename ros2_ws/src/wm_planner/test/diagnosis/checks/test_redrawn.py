"""Action encoders drawn anew, and untrained layers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from wm_planner.diagnosis.checks.redrawn import suspect_redrawn
from wm_planner.diagnosis.checks.untrained import count_untrained
from wm_planner.models.loading import WeightsError
from wm_planner.models.spec import Training


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
    found = suspect_redrawn("action_encoder", file, Training(30, 100, 0))
    assert found is not None
    assert found.verdict == "warn"
    assert "SUSPECT" in found.sentence
    assert "cannot prove" in found.sentence
    first = suspect_redrawn("action_encoder", file, Training(1, 100, 0))
    assert first is not None
    assert first.verdict == "ok"  # nothing was resumed
    with torch.no_grad():
        layer.weight *= 2.0
    trained = suspect_redrawn("action_encoder", _save(file, layer), Training(30, 100, 0))
    assert trained is not None
    assert trained.verdict == "ok"
    assert count_untrained(file).verdict == "ok"


def test_a_file_that_is_no_safetensors_raises(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="copy it again"):
        count_untrained(tmp_path / "w.safetensors")
