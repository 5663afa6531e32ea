"""``messages.md``: every message, service and action, from the comments in their files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wm_planner.reference.interfaces import PARTS, Interface, Member, Part, interfaces
from wm_planner.reference.markdown import anchor, code, paragraph, sentence, table, whole_page

_TITLES = {"msg": "Messages", "srv": "Services", "action": "Action"}
_INTRODUCTION = (
    "The package `wm_planner_msgs` has all messages, services and actions of the planner and its "
    "simulator that ROS 2 does not have already. Units are in parentheses; (1) means that a number "
    "has none. An error code is a number of [ReachGoal](#reachgoal); "
    "[Error codes](error-codes.md) says when each of them appears."
)
_NAMED = re.compile(r"`?\b(?:msg|srv|action)/([A-Z]\w+)`?")


def page() -> str:
    """Return the page as Markdown.

    Raises:
        SourceError: A file of the messages is missing or is not understood.
    """
    blocks = [paragraph(_INTRODUCTION)]
    everything = {kind: list(interfaces(kind)) for kind in PARTS}
    known = {interface.name for found in everything.values() for interface in found}
    for kind, found in everything.items():
        blocks.append(f"## {_TITLES[kind]}")
        for interface in found:
            blocks += _interface(interface, known)
    return whole_page("Messages, services and action", *blocks)


def _interface(interface: Interface, known: set[str]) -> Iterator[str]:
    yield f"### {interface.name}"
    yield code(f"wm_planner_msgs/{interface.kind}/{interface.name}")
    first, *_ = interface.parts
    yield from map(_text, first.purpose)
    for part in interface.parts:
        if len(interface.parts) > 1:
            empty = "" if part.members else " has no fields."
            yield f"**{part.name.capitalize()}**{empty}"
        if part is not first:
            yield from map(_text, part.purpose)
        yield from _tables(part, known)


def _tables(part: Part, known: set[str]) -> Iterator[str]:
    """Yield the tables of a part's constants and fields."""
    if part.constants:
        title = " ".join(part.constants[0].above).rstrip(".") or "Constants"
        yield f"{title}:"
        yield table(
            ("constant", "value", "meaning"),
            ((code(m.name), m.value, _meaning(m)) for m in part.constants),
        )
    if part.fields:
        yield table(
            ("field", "type", "meaning"),
            (
                (
                    ", ".join(code(member.name) for member in group),
                    ", ".join(dict.fromkeys(_type(member.type, known) for member in group)),
                    _meaning(group[0]),
                )
                for group in part.fields
            ),
        )


def _type(name: str, known: set[str]) -> str:
    """Return the type of a field, with a link if this page describes it."""
    bare = name.partition("[")[0]
    return f"[{code(name)}](#{anchor(bare)})" if bare in known else code(name)


def _meaning(member: Member) -> str:
    return _linked(sentence(member.meaning)) if member.meaning else ""


def _text(text: str) -> str:
    return paragraph(_linked(sentence(text)))


def _linked(text: str) -> str:
    """Return Markdown with links to the interfaces that it names."""
    return _NAMED.sub(lambda found: f"[{found[1]}](#{anchor(found[1])})", text)
