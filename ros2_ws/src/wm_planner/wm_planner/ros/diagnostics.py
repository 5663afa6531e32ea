"""``/diagnostics``: the camera and the planner, once a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue


def part(
    name: str, *, errors: Sequence[str], warnings: Sequence[str], values: Mapping[str, Any]
) -> DiagnosticStatus:
    """The state of one part.

    Args:
        name: Node and part, ``wm_planner: camera``.
        errors: Sentences; any makes the level ERROR.
        warnings: Sentences; any makes it at least WARN.
        values: What else to show.
    """
    level = DiagnosticStatus.OK
    if warnings:
        level = DiagnosticStatus.WARN
    if errors:
        level = DiagnosticStatus.ERROR
    return DiagnosticStatus(
        level=level,
        name=name,
        message=" ".join([*errors, *warnings]) or "ok",
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


def array(stamp: Time, parts: Sequence[DiagnosticStatus]) -> DiagnosticArray:
    """The message."""
    message = DiagnosticArray(status=list(parts))
    message.header.stamp = stamp
    return message
