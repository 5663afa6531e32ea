"""Capture what libjpeg and libpng write to stderr while an image is decoded.

libjpeg decodes a damaged image to the end, fills the lost part with gray and writes a line to
stderr; OpenCV reports neither. So file descriptor 2 points to a memory file for the few
milliseconds of a decoding; what other threads write meanwhile is passed on afterward. A child
process that another thread starts in these milliseconds inherits the memory file.

This stays because simplejpeg, which needs no redirection, either refuses harmless stray bytes too
(strict) or accepts lost pixels too (not strict).
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
_STRAY = re.compile(rb"Corrupt JPEG data: \d+ extraneous bytes before marker")


def capture(decode: Callable[[], _Result]) -> tuple[_Result, list[bytes]]:
    """Run a decoding and capture the lines that the codec writes.

    Args:
        decode: Decodes one image; may raise.

    Returns:
        What ``decode`` returns, and the codec's lines.
    """
    with _LOCK:
        try:
            stderr = os.dup(2)
        except OSError:  # the process has no stderr, so the codec writes nothing
            return decode(), []
        try:
            memory = os.memfd_create("codec")
            try:
                os.dup2(memory, 2)
                try:
                    result = decode()
                finally:
                    os.dup2(stderr, 2)
                    lines = _written(memory)
                    _pass_on(stderr, lines)
            finally:
                os.close(memory)
        finally:
            os.close(stderr)
    return result, [line for line in lines if _is_codec_line(line)]


def damage(lines: list[bytes]) -> str:
    """Return the first of the captured lines that means lost pixels, or ``""``."""
    damaged = (line for line in lines if line.startswith(_DAMAGE) and not _STRAY.match(line))
    return _text(next(damaged, b""))


def stray_bytes(lines: list[bytes]) -> str:
    """Return the first of the captured lines that reports bytes before a marker, or ``""``.

    They may be stray bytes, or coded data that are left over after damage. libjpeg prints only its
    first warning, so damage may follow.
    """
    return _text(next((line for line in lines if _STRAY.match(line)), b""))


def _text(line: bytes) -> str:
    return line.decode(errors="replace").strip()


def _written(memory: int) -> list[bytes]:
    size = os.fstat(memory).st_size
    return os.pread(memory, size, 0).splitlines(keepends=True) if size else []


def _is_codec_line(line: bytes) -> bool:
    """Decide whether libjpeg, libpng or the log of OpenCV's readers wrote a line."""
    return line.startswith(_KNOWN) or b" grfmt_" in line


def _pass_on(stderr: int, lines: list[bytes]) -> None:
    others = b"".join(line for line in lines if not _is_codec_line(line))
    if others:
        os.write(stderr, others)
