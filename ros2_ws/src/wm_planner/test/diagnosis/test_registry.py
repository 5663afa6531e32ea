"""The list of checks: complete, in the documentation, and run as declared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wm_planner.cli import run_checks as runner
from wm_planner.cli.errors_as_findings import errors_as_findings
from wm_planner.cli.report import Section
from wm_planner.diagnosis import checks
from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import Fact, Note, Result
from wm_planner.diagnosis.examined import ModelDescription
from wm_planner.diagnosis.registry import CHECKS
from wm_planner.models.spec import ModelSpec

DOCS = Path(__file__).parents[5] / "docs" / "how-to" / "doctor.md"
SOUND, BAD = Result("sound", 0.0, 1.0, "ok"), Result("bad", 2.0, 1.0, "stop", "Fix it.")


def test_every_check_is_registered() -> None:
    files = {path.stem for path in Path(checks.__file__).parent.glob("[!_]*.py")}
    assert {check.run.__module__.rpartition(".")[2] for check in CHECKS} == files
    assert len(CHECKS) == len(files)


def test_every_check_is_documented() -> None:
    text = DOCS.read_text()
    names = {name for check in CHECKS for name in check.names} - {"camera"}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def _run(
    monkeypatch: pytest.MonkeyPatch, spec: ModelSpec, *registered: Check[Any], earlier: Any = ()
) -> Section:
    monkeypatch.setattr(runner, "CHECKS", registered)
    monkeypatch.setattr(runner, "EFFECTS", {n for check in registered for n in check.effects})
    section = Section("model")
    runner.run_checks(ModelDescription(spec), section, *earlier)
    return section


def _check(*answers: Any, **settings: Any) -> Check[ModelDescription]:
    return Check(("bad",), ModelDescription, lambda examined: answers, **settings)


def test_answers_are_sorted_into_the_section(
    monkeypatch: pytest.MonkeyPatch, spec: ModelSpec
) -> None:
    section = _run(monkeypatch, spec, _check(Fact("size", "3"), SOUND, Note("A note.")))
    assert (section.facts, section.results, section.notes) == ({"size": "3"}, [SOUND], ["A note."])


def test_only_a_finding_of_an_essential_check_skips_the_rest(
    monkeypatch: pytest.MonkeyPatch, spec: ModelSpec
) -> None:
    for essential, answer, count in ((True, BAD, 1), (True, SOUND, 2), (False, BAD, 2)):
        first = _check(answer, essential=essential)
        assert len(_run(monkeypatch, spec, first, _check(SOUND)).results) == count


def test_a_check_gets_the_causes_but_not_effects(
    monkeypatch: pytest.MonkeyPatch, spec: ModelSpec
) -> None:
    def note_causes(examined: ModelDescription) -> Iterator[Note]:
        yield Note(", ".join(examined.causes))

    last = Check(("last",), ModelDescription, note_causes)
    before = Section("weights", results=[BAD._replace(name="earlier"), SOUND])
    assert _run(monkeypatch, spec, _check(BAD), last, earlier=[before]).notes == ["earlier, bad"]
    effect = _check(BAD, effects=("bad",))
    assert _run(monkeypatch, spec, effect, last, earlier=[before]).notes == ["earlier"]


def test_a_check_that_fails_becomes_a_result() -> None:
    section = Section("model")
    with errors_as_findings(section, "weights"):
        raise OSError("no such file")
    assert section.results == [Result("weights", 1.0, 0.0, "stop", "no such file.")]
    assert not section.bug
