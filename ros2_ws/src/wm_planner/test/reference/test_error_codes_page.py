"""The page of error codes has the events of faults.md, and the exit codes of commands."""

from __future__ import annotations

import re

import pytest

from wm_planner import cli
from wm_planner.cli import program
from wm_planner.control import ErrorCode
from wm_planner.explain import BUG
from wm_planner.reference import checkout, error_codes_page, faults_tables
from wm_planner.reference.faults_tables import events

PAGE = error_codes_page.page()


def section(code: str) -> str:
    return PAGE.split(f"\n## {code}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("code", ErrorCode, ids=lambda code: code.name)
def test_every_code_has_an_event(code: ErrorCode) -> None:
    assert "\n- " in section(code.name)


def test_every_event_that_names_a_code_is_on_the_page() -> None:
    codes = {code.name for code in ErrorCode}
    listed = [event for event in events() if event.names & codes]
    assert len(listed) > 60
    assert [event.what for event in listed if f"\n- {event.what}\n" not in PAGE] == []


def test_events_have_the_codes_of_the_row_above_if_they_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faults_tables, "read", lambda name: """\
## A goal ends

| what happens | code | proven by |
|---|---|---|
| one \\| [two](architecture.md#a), [three](../reference/commands.md), [four](#b) | `CONTACT` | |
| the next | the same | |
| shadow mode | never `STALLED` | |

## Sizes

| what | at most | proven by |
|---|---|---|
| a name | `NONE` | |
""")  # fmt: skip
    one, following, shadow = faults_tables.events()
    assert one.what == (
        "one | [two](../explanation/architecture.md#a), [three](commands.md), "
        "[four](../explanation/faults.md#b)"
    )
    assert following.names == one.names == {"CONTACT"}
    assert shadow.names == frozenset()


def test_a_page_without_such_tables_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults_tables, "read", lambda name: "# What happens when …\n")
    with pytest.raises(checkout.SourceError, match="has no table"):
        faults_tables.events()


@pytest.mark.parametrize("name", program.COMMANDS)
def test_every_command_says_its_exit_codes(name: str) -> None:
    assert re.search(rf"\n\| `{name}` \| 0\b.*\.", section("Exit codes of wm-planner"))


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 2), (KeyError("x"), BUG)]
)
def test_the_exit_codes_of_all_commands_are_as_the_page_says(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(argv: object) -> int:
        raise error

    monkeypatch.setattr(program, "run", fail)
    assert cli.main([]) == code
    assert f" {code} " in section("Exit codes of wm-planner").split("|")[0].replace("\n", " ")
