"""The device of a model is checked before the model is loaded."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

from wm_planner.models import device
from wm_planner.models.device import resolve_device, unused_gpu


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("foo", "model.device is foo, which torch does not know: use auto, cpu"),
        ("mps", "model.device is mps; models run on auto, cpu, cuda or cuda:1"),
        ("cpu:x", "model.device is cpu:x, which torch does not know"),
        (f"cuda:{torch.cuda.device_count()}", r"but (torch .* sees \d+ GPU|PyTorch|CUDA finds)"),
    ],
)
def test_an_unknown_or_missing_device_is_refused(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        resolve_device(name)


def test_the_cpu_is_always_accepted() -> None:
    assert resolve_device("cpu") == torch.device("cpu")


def test_auto_is_the_gpu_if_there_is_one() -> None:
    chosen = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto") == torch.device(chosen)


@pytest.mark.skipif(torch.version.cuda is not None, reason="PyTorch is built with CUDA")
def test_a_pytorch_without_cuda_is_told_from_a_machine_without_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = rf"PyTorch .* of {re.escape(sys.executable)} was built without CUDA, and"
    monkeypatch.setattr(device, "PCI", tmp_path)
    monkeypatch.setattr(device, "DRIVER", tmp_path / "version")
    with pytest.raises(ValueError, match=f"{without} this machine has no NVIDIA GPU: set model.de"):
        resolve_device("cuda")
    assert unused_gpu() == ""
    card = tmp_path / "0000:01:00.0"
    card.mkdir()
    (card / "vendor").write_text("0x10de\n")
    (card / "class").write_text("0x030000\n")
    with pytest.raises(ValueError, match=f"{without} .*without a driver: install the driver"):
        resolve_device("cuda:0")
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX Module  550.54.14  Thu Feb 22\n")
    with pytest.raises(ValueError, match=r"NVIDIA driver 550\.54\.14: `make worker`"):
        resolve_device("cuda")
    assert "550.54.14" in unused_gpu()  # which the log says where auto is the CPU
