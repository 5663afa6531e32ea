"""Hears what libjpeg and libpng say about an image, instead of letting them write to the terminal.

libjpeg decodes a damaged image to the end, fills in gray, and writes one line to stderr; OpenCV
passes on neither the line nor the fact. A frame with half an image is worse than none, so file
descriptor 2 is pointed at a memory file for the few milliseconds of one decoding. Whatever other
threads write there meanwhile is passed on afterward. A child process started by another thread in
just those milliseconds would inherit the memory file; who cannot have that sets
``ImagePolicy.strict_compressed`` to false.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")

_LOCK = threading.Lock()
_DAMAGE = (
    b"Corrupt JPEG data",
    b"Premature end of JPEG",
    b"Inconsistent progression sequence",
    b"libpng error",
)
_HARMLESS = (
    b"libpng warning",
    b"Invalid SOS parameters",
    b"Warning: unknown JFIF revision",
    b"Unknown Adobe color transform",
    b"Application transferred too many scanlines",
)
_KNOWN = _DAMAGE + _HARMLESS
_EXTRANEOUS = re.compile(rb"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")


def listen(work: Callable[[], _Result]) -> tuple[_Result, list[bytes]]:
    """Run a decoding and catch what the codec writes.

    Args:
        work: Decodes one image; may raise.

    Returns:
        What ``work`` returns, and the codecs' lines.
    """
    with _LOCK:
        try:
            terminal = os.dup(2)
        except OSError:  # no stderr at all: nothing is written, nothing can be heard
            return work(), []
        try:
            memory = os.memfd_create("codec")
            try:
                os.dup2(memory, 2)
                try:
                    result = work()
                finally:
                    os.dup2(terminal, 2)
                    lines = _written(memory)
                    _pass_on(terminal, lines)
            finally:
                os.close(memory)
        finally:
            os.close(terminal)
    return result, [line for line in lines if _of_codec(line)]


def damage(lines: list[bytes], padding: int) -> str:
    """Pick the line that means lost pixels.

    Args:
        lines: What ``listen`` heard.
        padding: Zero bytes that the camera put before the end marker; libjpeg calls them
            extraneous, and they cost nothing.

    Returns:
        The warning, or ``""``.
    """
    for line in lines:
        found = _EXTRANEOUS.match(line)
        if found is not None and int(found.group(1)) <= padding:
            continue
        if line.startswith(_DAMAGE):
            return line.decode(errors="replace").strip()
    return ""


def _written(memory: int) -> list[bytes]:
    size = os.fstat(memory).st_size
    return os.pread(memory, size, 0).splitlines(keepends=True) if size else []


def _of_codec(line: bytes) -> bool:
    """Tell libjpeg's and libpng's lines, and OpenCV's log of its readers, from all others."""
    return line.startswith(_KNOWN) or b" grfmt_" in line


def _pass_on(terminal: int, lines: list[bytes]) -> None:
    others = b"".join(line for line in lines if not _of_codec(line))
    if others:
        os.write(terminal, others)
