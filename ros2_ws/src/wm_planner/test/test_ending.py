"""How programs end if their output is closed, full or of another encoding, or nobody reads it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

PROGRAM = """
import os, signal, sys
from wm_planner.ending import explained

@explained("a program")
def main():
    {}

main()
"""
CLI = [sys.executable, "-m", "wm_planner.cli"]


def run(
    body: str | list[str], redirect: str = "", stdout: int = subprocess.PIPE, **environment: str
) -> tuple[int, str, str]:
    """Run a program, or the body of one; return its exit code and what it printed.

    Its output is buffered, as it is for users.
    """
    words = body if isinstance(body, list) else [sys.executable, "-c", PROGRAM.format(body)]
    done = subprocess.run(
        ["bash", "-c", f'exec "$@" {redirect}', "bash", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUNBUFFERED": "", "COLUMNS": "80", **environment},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def left() -> Iterator[int]:
    """The end of a pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_closed_output_is_no_error() -> None:
    body = "print('lost'); assert not sys.stdout.isatty(); assert not sys.stderr.isatty()"
    for redirect in (">&-", "2>&-", ">&- 2>&-"):
        assert run(body, redirect)[0] == 0
    assert run([*CLI, "doctor", "--image", "/nowhere"], ">&-") == (2, "", "")
    assert run([*CLI, "inspect", "/nowhere"], "2>&-") == (2, "", "")


def test_a_character_that_the_output_lacks_becomes_an_escape() -> None:
    other = {"PYTHONIOENCODING": "ascii"}
    assert run("print('a …')", **other) == (0, "a \\u2026\n", "")
    code, out, err = run([*CLI, "plan", "--help"], **other)
    assert (code, err) == (0, "")
    assert "\\u2026" in out
    code, out, err = run([*CLI, "doctor", "--image", "ä.png"], **other)
    assert (code, err) == (2, "")
    assert "image \\xe4.png" in out


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_left_is_no_error(left: int, unbuffered: str) -> None:
    environment = {"PYTHONUNBUFFERED": unbuffered}
    for body in ("print('x')", "print('x' * 10**5)", "print('x'); sys.exit(0)"):
        assert run(body, stdout=left, **environment) == (0, None, "")
    for words in (["doctor", "--image", "/nowhere"], ["plan", "--help"]):
        assert run([*CLI, *words], stdout=left, **environment) == (0, None, "")


def test_an_error_is_told_although_nobody_reads_the_output(left: int) -> None:
    body = "print('x'); raise OSError(2, 'it is gone', 'file')"
    assert run(body, stdout=left) == (2, None, "a program: it is gone: file\n")
    code, _, _ = run("raise OSError(2, 'it is gone')", "2>&1", stdout=left)
    assert code == 2


def test_another_pipe_that_breaks_is_an_error() -> None:
    body = "reader, writer = os.pipe(); os.close(reader); os.write(writer, b'x')"
    assert run(body) == (2, "", "a program: Broken pipe\n")


def test_output_that_cannot_be_written_is_an_error() -> None:
    said = "No space left on device\n"
    assert run("print('x')", "> /dev/full") == (2, "", f"a program: {said}")
    assert run([*CLI, "doctor", "--image", "/nowhere"], "> /dev/full")[::2] == (
        2,
        f"wm-planner: {said}",
    )


def test_an_interrupt_ends_without_a_word() -> None:
    assert run("signal.raise_signal(signal.SIGINT)") == (128 + signal.SIGINT, "", "")
