"""Reads the messages, services and the action of ``wm_planner_msgs``, with their comments.

How the comments are written:

- A comment with an empty line after it is about the part: the message, the request, the result …
- A comment directly above fields or constants is about those of them, up to the next empty line or
  comment, that have none of their own.
- A comment at the end of a line is about its field; indented comment lines go on with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from wm_planner.reference.checkout import MESSAGES, SourceError, names, read

PARTS = {
    "msg": ("message",),
    "srv": ("request", "response"),
    "action": ("goal", "result", "feedback"),
}
"""The parts of each kind of interface, in the order of its file."""
_MEMBER = re.compile(
    r"(?P<type>\S+)\s+(?P<name>\w+)\s*(?:=\s*(?P<value>[^#]*[^#\s]))?\s*(?:#\s*(?P<own>.*))?"
)


@dataclass
class Member:
    """A field or a constant.

    Attributes:
        type: Its type as the file has it.
        name: Its name.
        value: The value of a constant; empty for a field.
        own: Lines of the comment behind it.
        above: Lines of the comment above it, which members below it may share.
    """

    type: str
    name: str
    value: str
    own: list[str]
    above: list[str]

    @property
    def meaning(self) -> str:
        """What the comments say about it; empty if they say nothing."""
        return " ".join(self.own or self.above)


@dataclass
class Part:
    """A message, or a part of a service or an action.

    Attributes:
        name: Which part: one of ``PARTS``.
        purpose: Paragraphs about the whole.
        members: Fields and constants in the order of the file.
    """

    name: str
    purpose: list[str] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    @property
    def constants(self) -> list[Member]:
        """The constants."""
        return [member for member in self.members if member.value]

    @property
    def fields(self) -> list[list[Member]]:
        """The fields, those that share a comment together."""
        shared = groupby(
            (member for member in self.members if not member.value),
            key=lambda member: id(member.own) if member.own else id(member.above),
        )
        return [list(group) for _, group in shared]


@dataclass(frozen=True)
class Interface:
    """A message, service or action.

    Attributes:
        kind: ``msg``, ``srv`` or ``action``.
        name: Its name without the package.
        parts: Its parts, in the order of ``PARTS``.
    """

    kind: str
    name: str
    parts: tuple[Part, ...]


def interfaces(kind: str) -> Iterator[Interface]:
    """Yield all interfaces of a kind, by name.

    Raises:
        SourceError: A file is missing, or has a line that is not understood.
    """
    for file in names(f"{MESSAGES}/{kind}", f"*.{kind}"):
        path = f"{MESSAGES}/{kind}/{file}"
        yield Interface(kind, file.removesuffix(f".{kind}"), parse(kind, read(path), path))


def parse(kind: str, text: str, path: str) -> tuple[Part, ...]:
    """Return the parts of an interface's file.

    Args:
        kind: Its kind, one of ``PARTS``.
        text: Its content.
        path: Its name, for errors.

    Raises:
        SourceError: A line is not understood, or the number of parts is wrong.
    """
    texts = re.split(r"^---$", text, flags=re.MULTILINE)
    if len(texts) != len(PARTS[kind]):
        raise SourceError(f"{path} has {len(texts)} parts, not {len(PARTS[kind])}")
    return tuple(_part(name, lines, path) for name, lines in zip(PARTS[kind], texts, strict=True))


def _part(name: str, text: str, path: str) -> Part:
    part = Part(name)
    comment: list[str] = []
    used = False  # the comment is that of a member
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if not used and comment:
                part.purpose += [" ".join(p.split()) for p in "\n".join(comment).split("\n\n")]
            comment, used = [], False
        elif line.startswith("#"):
            if used:
                comment, used = [], False
            comment.append(line[1:].strip())
        elif line.lstrip().startswith("#") and part.members and part.members[-1].own:
            part.members[-1].own.append(line.strip(" #"))
        elif found := _MEMBER.fullmatch(line):
            own = [found["own"]] if found["own"] else []
            part.members.append(
                Member(found["type"], found["name"], found["value"] or "", own, comment)
            )
            used = True
        else:
            raise SourceError(f"{path} has a line that is neither field nor comment: {line}")
    return part
