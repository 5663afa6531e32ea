"""``error-codes.md``: how goals end, and how commands do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from wm_planner.cli.program import COMMANDS, make_parser
from wm_planner.explain import BUG
from wm_planner.help_texts import text_of
from wm_planner.reference.command_line_page import subparsers
from wm_planner.reference.faults_tables import PAGE, Event, events
from wm_planner.reference.interfaces import Member, interfaces
from wm_planner.reference.markdown import anchor, code, paragraph, sentence, table, whole_page

_INTRODUCTION = (
    "Every goal ends with one error code and one sentence, which says what happened, where, and "
    "what to do. Both are in the result of [ReachGoal](messages.md#reachgoal). While a goal is "
    "pursued, or after one was rejected, they are on `~/status` "
    "([PlanStatus](messages.md#planstatus)). Below, each code has the events that lead to it, as "
    f"[What happens when …]({PAGE}) lists them; there you also find how soon each is noticed."
)
_EXIT_CODES = (
    "Every command of [wm-planner](command-line.md) exits with 2 if an argument is wrong, or if "
    "something else is wrong that a sentence on stderr names; with "
    f"{BUG} after a bug of the program, whose traceback is in a file that the sentence names; and "
    "with 130 if Ctrl-C ended it. Otherwise:"
)
_EXIT_CODE = re.compile(r"^Exit code: (.*)", re.MULTILINE | re.DOTALL)


def page() -> str:
    """Return the page as Markdown.

    Raises:
        SourceError: A file that it is made from is missing or is not understood.
    """
    found, codes = events(), error_codes()
    blocks = [paragraph(_INTRODUCTION), _overview(codes)]
    for member in codes:
        blocks += _code(member, [event for event in found if member.name in event.names])
    blocks += ["## Exit codes of wm-planner", paragraph(_EXIT_CODES)]
    rows = ((code(name), sentence(text)) for name, text in exit_codes().items())
    return whole_page("Error codes", *blocks, table(("command", "exit code"), rows))


def error_codes() -> list[Member]:
    """Return the error codes in the order of their numbers.

    Raises:
        SourceError: ``ReachGoal.action`` is missing or is not understood.
    """
    (action,) = (action for action in interfaces("action") if action.name == "ReachGoal")
    return sorted(action.parts[1].constants, key=lambda member: int(member.value))


def exit_codes() -> dict[str, str]:
    """Return what the commands' help says about their exit codes, by command."""
    parsers = subparsers(make_parser())
    found = {name: _EXIT_CODE.search(text_of(parsers[name])) for name in COMMANDS}
    return {name: text[1] for name, text in found.items() if text}


def _overview(codes: list[Member]) -> str:
    rows = ((f"[{code(m.name)}](#{anchor(m.name)})", m.value, sentence(m.meaning)) for m in codes)
    return table(("code", "number", "meaning"), rows)


def _code(member: Member, found: list[Event]) -> Iterator[str]:
    yield f"## {member.name}"
    yield paragraph(f"Code {member.value}. {sentence(member.meaning)}")
    for heading, rows in groupby(found, key=lambda event: event.heading):
        yield f"[{heading}]({PAGE}#{anchor(heading)}):"
        yield "\n".join(f"- {event.what}" for event in rows)
