"""Whatever a pickle asks for, nothing is run, imported or allocated for it."""

from __future__ import annotations

import io
import pickle
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
import pytest

from wm_planner.models.dino_wm.archive import read_archive
from wm_planner.models.dino_wm.checkpoint import read_checkpoint
from wm_planner.models.dino_wm.pickles import CheckpointError, Global, Record, read_pickle

DATA = Path(__file__).parents[2] / "data" / "dino_wm"
GENUINE = DATA / "outputs/tiny/checkpoints/model_latest.pth"


def _text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def _call(function: str, argument: str) -> bytes:
    """GLOBAL, a tuple of one string, REDUCE."""
    return b"c" + function.replace(".", "\n").encode() + b"\n" + _text(argument) + b"\x85R"


# Opcodes: ( MARK, i INST, o OBJ, R REDUCE, b BUILD, s SETITEM, \x81 NEWOBJ, \x93 STACK_GLOBAL.
# Each is first shown to work on pickle itself.
ATTACKS: dict[str, Callable[[str], bytes]] = {
    "reduce": lambda path: _call("os.system", f"touch {path}"),
    "eval": lambda path: _call("builtins.eval", f"open({path!r}, 'w').close()"),
    "stack global": lambda path: (
        _text("os") + _text("system") + b"\x93" + _text(f"touch {path}") + b"\x85R"
    ),
    "inst": lambda path: b"(" + _text(f"touch {path}") + b"ios\nsystem\n",
    "obj": lambda path: b"(cos\nsystem\n" + _text(f"touch {path}") + b"o",
    "build": lambda path: (
        # An instance whose __setstate__ is os.system, set by a first BUILD.
        b"ctypes\nSimpleNamespace\n)\x81}" + _text("__setstate__") + b"cos\nsystem\nsb"
        + _text(f"touch {path}") + b"b"
    ),
    "torch's own loader": lambda path: (
        b"ctorch.storage\n_load_from_bytes\nC"
        + bytes([len(inner := b"\x80\x02" + _call("os.system", f"touch {path}") + b".")])
        + inner + b"\x85R"
    ),
}  # fmt: skip


def _zip(path: Path, data: bytes, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for name, content in entries.items():
            archive.writestr(f"archive/data/{name}", content)
    return path


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_that_works_on_pickle_stays_inert(tmp_path: Path, attack: str) -> None:
    marker = tmp_path / "owned"
    body = ATTACKS[attack](str(marker))
    payload = b"\x80\x04" + body + b"."
    with suppress(Exception):  # raised when the damage is done
        pickle.loads(payload)
    assert marker.exists()
    marker.unlink()

    calls = {"collections.OrderedDict": dict}
    read_pickle(io.BytesIO(payload), persistent=repr, calls=calls)
    checkpoint = b"\x80\x04}(" + _text("epoch") + b"K\x01" + _text("predictor") + body + b"u."
    with pytest.raises(CheckpointError, match="no checkpoint of DINO-WM"):
        read_checkpoint(_zip(tmp_path / "model_latest.pth", checkpoint))
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
                content = content[:-1] + _text("extra") + ATTACKS[attack](str(marker)) + b"s."
            archive.writestr(entry.filename, content)
    modules = read_checkpoint(path).modules
    assert {"predictor", "decoder"} <= modules.keys()
    assert all(module.tensors() for module in modules.values())
    assert not marker.exists()


def test_no_module_that_a_pickle_names_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap_of_a_pickle.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    value = read_pickle(io.BytesIO(b"ctrap_of_a_pickle\nTrap\n)\x81}b."), persistent=repr, calls={})
    assert isinstance(value, Record)
    assert value.path == "trap_of_a_pickle.Trap"
    assert "trap_of_a_pickle" not in sys.modules


def test_what_is_read_has_no_way_to_change_the_reader() -> None:
    """BUILD on a name or on a container sets nothing anywhere."""
    for target in (b"cbuiltins\nobject\n", b"ccollections\nOrderedDict\n)R", b"]"):
        read_pickle(
            io.BytesIO(target + b"N}" + _text("read") + b"K\x01s\x86b."),
            persistent=repr,
            calls={"collections.OrderedDict": dict},
        )
    assert Global("a.b") == Global("a.b")
    assert not hasattr(Global, "read")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x8d" + (2**62).to_bytes(8, "little") + b"abc.", "damaged"),  # BINUNICODE8
        (b"\x8e" + (2**63 - 1).to_bytes(8, "little") + b".", "damaged"),  # BINBYTES8
        (b"\x8b" + (2**31 - 1).to_bytes(4, "little") + b".", "damaged"),  # LONG4
        (b"I" + b"9" * 10_000 + b"\n.", "damaged"),
        (b"\x96" + (2**62).to_bytes(8, "little") + b".", "damaged"),  # BYTEARRAY8
        (b"\x82\x01.", "EXT1"),
        (b"\x97.", "NEXT_BUFFER"),
        (b"h\x07.", "damaged"),  # nothing in the memo
        (b"R.", "damaged"),
        (b"..", "damaged"),
        (b"}K\x01.", None),
        (b"}K\x01s.", "damaged"),
        (b"K\x01K\x02K\x03s.", "no dict"),
        (b"}K\x01K\x02\x86K\x03s.", "key is a container"),
        (b"}(K\x01K\x02K\x03u.", "damaged"),
        (b"K\x01K\x02R.", "no tuple"),
        (b"Pos.system\n.", None),
        (b"\xff\xff", "damaged"),
        (b"}", "damaged"),
        (b"", "damaged"),
    ],
)
def test_a_broken_pickle_gives_a_sentence_and_takes_no_memory(
    body: bytes, words: str | None
) -> None:
    wrong = pytest.raises(CheckpointError, match=words) if words else nullcontext()
    tracemalloc.start()
    try:
        with wrong:
            read_pickle(io.BytesIO(body), persistent=repr, calls={})
        assert tracemalloc.get_traced_memory()[1] < 2**20  # [bytes] whatever size it announces
    finally:
        tracemalloc.stop()


def test_tuples_of_tuples_cost_nothing(tmp_path: Path) -> None:
    """2 ** 200 leaves, as a key, an attribute and a size."""
    bomb = b")" + b"2\x86" * 200
    with pytest.raises(CheckpointError, match="container"):
        read_pickle(io.BytesIO(b"}" + bomb + b"K\x01s."), persistent=repr, calls={})
    checkpoint = b"}" + _text("epoch") + b"K\x01s" + _text("predictor") + bomb + b"s."
    with pytest.raises(CheckpointError, match="an epoch and a predictor"):
        read_checkpoint(_zip(tmp_path / "model_latest.pth", checkpoint))


def test_a_key_that_nests_itself_is_never_written_out(tmp_path: Path) -> None:
    """A call whose two arguments are the same call, 60 times: 2 ** 60 words."""
    bomb = b"cx\na\n)Rq\x00" + b"".join(
        b"0cx\na\nh%ch%c\x86Rq%c" % (i, i, i + 1) for i in range(60)
    )
    path = _zip(tmp_path / "model_latest.pth", b"\x80\x02}" + bomb + b"K\x01s.")
    with pytest.raises(CheckpointError, match="it holds nothing named"):
        read_checkpoint(path)
    (key,) = read_archive(path)
    assert len(repr(key)) < 200


STORAGE = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text("0") + _text("cpu")
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n("


@pytest.mark.parametrize(
    ("pickled", "words"),
    [
        # (2 ** 40,) elements with stride 0 in a storage of one
        (TENSOR + STORAGE + b"K\x01tQK\x00\x8a\x06" + (2**40).to_bytes(6, "little")
         + b"\x85K\x00\x85\x89NtR.", "in 1 elements"),
        (TENSOR + STORAGE + b"K\x02tQK\x05K\x01\x85K\x01\x85\x89NtR.", "in 2 elements"),
        (TENSOR + STORAGE + b"K\x02tQK\x00J\xff\xff\xff\xff\x85K\x01\x85\x89NtR.", "no sizes"),
        (TENSOR + STORAGE + b"K\x02tQK\x00K\x01\x85)\x89NtR.", "no sizes"),
        (TENSOR + b"NK\x00K\x01\x85K\x01\x85\x89NtR.", "without elements"),
        (STORAGE + b"NtQ.", "not in it"),
        (_text("/etc/passwd") + b"Q.", "not in it"),
        (b"P/etc/passwd\n.", "not in it"),
    ],
)  # fmt: skip
def test_an_impossible_tensor_gives_a_sentence(tmp_path: Path, pickled: bytes, words: str) -> None:
    path = _zip(tmp_path / "weights.pth", b"\x80\x02" + pickled, **{"0": bytes(4)})
    with pytest.raises(CheckpointError, match=words):
        read_archive(path)


@pytest.mark.parametrize(
    ("key", "count", "words"),
    [("0", b"K\x01", None), ("0", b"K\x02", "has 4 bytes instead of 8"),
     ("1", b"K\x01", "has no bytes"), ("../data.pkl", b"K\x01", "has no bytes"),
     ("0", b"\x8a\x06" + (2**40).to_bytes(6, "little"), "has 4 bytes instead of")],
)  # fmt: skip
def test_a_storage_must_be_in_the_file_and_of_its_size(
    tmp_path: Path, key: str, count: bytes, words: str | None
) -> None:
    storage = STORAGE.replace(_text("0"), _text(key))
    data = TENSOR + storage + count + b"tQK\x00K\x01\x85K\x01\x85\x89NtR."
    record = read_archive(_zip(tmp_path / "weights.pth", data, **{"0": bytes(4)}))
    if words is None:
        assert record.read().tolist() == [0.0]
    else:
        with pytest.raises(CheckpointError, match=words):
            record.read()


def test_a_zip_bomb_and_strange_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model_latest.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    with pytest.raises(CheckpointError, match="compressed"):
        read_archive(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../data.pkl", b"K\x01.")
    with pytest.raises(CheckpointError, match=r"no data\.pkl"):
        read_archive(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", b"K\x01.")
        archive.writestr("a/byteorder", b"big")
    with pytest.raises(CheckpointError, match="little-endian"):
        read_archive(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model_latest.pth"]


def test_a_module_that_holds_itself_is_refused(tmp_path: Path) -> None:
    module = b"cmodels.vit\nViTPredictor\n)\x81q\x01}" + _text("_parameters") + b"}s"
    module += _text("_modules") + b"}" + _text("inner") + b"h\x01ssb"
    checkpoint = b"}" + _text("epoch") + b"K\x01s" + _text("predictor") + module + b"s."
    with pytest.raises(CheckpointError, match="holds itself"):
        read_checkpoint(_zip(tmp_path / "model_latest.pth", checkpoint))


def test_random_damage_gives_a_sentence_or_is_harmless(tmp_path: Path) -> None:
    with zipfile.ZipFile(GENUINE) as genuine:
        (name,) = (name for name in genuine.namelist() if name.endswith("/data.pkl"))
        content = genuine.read(name)
    rng = np.random.default_rng(0)
    sentences = []
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            damaged[place] = rng.integers(256)
        path = _zip(tmp_path / "model_latest.pth", bytes(damaged))
        try:
            modules = read_checkpoint(path).modules
            assert all(module.shapes() for module in modules.values())
        except CheckpointError as error:
            sentences.append(str(error))
    assert len(sentences) > 50
    assert all(sentence.startswith(str(tmp_path)) for sentence in sentences)
