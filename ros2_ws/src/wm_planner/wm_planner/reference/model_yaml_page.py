"""``model-yaml.md``: every field of ``model.yaml``, from the classes of its spec."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from wm_planner.models.spec import ModelSpec, RotationForm
from wm_planner.reference.checkout import EXAMPLE_MODEL, read
from wm_planner.reference.docstrings import attributes, paragraphs
from wm_planner.reference.markdown import (
    anchor,
    code,
    number,
    paragraph,
    sentence,
    table,
    whole_page,
)

_INTRODUCTION = (
    "`model.yaml` is the spec of a world model: the file beside its weights. "
    "[Your own world model](../how-to/your-own-model.md) says how to write one, and what changed "
    "from format to format. A field that is missing, misspelled or out of its range is an error "
    "that names it. Units are in brackets; shares and other numbers without units have none."
)
_TOP = "The top level"
_NULL = "`null`"
_ROTATIONS = "Conventions of rotations"
_TYPES = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    Any: "anything",
}
_PLURALS = {"text": "texts", "number": "numbers"}


def page() -> str:
    """Return the page as Markdown.

    Raises:
        SourceError: The example is missing.
    """
    blocks = [paragraph(_INTRODUCTION)]
    for kind, places in sections().items():
        blocks += _section(kind, places)
    blocks += [f"## {_ROTATIONS}", *map(_text, paragraphs(RotationForm))]
    blocks += ["## Example", "The model of the simulated task `reach`, a complete file:"]
    return whole_page("model.yaml", *blocks, f"```yaml\n{read(EXAMPLE_MODEL).strip()}\n```")


def sections() -> dict[type, list[str]]:
    """Return the classes of all sections, depth first, each with its places in the file."""
    found: dict[type, list[str]] = {ModelSpec: [""]}
    _collect(ModelSpec, "", found)
    return found


def _collect(kind: type, prefix: str, found: dict[type, list[str]]) -> None:
    for item, hint in _typed_fields(kind):
        for part in _classes(hint):
            found.setdefault(part, []).append(prefix + item.name)
            _collect(part, f"{prefix}{item.name}.", found)


def _typed_fields(kind: type) -> list[tuple[Field[Any], Any]]:
    hints = get_type_hints(kind)
    return [(item, hints[item.name]) for item in fields(kind)]


def _classes(hint: Any) -> Iterator[type]:
    """Yield the dataclasses in a type."""
    if is_dataclass(hint):
        yield hint  # type: ignore[misc]
    for part in get_args(hint):
        yield from _classes(part)


def _section(kind: type, places: list[str]) -> Iterator[str]:
    first, *others = places
    yield f"{'#' * (2 + first.count('.'))} {first or _TOP}"
    yield from map(_text, paragraphs(kind))
    if others:
        yield paragraph(f"The same fields: {', '.join(map(code, others))}.")
    meanings = attributes(kind)
    yield table(
        ("field", "type", "default", "range", "meaning"),
        (
            (
                code(item.name),
                _type(hint),
                _default(item),
                _range(item),
                _linked(sentence(meanings.get(item.name, ""))) if item.name in meanings else "",
            )
            for item, hint in _typed_fields(kind)
        ),
    )


def _type(hint: Any) -> str:
    """Return a type in words; a section has a link to its table."""
    parts = [part for part in get_args(hint) if part is not type(None)]
    if get_origin(hint) in (Union, types.UnionType):
        return _type(parts[0])
    if get_origin(hint) is list:
        word = _type(parts[0])
        return f"list of {_PLURALS.get(word) or word.replace('section', 'sections')}"
    if get_origin(hint) is dict:
        word = _type(parts[1])
        return f"{_PLURALS[word]} by name" if word in _PLURALS else "mapping"
    if is_dataclass(hint):
        heading = sections()[hint][0]  # type: ignore[index]
        return f"[section](#{anchor(heading)})"
    return _TYPES[hint]


def _default(item: Field[Any]) -> str:
    if not item.init:  # it is in the file, and this is its only value
        return f"required, {code(item.default)}"
    if item.default_factory is not MISSING:
        value = item.default_factory()
        if is_dataclass(value):
            return "its defaults"
    elif item.default is MISSING:
        return "required"
    else:
        value = item.default
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return code(str(value).lower())
    if value in ("", [], {}):
        return "empty"
    return code(f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value)


def _range(item: Field[Any]) -> str:
    if "low" not in item.metadata:
        return ""
    return f"{number(item.metadata['low'])} to {number(item.metadata['high'])}"


def _text(text: str) -> str:
    return paragraph(_linked(sentence(text)))


def _linked(text: str) -> str:
    """Return Markdown with YAML's name of None, and a link for the name of a class."""
    link = f"[{_ROTATIONS.lower()}](#{anchor(_ROTATIONS)})"
    return re.sub(r"\bNone\b", _NULL, text).replace(code(RotationForm.__name__), link)
