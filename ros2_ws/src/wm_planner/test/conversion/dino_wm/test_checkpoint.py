"""Checkpoints are read without running them, and tensors only when they are needed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import dino_wm_runs as upstream
import pytest
import torch
from safetensors.torch import save_file

from wm_planner.conversion.dino_wm.checkpoint import (
    FileFormatError,
    read_checkpoint,
    read_state_dict,
)

DATA = Path(__file__).parents[2] / "data" / "dino_wm"
GENUINE = DATA / "outputs/tiny/checkpoints/model_latest.pth"
ENCODER = DATA / "dinov2_tiny_pretrain.pth"


def _equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


def _sentence(path: Path) -> str:
    with pytest.raises(FileFormatError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_tensors_equal_those_that_torch_loads_with_upstreams_classes() -> None:
    with upstream.importable():
        genuine = torch.load(GENUINE, map_location="cpu", weights_only=False)
    checkpoint = read_checkpoint(GENUINE)
    assert checkpoint.epoch == genuine["epoch"] == 1
    names = {"predictor", "decoder", "action_encoder", "proprio_encoder"}
    assert checkpoint.modules.keys() == names
    for name in names:
        assert _equal(checkpoint.modules[name].tensors(), dict(genuine[name].state_dict()))
    assert _equal(
        {name: record.read() for name, record in read_state_dict(ENCODER).items()},
        torch.load(ENCODER, weights_only=True),
    )


def test_attributes_that_shapes_do_not_show_are_read() -> None:
    modules = dict(read_checkpoint(GENUINE).modules["predictor"].modules())
    attention = modules["transformer.layers.1.0"]
    assert attention.class_name == "models.vit.Attention"
    assert (attention.attributes["heads"], attention.attributes["scale"]) == (4, 0.25)


@pytest.mark.parametrize("data_parallel", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
def test_wrapped_modules_and_old_files_are_read(
    tmp_path: Path, data_parallel: bool, legacy: bool
) -> None:
    run = upstream.TrainingRun(data_parallel=data_parallel, legacy=legacy, encoder_inside=True)
    path = run.write(tmp_path / "run") / "checkpoints" / run.file
    modules = read_checkpoint(path).modules
    assert modules.keys() == run.modules.keys()
    for name, module in run.modules.items():
        assert _equal(modules[name].tensors(), module.state_dict())


def test_the_bytes_of_optimizers_are_never_read(tmp_path: Path) -> None:
    run = upstream.TrainingRun()
    path = run.write(tmp_path / "run") / "checkpoints" / run.file
    wanted = {
        record.storage.key
        for module in read_checkpoint(path).modules.values()
        for record in module.records().values()
    }
    content = bytearray(path.read_bytes())
    damaged = []
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            key = entry.filename.rpartition("/data/")[2]
            if key.isdigit() and key not in wanted:
                with archive.open(entry) as file:
                    start = file._orig_compress_start
                content[start : start + entry.file_size] = b"\xff" * entry.file_size
                damaged.append(entry.filename)
    assert len(damaged) > len(wanted)  # AdamW has two tensors for each
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        for name in damaged:
            with pytest.raises(zipfile.BadZipFile):
                archive.read(name)
    modules = read_checkpoint(path).modules
    assert all(_equal(modules[k].tensors(), m.state_dict()) for k, m in run.modules.items())


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.0001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_a_file_cut_short_gives_a_sentence(tmp_path: Path, legacy: bool, share: float) -> None:
    run = upstream.TrainingRun(legacy=legacy)
    path = run.write(tmp_path / "run") / "checkpoints" / run.file
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "cut short" in _sentence(path) or share < 0.5


def test_a_damaged_tensor_gives_a_sentence(tmp_path: Path) -> None:
    run = upstream.TrainingRun()
    path = run.write(tmp_path / "run") / "checkpoints" / run.file
    weight = run.modules["predictor"].state_dict()["pos_embedding"].numpy().tobytes()
    content = path.read_bytes()
    assert content.count(weight) == 1
    path.write_bytes(content.replace(weight, weight[::-1]))
    predictor = read_checkpoint(path).modules["predictor"]
    with pytest.raises(FileFormatError, match=r"model_latest\.pth cannot be used: .* is damaged"):
        predictor.tensors()


def test_other_kinds_of_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model_latest.pth"
    assert "cannot be read" in _sentence(path)
    for content, words in (
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is a PNG image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"<!DOCTYPE html>", "is a web page"),
        (bytes(range(256)), "is no file of torch.save"),
    ):
        path.write_bytes(content)
        assert words in _sentence(path)
    save_file({"a": torch.zeros(2)}, path)
    assert "is a safetensors file" in _sentence(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "")
    assert "a zip archive, but not one of torch.save" in _sentence(path)
    assert "cannot be read" in _sentence(tmp_path)


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (torch.nn.Linear(2, 3).state_dict(), "no checkpoint of DINO-WM: it holds weight, bias"),
        ({"state_dict": {}, "epoch": 3}, "it holds state_dict, epoch"),
        ({"epoch": 3, "predictor": torch.nn.Linear(2, 3).state_dict()}, "an epoch and a predictor"),
        ([1, 2], "holds a list"),
        (torch.nn.Linear(2, 3), "an object of torch.nn.modules.linear.Linear"),
        (torch.zeros(3), "holds a TensorRecord"),
    ],
)
def test_a_checkpoint_of_another_project_is_refused(
    tmp_path: Path, contents: object, words: str
) -> None:
    torch.save(contents, tmp_path / "model_latest.pth")
    assert words in _sentence(tmp_path / "model_latest.pth")


def test_weights_and_checkpoints_are_distinguished() -> None:
    assert "it holds cls_token, pos_embed" in _sentence(ENCODER)
    with pytest.raises(FileFormatError, match="holds a checkpoint of a training"):
        read_state_dict(GENUINE)
