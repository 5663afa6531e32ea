"""Pickles that run something when they are unpickled, and archives that hold them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def call(function: str, argument: str) -> bytes:
    """GLOBAL, a tuple of one string, REDUCE."""
    return b"c" + function.replace(".", "\n").encode() + b"\n" + text(argument) + b"\x85R"


# Opcodes: ( MARK, i INST, o OBJ, R REDUCE, b BUILD, s SETITEM, \x81 NEWOBJ, \x93 STACK_GLOBAL.
# Each is first shown to work on pickle itself.
ATTACKS: dict[str, Callable[[str], bytes]] = {
    "reduce": lambda path: call("os.system", f"touch {path}"),
    "eval": lambda path: call("builtins.eval", f"open({path!r}, 'w').close()"),
    "stack global": lambda path: (
        text("os") + text("system") + b"\x93" + text(f"touch {path}") + b"\x85R"
    ),
    "inst": lambda path: b"(" + text(f"touch {path}") + b"ios\nsystem\n",
    "obj": lambda path: b"(cos\nsystem\n" + text(f"touch {path}") + b"o",
    "build": lambda path: (
        # An instance whose __setstate__ is os.system, set by a first BUILD.
        b"ctypes\nSimpleNamespace\n)\x81}" + text("__setstate__") + b"cos\nsystem\nsb"
        + text(f"touch {path}") + b"b"
    ),
    "torch's own loader": lambda path: (
        b"ctorch.storage\n_load_from_bytes\nC"
        + bytes([len(inner := b"\x80\x02" + call("os.system", f"touch {path}") + b".")])
        + inner + b"\x85R"
    ),
}  # fmt: skip


def write_zip(path: Path, data: bytes, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for name, content in entries.items():
            archive.writestr(f"archive/data/{name}", content)
    return path


def damaged_copies(content: bytes, count: int, most: int) -> Iterator[bytes]:
    """Yield copies in which 1 to ``most`` bytes were drawn anew, from a fixed seed."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, most + 1)):
            damaged[place] = rng.integers(256)
        yield bytes(damaged)
