"""The report of a command prints foreign text as one printable line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wm_planner.cli
from wm_planner.cli.report import Report, Section, section_text
from wm_planner.diagnosis.check_result import STOP, Fact, Note, Result

FOREIGN = "x\n[FATAL] forged \x1b[31mred\u202e" + "y" * 10**6


def test_no_entry_forges_a_line_or_moves_the_cursor() -> None:
    section = Section(f"model {FOREIGN}")
    facts = [FOREIGN, [FOREIGN], {FOREIGN: 1.0}]
    for answer in (
        *(Fact(f"{FOREIGN}{i}", value) for i, value in enumerate(facts)),
        Result("name", 1.0, 0.0, STOP, FOREIGN),
        Note(FOREIGN),
    ):
        section.add(answer)
    text = Report([section]).to_text()
    title, *lines = text.split("\n")
    assert all(line.isprintable() for line in (title, *lines))
    assert max(map(len, lines)) == 80
    assert len(title) < 10_000
    joined = "".join(line.strip() for line in lines)
    assert "x\\n[FATAL] forged \\x1b[31mred\\u202eyyy" in joined


def results(*sentences: str) -> list[Result]:
    return [Result(f"check_{i}", 1.0, 0.0, STOP, text) for i, text in enumerate(sentences)]


def test_a_long_sentence_hangs_below_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    section = Section("a model", results=results("It is wrong. " * 20))
    _, head, first, *others = section_text(section).split("\n")
    column = head.index("result")
    assert first[column:].startswith("STOP: It is wrong.")
    assert len(others) > 3
    for line in others:
        assert line[:column].isspace()
        assert not line[column].isspace()
    monkeypatch.setenv("COLUMNS", "160")
    wide = section_text(section)
    assert 130 < max(map(len, wide.split("\n"))) <= 160
    assert " ".join(wide.split()) == " ".join(section_text(section).split())


def test_columns_stay_aligned_beside_a_long_name() -> None:
    found = [*results("good"), Result("a_check_with_a_long_name", 1.0, 0.0, STOP, "bad")]
    lines = section_text(Section("a model", results=found)).split("\n")[1:]
    places = [lines[0].index("result"), *(line.index("STOP") for line in lines[1:])]
    assert len(places) == 3
    assert len(set(places)) == 1


def test_quiet_leaves_out_notes_and_nothing_else() -> None:
    section = Section("a model", {"name": "x"}, results("It is wrong."), ["Read this."])
    loud, quiet = Report([section]).to_text(), Report([section]).to_text(quiet=True)
    assert loud.replace("  Note: Read this.\n", "") == quiet != loud


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_has_null_for_what_it_cannot_say(value: float) -> None:
    found = Result("name", value, 0.0, STOP, "It is wrong.")
    section = Section("a model", {"loss of": {"b": value, "c": 1.5}, "list": [(value,)]}, [found])
    printed = json.loads(Report([section]).to_json(), parse_constant=pytest.fail)
    (shown,) = printed["sections"]
    assert shown["facts"] == {"loss of": {"b": None, "c": 1.5}, "list": [[None]]}
    assert (shown["findings"][0]["score"], shown["findings"][0]["limit"]) == (None, 0.0)


def test_every_command_prints_json_by_one_function() -> None:
    folder = Path(wm_planner.cli.__file__).parent
    users = {path.name for path in folder.glob("*.py") if "json.dumps" in path.read_text()}
    assert users == {"json_text.py"}


@settings(max_examples=60, deadline=None)
@given(
    facts=st.dictionaries(st.text(max_size=60), st.text(max_size=300), max_size=3),
    sentences=st.lists(st.text(max_size=300), max_size=3),
    notes=st.lists(st.text(max_size=300), max_size=3),
)
def test_no_line_of_a_section_is_longer_than_the_terminal(
    facts: dict[str, str], sentences: list[str], notes: list[str]
) -> None:
    section = Section("a model", dict(facts), results(*sentences), notes)
    assert all(len(line) <= 80 for line in section_text(section).split("\n"))
