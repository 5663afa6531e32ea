"""The file that records what the planner would have commanded, one plan a line, in JSON."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import threading
import time
from collections.abc import Mapping
from typing import Any

from wm_planner.config import ConfigError
from wm_planner.files.home import expanded
from wm_planner.files.regular import append_regular
from wm_planner.text import quoted

MAX_BYTES = 100_000_000  # of the file
MAX_WAITING = 100  # plans that wait for a slow disk
CLOSING = 1.0  # [s] for the last plans to be written


class ShadowRecord:
    """Appends records to a file in a thread of its own, so that no disk delays a command.

    Args:
        path: The file, which may exist; empty: nothing is written.

    Raises:
        ConfigError: The file cannot be written.

    Attributes:
        problem: Why records are missing, as a sentence, or an empty string.
    """

    def __init__(self, path: str) -> None:
        self._path, self.problem = path, ""
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        if path:
            file = _open(path)
            # A daemon, so that a file system that hangs does not keep the process from ending.
            self._thread = threading.Thread(target=self._write_all, args=(file,), daemon=True)
            self._thread.start()

    @property
    def wanted(self) -> bool:
        """Whether records are written."""
        return self._thread is not None

    def add(self, record: Mapping[str, Any]) -> None:
        """Write a record soon; never blocks, and never fails."""
        if self._thread is None:
            return
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self._lost("its disk is too slow")

    def close(self) -> None:
        """Write what waits, and close the file; blocks for ``CLOSING`` at most."""
        if self._thread is None:
            return
        until = time.monotonic() + CLOSING
        try:
            self._waiting.put(None, timeout=CLOSING)
            self._thread.join(max(until - time.monotonic(), 0.0))
        except queue.Full:
            pass  # the disk hangs
        self._thread = None

    def _lost(self, why: str) -> None:
        self.problem = f"commands.shadow_file {quoted(self._path)} misses plans: {why}"

    def _write_all(self, file: int) -> None:
        size = os.fstat(file).st_size
        try:
            while (record := self._waiting.get()) is not None:
                line = (json.dumps(_strict(record)) + "\n").encode()
                if size + len(line) > MAX_BYTES:
                    self._lost(f"it is full, {MAX_BYTES / 1e6:g} MB at most")
                    continue
                try:
                    size += _append(file, line)
                except OSError as error:  # e.g. the disk is full; it may not be so later
                    self._lost(f"{error.strerror}")
        finally:
            os.close(file)


def _open(path: str) -> int:
    """Open a file to append to it, and return its descriptor.

    Raises:
        ConfigError: It is no regular file, or cannot be written.
    """
    what = f"commands.shadow_file {quoted(path)}"
    if "\0" in path or not path.strip():
        raise ConfigError(f"{what} is no path: give a file, as ~/shadow.jsonl")
    try:
        file = append_regular(expanded(path))
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":  # of a line that a power cut left
            os.write(file, b"\n")
        return file
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(
            f"{what} cannot be written ({reason}): give a file in a folder that exists"
        ) from error


def _append(file: int, line: bytes) -> int:
    """Write a line, or nothing of it; return its length.

    Raises:
        OSError: The line was not written.
    """
    size = os.fstat(file).st_size
    try:
        if os.write(file, line) < len(line):
            raise OSError(0, "the disk is full")
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)  # half a line would spoil the next one
        raise
    return len(line)


def _strict(value: Any) -> Any:
    """Return a value with null instead of numbers that JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    return [_strict(item) for item in value] if isinstance(value, list) else value
