"""Numbers and parts of a URDF, each checked, with errors that say where they stand."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element

from wm_planner.text import quoted

MAX_LENGTH = 10.0
"""Largest distance between two joints, per axis [m]."""
ANY = 4 * math.pi
"""Largest angle, and range of a joint that turns without end, to both sides [rad]."""


class KinematicsError(ValueError):
    """The kinematics of an arm cannot be computed; the message says why."""


class UrdfError(KinematicsError):
    """A URDF has no chain that can be used."""


def part(element: Element, tag: str) -> Element:
    """Return a part of an element; without it, one that has the defaults."""
    found = element.find(tag)
    return Element(tag) if found is None else found


def vector(element: Element, key: str, default: str, most: float, where: str) -> list[float]:
    """Return 3 numbers of an attribute, none larger than ``most``.

    Args:
        element: Has the attribute.
        key: Its name.
        default: Its text where it is missing.
        most: The largest absolute value.
        where: What the element belongs to, for errors.

    Raises:
        UrdfError: They are no such numbers.
    """
    words = element.get(key, default).split()
    if len(words) != 3:
        raise UrdfError(f"{where} of the URDF: {element.tag} {key} is no 3 numbers")
    return [_checked(word, most, f"{element.tag} {key}", where) for word in words]


def number(element: Element, key: str, most: float, where: str) -> float:
    """Return a number of an attribute, see ``vector``."""
    word = element.get(key)
    if word is None:
        raise UrdfError(f"{where} of the URDF has no {element.tag} {key}: add it")
    return _checked(word, most, f"{element.tag} {key}", where)


def origin(element: Element, where: str) -> tuple[list[float], list[float]]:
    """Return the origin of an element: xyz [m] and roll, pitch, yaw [rad]."""
    place = part(element, "origin")
    return (
        vector(place, "xyz", "0 0 0", MAX_LENGTH, where),
        vector(place, "rpy", "0 0 0", ANY, where),
    )


def _checked(word: str, most: float, what: str, where: str) -> float:
    try:
        found = float(word)
    except ValueError:
        found = math.nan
    if not abs(found) <= most:
        raise UrdfError(
            f"{where} of the URDF: {what} is {quoted(word)}, no number of at most {most:g}"
        )
    return found
