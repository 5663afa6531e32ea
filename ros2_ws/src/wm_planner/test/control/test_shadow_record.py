"""The record of shadow mode: no path, disk or size ends anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wm_planner.config import ConfigError
from wm_planner.control import shadow_record
from wm_planner.control.shadow_record import ShadowRecord


@pytest.mark.parametrize("name", ["", "/", "none/shadow.jsonl", "a\0b", "pipe", "x" * 300])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"commands\.shadow_file '.*' (is no|cannot be written)"):
        ShadowRecord(f"{tmp_path}/{name}")


def test_a_pipe_that_somebody_reads_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(ConfigError, match="it is a named pipe, not a file"):
        ShadowRecord(f"{tmp_path}/pipe")
    os.close(reader)


def test_a_device_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(os, "open", lambda *arguments: opened.append(arguments))
    with pytest.raises(ConfigError, match="it is a device, not a file"):
        ShadowRecord("/dev/null")
    assert not opened, "opening a device may act, as that of a watchdog does"


def test_a_line_follows_half_a_line_that_a_power_cut_left(tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    path.write_text('{"plan": 1}\n{"pl')
    record = ShadowRecord(str(path))
    record.add({"plan": 2})
    record.close()
    assert path.read_text() == '{"plan": 1}\n{"pl\n{"plan": 2}\n'


def test_an_existing_file_is_continued_and_a_full_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_record, "MAX_BYTES", 30)
    path = tmp_path / "shadow.jsonl"
    path.write_text("{}\n")
    record = ShadowRecord(str(path))
    for number in (1, 2, 3):
        record.add({"plan": number})
    record.close()
    assert path.read_text() == '{}\n{"plan": 1}\n{"plan": 2}\n'
    assert "misses plans: it is full" in record.problem


def test_a_full_disk_is_said_and_ends_nothing() -> None:
    record = ShadowRecord("")
    file = os.open("/dev/full", os.O_WRONLY)
    record._waiting.put({"plan": 1})
    record._waiting.put(None)
    record._write_all(file)
    assert "No space left on device" in record.problem
