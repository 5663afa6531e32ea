"""The report of a command prints foreign text as one printable line."""

from __future__ import annotations

from wm_planner.cli.report import Report, Section
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
    assert all(line.isprintable() and len(line) < 10_000 for line in text.split("\n"))
    assert len(text.split("\n")) == 9
