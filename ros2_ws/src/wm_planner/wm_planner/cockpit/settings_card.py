"""The card of the settings that may change while the planner runs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from nicegui import ui

from wm_planner.cockpit.calls import Answer, NoAnswerError, Setting
from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.message_limits import MAX_LIST, MAX_TEXT
from wm_planner.text import quoted


class SettingsCard:
    """Shows the settings with their ranges, as the planner describes them, and changes them.

    Args:
        node: Carries the requests.
        tell: Shows an answer.
    """

    def __init__(self, node: CockpitNode, tell: Callable[[Answer], None]) -> None:
        self._node, self._tell = node, tell
        self._fields: dict[str, tuple[Setting, Any]] = {}
        with ui.element("section").classes("card"):
            opened = ui.expansion("Settings you can change now", on_value_change=self._on_open)
            opened.props("dense")
            with opened:
                self._filter = ui.input("Filter", on_change=self._narrow).props("dense clearable")
                self._rows = ui.element("div").classes("settings")
                with ui.element("div").classes("buttons").style("margin-top: 8px"):
                    apply = ui.button("Apply", on_click=self._apply)
                    apply.props("no-caps dense")
                    ui.button("Reload", on_click=self._read).props("outline no-caps dense")

    async def _on_open(self, event: Any) -> None:
        if event.value and not self._fields:
            await self._read()

    async def _read(self) -> None:
        try:
            settings = await self._node.calls.settings()
        except NoAnswerError as error:
            self._tell(Answer(False, str(error)))
            return
        self._rows.clear()
        self._fields.clear()
        with self._rows:
            for setting in settings:
                with ui.element("div").classes("setting") as row:
                    with ui.element("div"):
                        ui.label(setting.name).classes("called")
                        ui.label(setting.descriptor.description).classes("help")
                    field = _field(setting)
                self._fields[setting.name] = (setting, field)
                field.row = row
        self._narrow()

    def _narrow(self) -> None:
        words = str(self._filter.value or "").lower().split()
        for name, (setting, field) in self._fields.items():
            text = f"{name} {setting.descriptor.description}".lower()
            field.row.set_visibility(all(word in text for word in words))

    async def _apply(self) -> None:
        changes = {}
        for name, (setting, field) in self._fields.items():
            try:
                value = read(setting, field.value)
            except ValueError as error:
                self._tell(Answer(False, f"{name}: {error}"))
                return
            if value != setting.value:
                changes[name] = value
        if not changes:
            self._tell(Answer(True, "nothing to apply: no setting differs"))
            return
        answer = await self._node.calls.change(changes)
        self._tell(answer)
        if answer.done:
            await self._read()


def _field(setting: Setting) -> Any:
    value = setting.value
    if isinstance(value, bool):
        return ui.switch(value=value)
    if setting.choices:
        return ui.select(setting.choices, value=str(value)).props("dense outlined options-dense")
    if isinstance(value, (int, float)):
        low, high = setting.range or (None, None)
        field = ui.number(value=value, min=low, max=high)
        hint = "" if low is None else f"{low:g} to {high:g}"
        return field.props(f'dense outlined hint="{hint}"')
    text = value if isinstance(value, str) else json.dumps(list(value))
    return ui.input(value=text).props("dense outlined")


def read(setting: Setting, given: Any) -> Any:
    """Return what was given in a field as a value of the setting's type.

    Raises:
        ValueError: It cannot be one; the message says why.
    """
    before = setting.value
    if isinstance(before, bool):
        return bool(given)
    if isinstance(before, str):
        if len(str(given or "")) > MAX_TEXT:
            raise ValueError(f"at most {MAX_TEXT} characters are allowed")
        return str(given or "")
    if isinstance(before, (int, float)):
        return _number(given, whole=isinstance(before, int))
    return _list(str(given or ""), of_text=any(isinstance(entry, str) for entry in before))


def _number(given: Any, *, whole: bool) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{quoted(str(given))} is not a number") from error
    if not math.isfinite(number):
        raise ValueError(f"{quoted(str(given))} is not finite")
    if whole and not number.is_integer():
        raise ValueError(f"{quoted(str(given))} is not a whole number")
    return int(number) if whole else number


def _list(text: str, *, of_text: bool) -> list[Any]:
    try:
        entries = json.loads(text) if len(text) <= MAX_TEXT else None
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list) or len(entries) > MAX_LIST:
        raise ValueError("give a list such as [0.1, 0.2]")
    if entries and all(isinstance(entry, str) for entry in entries):
        return entries
    if of_text and entries:
        raise ValueError('give a list of strings such as ["a", "b"]')
    return [_number(entry, whole=False) for entry in entries]
