"""The page, made anew for each viewer."""

from __future__ import annotations

import math
import time
import traceback
from typing import Protocol

from nicegui import ui

from wm_planner.cockpit.calls import Answer
from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.cockpit.curves import Curves
from wm_planner.cockpit.figures import Figures
from wm_planner.cockpit.goal_card import GoalCard
from wm_planner.cockpit.operation import Operation
from wm_planner.cockpit.settings_card import SettingsCard
from wm_planner.cockpit.space_card import SpaceCard
from wm_planner.cockpit.views import Views
from wm_planner.ros import log

PERIOD = 0.25  # [s] between two looks at what is known
SHOWN = 8.0  # [s] for which an answer is shown that says yes
SIGNS = {
    "idle": "○", "pursuing": "▶", "holding": "◐", "reached": "✓", "canceled": "✕", "failed": "!",
    "inactive": "–", "lost": "?", "stopped": "■",
}  # fmt: skip


class Part(Protocol):
    """A card of the page."""

    def refresh(self) -> None:
        """Show what is known now."""


class Page:
    """One viewer's page.

    Args:
        node: Reads the planner's topics, and carries the requests to it.
    """

    def __init__(self, node: CockpitNode) -> None:
        self._node = node
        self._shown_until, self._stopped = math.inf, False

    def build(self) -> None:
        """Build the page in the present client, and keep it up to date."""
        self._build_top()
        with ui.element("main").classes("columns"):
            with ui.element("div").classes("stack"):
                views = Views(self._node)
                curves = Curves(self._node.known)
                space = SpaceCard(self._node)
            with ui.element("div").classes("stack"):
                goal = GoalCard(self._node, self._tell)
                operation = Operation(self._node, self._tell)
                figures = Figures(self._node.known)
                SettingsCard(self._node, self._tell)
        self._parts: list[Part] = [views, curves, space, goal, operation, figures]
        self._refresh()
        ui.timer(PERIOD, self._refresh)

    def _build_top(self) -> None:
        with ui.element("header").classes("top"):
            ui.html(f"<h1>wm_planner<small>{_name(self._node.planner)}</small></h1>", sanitize=True)
            with ui.element("div").classes("state").props('role="status" aria-live="polite"'):
                self._word = ui.label().classes("state-word")
                self._text = ui.label().classes("state-text")
            dark = ui.dark_mode(None)
            ui.button(icon="contrast", on_click=lambda: dark.set_value(not dark.value)).props(
                'flat round aria-label="light or dark"'
            )
            answer = '<div id="stop-answer" role="alert"></div>'
            ui.html(answer, sanitize=False).classes("answer")
            with ui.element("div").classes("told").props('role="alert"') as self._told:
                self._said = ui.label()
                ui.button("OK", on_click=lambda: self._told.set_visibility(False)).props(
                    "flat dense no-caps"
                )
            self._told.set_visibility(False)

    def _tell(self, answer: Answer) -> None:
        """Show an answer; one that says no stays until it is read."""
        self._said.set_text(answer.text)
        self._told.classes(replace=f"told {'done' if answer.done else 'not-done'}")
        self._told.set_visibility(True)
        self._shown_until = time.monotonic() + SHOWN if answer.done else math.inf

    def _refresh(self) -> None:
        if self._stopped and not self._node.known.stopped:
            ui.run_javascript("document.getElementById('stop-answer').textContent = ''")
        self._stopped = self._node.known.stopped
        if time.monotonic() > self._shown_until:
            self._told.set_visibility(False)
        said = self._node.known.sentence()
        self._word.set_text(f"{SIGNS.get(said.state, '·')} {said.state.upper()}")
        self._word.classes(replace=f"state-word {said.state}")
        self._text.set_text(said.text)
        for part in self._parts:
            try:
                part.refresh()
            except Exception:  # of one card; the others must not show what is old
                log.traceback(self._node, traceback.format_exc())


def _name(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "_/")
