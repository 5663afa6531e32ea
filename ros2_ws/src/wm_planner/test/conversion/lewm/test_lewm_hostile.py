"""Hostile variants of every form stay inert and end in a sentence."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hostile_pickles import ATTACKS, damaged_copies, text, write_zip
from lewm_runs import DATA, PICKLED, Holder, convert_lewm, refused

from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.lewm.checkpoint import read_checkpoint
from wm_planner.files.errors import FileFormatError


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_hidden_in_a_genuine_checkpoint_stays_inert(tmp_path: Path, attack: str) -> None:
    marker = tmp_path / "owned"
    path = tmp_path / "a_object.ckpt"
    with zipfile.ZipFile(PICKLED) as genuine, zipfile.ZipFile(path, "w") as archive:
        for entry in genuine.infolist():
            content = genuine.read(entry)
            if entry.filename.endswith("data.pkl"):  # the model becomes the state of another object
                content = (
                    b"\x80\x02}"
                    + text("extra")
                    + ATTACKS[attack](str(marker))
                    + b"s0"
                    + content[2:]
                )
            archive.writestr(entry.filename, content)
    convert_lewm(path, tmp_path / "model")
    assert not marker.exists()


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", ["weights.pt", "a_object.ckpt"])
def test_an_attack_in_place_of_a_checkpoint_stays_inert(
    tmp_path: Path, attack: str, name: str
) -> None:
    marker = tmp_path / "owned"
    body = ATTACKS[attack](str(marker))
    for content in (b"\x80\x02" + body + b".", b"\x80\x02}" + text("state_dict") + body + b"s."):
        file = write_zip(tmp_path / name, content)
        refused(file, tmp_path / "model", r"no weights|no model|no tensors")
        refused(DATA / "lewm", tmp_path / "model", "found: none", dataset=None,
                statistics=write_zip(tmp_path / "normalizer.pt", content))  # fmt: skip
    assert not marker.exists()


def test_a_module_that_holds_itself_is_refused(tmp_path: Path) -> None:
    module = b"cjepa\nJEPA\n)\x81q\x01}" + text("_parameters") + b"}s"
    module += text("_modules") + b"}" + text("inner") + b"h\x01ssb."
    file = write_zip(tmp_path / "a_object.ckpt", b"\x80\x02" + module)
    refused(file, tmp_path / "model", "holds itself")


def test_random_damage_gives_a_sentence_or_is_harmless(tmp_path: Path) -> None:
    with zipfile.ZipFile(PICKLED) as genuine:
        (name,) = (name for name in genuine.namelist() if name.endswith("/data.pkl"))
        content = genuine.read(name)
    sentences = []
    for damaged in damaged_copies(content, count=150, most=5):
        try:
            read_checkpoint(write_zip(tmp_path / "a_object.ckpt", damaged))
        except (ConversionError, FileFormatError) as error:
            sentences.append(str(error))
    assert len(sentences) > 50
    assert all(sentence.startswith(str(tmp_path)) for sentence in sentences)


def test_shared_parts_take_no_time(tmp_path: Path) -> None:
    """A few hundred bytes can hold the same dictionary 30 ** 8 times, or the same module."""
    nested: Any = {"mean": [1.0]}
    for _ in range(8):
        nested = {f"k{i}": nested for i in range(30)}
    torch.save(nested, tmp_path / "normalizer.pt")
    file = tmp_path / "normalizer.pt"
    refused(DATA / "lewm", tmp_path / "model", "found: none", dataset=None, statistics=file)
    module: Any = Holder()
    for _ in range(30):
        module = Holder(encoder=module, predictor=module)
    torch.save(module, tmp_path / "a_object.ckpt")
    refused(tmp_path / "a_object.ckpt", tmp_path / "model", "holds more than 100000 others")
