"""A hostile checkpoint runs nothing and ends in one sentence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hostile_pickles import ATTACKS, damaged_copies, text, write_zip

from wm_planner.conversion.dino_wm.checkpoint import read_checkpoint
from wm_planner.files.errors import FileFormatError
from wm_planner.files.torch_file import read_torch_file

GENUINE = (
    Path(__file__).parents[2] / "data" / "dino_wm" / "outputs/tiny/checkpoints/model_latest.pth"
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_in_a_checkpoint_stays_inert(tmp_path: Path, attack: str) -> None:
    marker = tmp_path / "owned"
    body = ATTACKS[attack](str(marker))
    checkpoint = b"\x80\x04}(" + text("epoch") + b"K\x01" + text("predictor") + body + b"u."
    with pytest.raises(FileFormatError, match="no checkpoint of DINO-WM"):
        read_checkpoint(write_zip(tmp_path / "model_latest.pth", checkpoint))
    assert not marker.exists()


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_hidden_in_a_genuine_checkpoint_stays_inert(tmp_path: Path, attack: str) -> None:
    marker = tmp_path / "owned"
    path = tmp_path / "model_latest.pth"
    with zipfile.ZipFile(GENUINE) as genuine, zipfile.ZipFile(path, "w") as archive:
        for entry in genuine.infolist():
            content = genuine.read(entry)
            if entry.filename.endswith("data.pkl"):
                assert content[-1:] == b"."
                content = content[:-1] + text("extra") + ATTACKS[attack](str(marker)) + b"s."
            archive.writestr(entry.filename, content)
    modules = read_checkpoint(path).modules
    assert {"predictor", "decoder"} <= modules.keys()
    assert all(module.tensors() for module in modules.values())
    assert not marker.exists()


def test_nested_tuples_take_no_time(tmp_path: Path) -> None:
    """2 ** 200 leaves, as a key, an attribute and a size."""
    bomb = b")" + b"2\x86" * 200
    checkpoint = b"}" + text("epoch") + b"K\x01s" + text("predictor") + bomb + b"s."
    with pytest.raises(FileFormatError, match="an epoch and a predictor"):
        read_checkpoint(write_zip(tmp_path / "model_latest.pth", checkpoint))


def test_a_nested_key_is_never_printed(tmp_path: Path) -> None:
    """A call whose two arguments are the same call, 60 times: 2 ** 60 words."""
    bomb = b"cx\na\n)Rq\x00" + b"".join(
        b"0cx\na\nh%ch%c\x86Rq%c" % (i, i, i + 1) for i in range(60)
    )
    path = write_zip(tmp_path / "model_latest.pth", b"\x80\x02}" + bomb + b"K\x01s.")
    with pytest.raises(FileFormatError, match="it holds nothing named"):
        read_checkpoint(path)
    (key,) = read_torch_file(path)
    assert len(repr(key)) < 200


def test_a_module_that_holds_itself_is_refused(tmp_path: Path) -> None:
    module = b"cmodels.vit\nViTPredictor\n)\x81q\x01}" + text("_parameters") + b"}s"
    module += text("_modules") + b"}" + text("inner") + b"h\x01ssb"
    checkpoint = b"}" + text("epoch") + b"K\x01s" + text("predictor") + module + b"s."
    with pytest.raises(FileFormatError, match="holds itself"):
        read_checkpoint(write_zip(tmp_path / "model_latest.pth", checkpoint))


def test_random_damage_gives_a_sentence_or_is_harmless(tmp_path: Path) -> None:
    with zipfile.ZipFile(GENUINE) as genuine:
        (name,) = (name for name in genuine.namelist() if name.endswith("/data.pkl"))
        content = genuine.read(name)
    sentences = []
    for damaged in damaged_copies(content, count=150, most=5):
        path = write_zip(tmp_path / "model_latest.pth", damaged)
        try:
            modules = read_checkpoint(path).modules
            assert all(module.shapes() for module in modules.values())
        except FileFormatError as error:
            sentences.append(str(error))
    assert len(sentences) > 50
    assert all(sentence.startswith(str(tmp_path)) for sentence in sentences)
