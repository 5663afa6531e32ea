"""A model directory is complete at every moment, also while its model is replaced."""

from __future__ import annotations

import errno
import itertools
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from wm_planner.files import whole
from wm_planner.models import load, load_spec, write_model

MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
TENSOR = "decoder.color.bias"


def _other(offset: float) -> dict[str, torch.Tensor]:
    tensors = load_file(MODEL / "weights.safetensors")
    return {name: tensor + offset for name, tensor in tensors.items()}


def _offset(directory: Path) -> float:
    """Load the model, which compares digest and shapes; return what ``_other`` added."""
    found = load(directory, "cpu").networks.state_dict()[TENSOR]  # type: ignore[attr-defined]
    return round(float((found - _other(0.0)[TENSOR]).mean()), 3)


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "model"))


def test_a_new_directory_appears_complete(tmp_path: Path) -> None:
    write_model(tmp_path / "new", load_spec(MODEL), _other(1.0))
    assert _names(tmp_path / "new") == ["model.yaml", "weights.safetensors"]
    assert _names(tmp_path) == ["new"]
    assert _offset(tmp_path / "new") == 1.0
    modes = {path.stat().st_mode for path in (tmp_path / "new").iterdir()}
    assert len(modes) == 1, "the weights are as public as the spec"


def test_the_model_can_be_loaded_at_every_step_of_its_replacement(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _names(copy)
    seen: list[float] = []
    replace = whole.os.replace

    def watched(*paths: Path) -> None:
        seen.append(_offset(copy))
        replace(*paths)
        seen.append(_offset(copy))

    monkeypatch.setattr(whole.os, "replace", watched)
    write_model(copy, load_spec(copy), _other(1.0))
    assert seen == [0.0, 0.0, 0.0, 1.0]
    assert _names(copy) == sorted({*before, "weights-2.safetensors"} - {"weights.safetensors"})
    write_model(copy, load_spec(copy), _other(2.0))
    assert _offset(copy) == 2.0
    assert len(_names(copy)) == len(before)


@pytest.mark.parametrize("step", [0, 2], ids=["weights", "model.yaml"])
def test_a_full_disk_leaves_the_model_as_it_was(
    copy: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    before = {path: path.read_bytes() for path in copy.iterdir()}
    steps, fsync = itertools.count(), whole.os.fsync

    def full(descriptor: int) -> None:
        if next(steps) == step:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(whole.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_model(copy, load_spec(copy), _other(1.0))
    assert {path: path.read_bytes() for path in copy.iterdir()} == before
