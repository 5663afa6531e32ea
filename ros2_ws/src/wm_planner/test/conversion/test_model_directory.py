"""The output is complete, and replaced only on request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conversions import (
    ENCODER,
    MAZE,
    RUN,
    facts,
)
from dino_wm_runs import TrainingRun

from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.request import Converted, Request
from wm_planner.models import load_spec


def test_an_empty_working_directory_can_be_the_output(
    made: Callable[..., Converted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    converted = made(TrainingRun(), output=Path("."))
    assert load_spec(work).name == converted.spec.name == "work"


def test_a_model_is_replaced_only_when_forced(tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "thesis.txt").write_text("of another purpose")
    request = Request(RUN, output, ENCODER, MAZE)
    with pytest.raises(ConversionError, match="holds no model"):
        convert(Request(RUN, output, ENCODER, MAZE, force=True), facts())
    (output / "thesis.txt").unlink()
    convert(request, facts())
    (output / "notes.txt").write_text("mine")
    with pytest.raises(ConversionError, match="--force"):
        convert(request, facts())
    convert(Request(RUN, output, ENCODER, MAZE, force=True), facts(name="again"))
    assert load_spec(output).name == "again"
    assert (output / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1
