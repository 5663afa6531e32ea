"""Checks of the sizes in a spec's ``architecture``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from wm_planner.models.spec import SpecError
from wm_planner.text import one_line

MOST = 100_000
"""Largest count of anything in a network but these."""
MOST_OF = {"depth": 1000, "n_res_block": 1000, "input_size": 4096}
"""Largest depths, and the largest side of an image, which no tensor of the weights bounds."""

_T = TypeVar("_T")


def build_parts(
    content: Mapping[str, Any], parts: Mapping[str, type], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return ``architecture`` with its sections built.

    Args:
        content: The architecture.
        parts: The dataclass of each section.
        optional: Sections that may be left out, and are then None.

    Raises:
        SpecError: A section is missing, or one of its entries is missing, unknown or impossible.
    """
    built: dict[str, Any] = dict(content)
    for name, part in parts.items():
        given = built.setdefault(name, None)
        if given is None and name in optional:
            continue
        if not isinstance(given, Mapping):
            raise SpecError(f"architecture.{name} must be a mapping of settings")
        built[name] = build_part(part, given, f"architecture.{name}")
    return built


def build_part(kind: type[_T], content: Mapping[str, Any], where: str) -> _T:
    """Return a dataclass of the entries of a section.

    Raises:
        SpecError: An entry is missing, unknown or impossible; ``where`` is the section.
    """
    try:
        return kind(**content)
    except TypeError as error:  # names the missing or unknown key
        raise SpecError(f"{where}: {str(error).rpartition('() ')[2]}") from error


def check_counts(part: Any, where: str, zero_allowed: tuple[str, ...] = ()) -> None:
    """Check that every field annotated ``int`` is a whole number above 0, or 0 if allowed.

    The largest is far above any network. Sizes that no memory could hold differ from those of the
    weights, see ``models/network_weights.py``.

    Raises:
        SpecError: Names the entry; ``where`` is its section, empty for the architecture itself.
    """
    for field in fields(part):
        if field.type != "int":
            continue
        value, most = getattr(part, field.name), MOST_OF.get(field.name, MOST)
        if isinstance(value, bool) or not isinstance(value, int):
            wrong = True
        else:
            wrong = not (0 if field.name in zero_allowed else 1) <= value <= most
        if wrong:
            name = ".".join(filter(None, ("architecture", where, field.name)))
            shown = one_line(repr(value), 60)
            raise SpecError(f"{name} must be a whole number from 1 to {most}, not {shown}")
