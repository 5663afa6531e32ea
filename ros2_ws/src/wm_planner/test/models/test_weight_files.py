"""A model whose weights are in several files is the model that has them in one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from wm_planner.cli import main
from wm_planner.diagnosis.weight_layers import layers
from wm_planner.files.digest import file_sha256
from wm_planner.models import SpecError, load, load_spec, write_model
from wm_planner.models.loading import WeightsError, weight_files
from wm_planner.models.spec import WeightsFile

MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
Tensors = dict[str, torch.Tensor]


@pytest.fixture
def split(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of the embedded model in two files; ``change`` gets the tensors of both."""

    def make(change: Callable[[Tensors, Tensors], None] = lambda encoder, rest: None) -> Path:
        directory = tmp_path / "model"
        directory.mkdir()
        tensors = load_file(MODEL / "weights.safetensors")
        encoder = {n: t for n, t in tensors.items() if n.startswith("encoder.")}
        rest = {n: t for n, t in tensors.items() if n not in encoder}
        change(encoder, rest)
        spec = load_spec(MODEL)
        for name, part in (("encoder.safetensors", encoder), ("weights.safetensors", rest)):
            save_file(part, directory / name)
        spec.weights.sha256 = file_sha256(directory / "weights.safetensors")
        digest = file_sha256(directory / "encoder.safetensors")
        spec.more_weights = [WeightsFile(digest, "encoder.safetensors")]
        spec.save(directory)
        return directory

    return make


def test_the_networks_are_those_of_one_file(split: Callable[..., Path]) -> None:
    whole, parts = (load(path, "cpu") for path in (MODEL, split()))
    expected = whole.networks.state_dict()  # type: ignore[attr-defined]
    found = parts.networks.state_dict()  # type: ignore[attr-defined]
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name])


def test_the_commands_read_all_files(
    split: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    directory = split()
    both = layers(weight_files(directory, load_spec(directory)))
    assert both.keys() == layers(MODEL / "weights.safetensors").keys()
    modules = []
    for path in (MODEL, directory):
        words = ["--samples", "8", "--iterations", "1", "--horizon", "1", "--json"]
        assert main(["inspect", str(path), *words, "model.device=cpu"]) == 0
        modules.append(json.loads(capsys.readouterr().out)["modules"])
    assert modules[0] == modules[1]
    assert {"encoder", "predictor"} <= modules[0].keys()


def test_a_tensor_in_two_files_is_refused(split: Callable[..., Path]) -> None:
    def repeat(encoder: Tensors, rest: Tensors) -> None:
        rest["encoder.again"] = encoder["encoder.again"] = torch.zeros(1)

    with pytest.raises(WeightsError, match=r"encoder\.again of .* is in another"):
        load(split(repeat), "cpu")


def test_a_tensor_in_no_file_is_named(split: Callable[..., Path]) -> None:
    def forget(encoder: Tensors, rest: Tensors) -> None:
        name = next(iter(encoder))
        encoder["encoder.renamed"] = encoder.pop(name)

    with pytest.raises(WeightsError, match=r"is missing; encoder\.renamed is not known"):
        load(split(forget), "cpu")


def test_every_file_has_its_digest(split: Callable[..., Path]) -> None:
    directory = split()
    encoder = directory / "encoder.safetensors"
    save_file({"encoder.other": torch.zeros(1)}, encoder)
    with pytest.raises(WeightsError, match=r"encoder\.safetensors has SHA-256 .* damaged"):
        load(directory, "cpu")
    encoder.unlink()
    with pytest.raises(WeightsError, match=r"encoder\.safetensors is missing: copy it beside"):
        load(directory, "cpu")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("file: encoder.safetensors", "file: weights.safetensors", "name a file twice"),
        ("file: encoder.safetensors", "file: ../encoder.safetensors", "name of a file beside"),
        ("file: encoder.safetensors", "files: encoder.safetensors", "did you mean file"),
    ],
)
def test_files_are_checked_in_the_spec(
    split: Callable[..., Path], old: str, new: str, words: str
) -> None:
    path = split() / "model.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    with pytest.raises(SpecError, match=words):
        load_spec(path.parent)


def test_too_many_files_are_refused(split: Callable[..., Path]) -> None:
    spec = load_spec(directory := split())
    spec.more_weights = [WeightsFile("", f"{i}.safetensors") for i in range(100)]
    spec.save(directory)
    with pytest.raises(SpecError, match="has 101 weight files; at most 100"):
        load_spec(directory)


def test_a_model_in_several_files_is_replaced_by_one_in_one_file(
    split: Callable[..., Path],
) -> None:
    directory = split()
    write_model(directory, load_spec(directory), load_file(MODEL / "weights.safetensors"))
    assert sorted(path.name for path in directory.iterdir()) == [
        "model.yaml", "weights-2.safetensors",
    ]  # fmt: skip
    load(directory, "cpu")
