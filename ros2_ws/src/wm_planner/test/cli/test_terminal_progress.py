"""Progress on a terminal, in a log and in silence; no half lines are left however a job ends."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wm_planner.cli import terminal_progress
from wm_planner.cli.terminal_progress import logged, shown_progress
from wm_planner.progress import silent

MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
ERASED, SHOWN_CURSOR = "\x1b[2K", "\x1b[?25h"
WAIT = 60.0  # [s] that only a broken program needs
JOB = """
import signal, sys, time
from wm_planner.cli.terminal_progress import shown_progress
progress = shown_progress("--quiet" in sys.argv)
def job():
    long = "a phase with a name that is much too long for a terminal of 80 columns"
    with progress("counting [sheep]", 4) as step, progress(long):
        for number in range(4):
            step()
        if "--fail" in sys.argv:
            raise ValueError("it went wrong")
        if "--stop" in sys.argv:
            signal.raise_signal(signal.SIGINT)
try:
    job()
except ValueError as error:
    print(f"error: {error}", file=sys.stderr)
except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
print("result")
"""
Run = Callable[..., tuple[str, str]]


@pytest.fixture
def on_terminal() -> Run:
    """Run words with standard error on a terminal of 80 columns; return stdout and stderr."""

    def run(*words: str | Path) -> tuple[str, str]:
        ours, theirs = pty.openpty()
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        with subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=theirs, text=True, env=env
        ) as process:
            os.close(theirs)
            shown = b""
            try:
                while block := os.read(ours, 4096):
                    shown += block
            except OSError:  # the other end is closed
                pass
            assert process.stdout
            printed = process.stdout.read()
        os.close(ours)
        return printed, shown.decode()

    return run


def left(shown: str) -> list[str]:
    """The lines that remain on a terminal: what was erased is gone."""
    lines = [""]
    for part in re.split(r"(\r\n|\n|\r|\x1b\[[0-9;?]*[A-Za-z])", shown):
        if part in ("\n", "\r\n"):
            lines.append("")
        elif part == ERASED:
            lines[-1] = ""
        elif part.startswith("\x1b[") and part.endswith("A"):
            for _ in range(int(part[2:-1] or 1)):
                lines.pop()
        elif not part.startswith("\x1b") and part != "\r":
            lines[-1] += part
    return [line for line in lines if line.strip()]


@pytest.mark.parametrize(
    ("option", "rest"),
    [("", []), ("--fail", ["error: it went wrong"]), ("--stop", ["stopped"])],
)
def test_bars_are_gone_when_the_job_ends_however_it_ends(
    on_terminal: Run, option: str, rest: list[str]
) -> None:
    printed, shown = on_terminal("-c", JOB, option)
    assert printed == "result\n"
    assert "counting [sheep]" in shown
    assert "100%" in shown
    assert left(shown) == rest
    assert shown.rindex(SHOWN_CURSOR) > shown.rindex("counting")
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))
    assert all(len(line) <= 80 for line in lines), lines


def test_quiet_shows_nothing(on_terminal: Run) -> None:
    assert on_terminal("-c", JOB, "--quiet") == ("result\n", "")


def test_results_never_go_to_where_the_progress_is(on_terminal: Run) -> None:
    code = (
        "from wm_planner.cli.terminal_progress import shown_progress\n"
        "with shown_progress(False)('working'): print('result')"
    )
    printed, shown = on_terminal("-c", code)
    assert printed == "result\n"
    assert "result" not in shown


def test_a_terminal_that_cannot_erase_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert shown_progress(False) not in (logged, silent)
    for term in ("dumb", None):
        monkeypatch.setenv("TERM", term) if term else monkeypatch.delenv("TERM")
        assert shown_progress(False) is logged
    assert shown_progress(True) is silent


def test_without_rich_a_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert shown_progress(False) is logged


def test_a_name_cannot_write_on_the_terminal(on_terminal: Run) -> None:
    code = (
        "from wm_planner.cli.terminal_progress import shown_progress\n"
        "with shown_progress(False)('reading x\\x1b[2J\\nforged'): pass"
    )
    _, shown = on_terminal("-c", code)
    assert r"reading x\x1b[2J\nforged" in shown
    assert "\x1b[2J" not in shown


def test_a_name_cannot_write_into_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal_progress, "PATIENCE", 0.0)
    said, end = "", time.monotonic() + WAIT
    with shown_progress(False)("reading x\nforged"):
        while not said and time.monotonic() < end:
            time.sleep(0.01)
            said += capsys.readouterr().err
    assert said == "reading x\\nforged …\n"


class _Terminal:
    def isatty(self) -> bool:
        return True


def test_a_log_gets_one_line_on_a_phase_that_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal_progress, "PATIENCE", 0.0)
    said, end = "", time.monotonic() + WAIT
    with shown_progress(False)("encoding images", 3) as step:
        while not said and time.monotonic() < end:
            step()
            time.sleep(0.01)
            said += capsys.readouterr().err
        step()
    assert said + capsys.readouterr().err == "encoding images …\n"


def test_a_log_gets_nothing_on_a_short_phase(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(False)("encoding images", 3) as step:
        step(3)
    with pytest.raises(ValueError, match="wrong"), shown_progress(False)("encoding images"):
        raise ValueError("wrong")
    assert capsys.readouterr().err == ""


def test_json_is_all_that_is_printed_also_on_a_terminal(on_terminal: Run) -> None:
    words = ["inspect", str(MODEL), "--samples", "4", "--iterations", "1", "model.device=cpu"]
    printed, shown = on_terminal("-m", "wm_planner.cli", *words, "--json")
    assert json.loads(printed)
    assert shown == ""
    _, shown = on_terminal("-m", "wm_planner.cli", *words)
    assert "loading the model" in shown
