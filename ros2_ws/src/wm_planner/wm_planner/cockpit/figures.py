"""The card with the numbers: of the newest plan, of the rates and ages, and of the gripper."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from nicegui import ui
from wm_planner_msgs.msg import PlanStatus

from wm_planner.cockpit.known import Known
from wm_planner.text import one_line

FIGURES = (
    "distance", "plan time", "image age", "image rate", "plan rate", "command rate", "clamped",
    "speed override", "gripper", "holds",
)  # fmt: skip
MOST_ROWS = 200


class Figures:
    """Shows numbers.

    Args:
        known: What the planner has said.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._values = {}
        self._rows: object = None
        self._shown: list[tuple[str, str]] = []
        with ui.element("section").classes("card"):
            ui.html("<h2>Numbers</h2>", sanitize=False)
            with ui.element("div").classes("figures"):
                for name in FIGURES:
                    with ui.element("div").classes("figure"):
                        self._values[name] = ui.label("–").classes("value")
                        ui.label(name).classes("name")
            self._actions = ui.element("div").style("margin-top: 10px")
            with ui.expansion("All values in /diagnostics").props("dense").classes("full"):
                self._all = ui.element("div")

    def refresh(self) -> None:
        """Show what is known now."""
        for name, text in figures(self._known).items():
            self._values[name].set_text(text)
        rows = actions(self._known)
        if rows != self._rows:
            self._rows = rows
            self._actions.clear()
            with self._actions:
                if rows:
                    _table(("action", "first step", "deviation, first step", "last step"), rows)
        self._refresh_all()

    def _refresh_all(self) -> None:
        parts = {} if self._known.lost else self._known.diagnostics
        rows = [
            (f"{part}: {one_line(pair.key, 80)}", one_line(pair.value, 120))
            for part, status in sorted(parts.items())
            for pair in status.values
        ][:MOST_ROWS]
        if rows == self._shown:
            return
        self._shown = rows
        self._all.clear()
        with self._all:
            _table(("figure", ""), rows)


def figures(known: Known) -> dict[str, str]:
    """Return the figures as text, a dash for what is not known."""
    status = known.status
    if status is None or known.lost or status.state == PlanStatus.INACTIVE:
        return dict.fromkeys(FIGURES, "–")  # an unconfigured planner says 0 everywhere
    return {
        "distance": _number(status.distance, 1, "", 3),
        "plan time": _number(status.plan_time, 1e3, " ms", 0),
        "image age": _number(status.image_age, 1e3, " ms", 0),
        "image rate": _rate(known, "camera", "good images [Hz]"),
        "plan rate": _rate(known, "planner", "plans [Hz]"),
        "command rate": _rate(known, "commands", "commands [Hz]"),
        "clamped": str(status.commands_clamped),
        "speed override": _number(status.speed_override, 1, " %", 0),
        "gripper": _number(gripper_width(known), 1e3, " mm", 0),
        "holds": _value(known, "planner", "holds"),
    }


def gripper_width(known: Known) -> float:
    """Return the measured gap between the fingers [m]; NaN if it is not known."""
    names, joints = known.setting("gripper.joints", []), known.measured
    scale = known.setting("gripper.scale", 1.0)
    if not names or not scale or not all(str(name) in joints for name in names):
        return math.nan
    mean = float(np.mean([joints[str(name)] for name in names]))
    return (mean - float(known.setting("gripper.offset", 0.0))) / float(scale)


def actions(known: Known) -> list[tuple[str, str, str, str]]:
    """Return a row for each number of an action: name, first value, first and last deviation."""
    search = known.search
    if search is None or known.lost or not search.action_names:
        return []
    count = len(search.action_names)
    first, deviations = search.actions[:count], search.deviations
    rows = []
    for i, name in enumerate(search.action_names):
        own = deviations[i::count]
        ends = (_short(own[0]), _short(own[-1])) if len(own) else ("–", "–")
        value = _short(first[i]) if i < len(first) else "–"
        rows.append((one_line(name, 60), value, *ends))
    return rows


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with ui.element("table").classes("numbers"):
        with ui.element("tr"):
            for title in head:
                with ui.element("th"):
                    ui.label(title)
        for row in rows:
            with ui.element("tr"):
                for cell in row:
                    with ui.element("td"):
                        ui.label(cell)


def _short(value: float) -> str:
    """Return three digits of a number; what is left of a rounding is 0."""
    return f"{round(value, 9):.3g}"


def _number(value: float, scale: float, unit: str, digits: int) -> str:
    return f"{value * scale:.{digits}f}{unit}" if math.isfinite(value) else "–"


def _rate(known: Known, part: str, key: str) -> str:
    value = _value(known, part, key)
    return value if value == "–" else f"{value} Hz"


def _value(known: Known, part: str, key: str) -> str:
    status = known.diagnostics.get(part)
    found = [pair.value for pair in status.values if pair.key == key] if status else []
    return one_line(found[0], 20) if found else "–"
