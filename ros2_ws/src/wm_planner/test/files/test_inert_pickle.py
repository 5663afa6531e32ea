"""Whatever a pickle asks for, nothing is run, imported or allocated for it."""

from __future__ import annotations

import io
import pickle
import sys
import tracemalloc
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from hostile_pickles import ATTACKS, text

from wm_planner.files.errors import FileFormatError
from wm_planner.files.inert_pickle import Global, Record, read_pickle


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_that_works_on_pickle_stays_inert(tmp_path: Path, attack: str) -> None:
    marker = tmp_path / "owned"
    body = ATTACKS[attack](str(marker))
    payload = b"\x80\x04" + body + b"."
    with suppress(Exception):  # raised when the damage is done
        pickle.loads(payload)
    assert marker.exists()
    marker.unlink()
    read_pickle(io.BytesIO(payload), persistent=repr, calls={"collections.OrderedDict": dict})
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


def test_a_pickle_cannot_change_the_reader() -> None:
    """BUILD on a name or on a container sets nothing anywhere."""
    for target in (b"cbuiltins\nobject\n", b"ccollections\nOrderedDict\n)R", b"]"):
        read_pickle(
            io.BytesIO(target + b"N}" + text("read") + b"K\x01s\x86b."),
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
        (b"\x96" + (2**62).to_bytes(8, "little") + b".", "BYTEARRAY8"),  # BYTEARRAY8
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
    wrong = pytest.raises(FileFormatError, match=words) if words else nullcontext()
    tracemalloc.start()
    try:
        with wrong:
            read_pickle(io.BytesIO(body), persistent=repr, calls={})
        assert tracemalloc.get_traced_memory()[1] < 2**20  # [bytes] whatever size it announces
    finally:
        tracemalloc.stop()


def test_a_key_of_nested_tuples_is_refused_before_it_is_hashed() -> None:
    """Its hash would take 2 ** 200 steps."""
    item = b")" + b"2\x86" * 200 + b"K\x01"
    for body in (b"}" + item + b"s.", b"}(" + item + b"u.", b"(" + item + b"d."):
        with pytest.raises(FileFormatError, match="container"):
            read_pickle(io.BytesIO(body), persistent=repr, calls={})


def test_elements_of_sets_are_not_hashed() -> None:
    bomb = b")" + b"2\x86" * 200
    for body in (b"\x8f(" + bomb + b"\x90.", b"(" + bomb + b"\x91."):
        assert len(read_pickle(io.BytesIO(body), persistent=repr, calls={})) == 1
