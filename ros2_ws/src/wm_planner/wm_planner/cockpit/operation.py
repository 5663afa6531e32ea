"""The card of the operation: release, speed, preset, shadow mode, and the enabling button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import events, ui
from wm_planner_msgs.msg import PlanStatus

from wm_planner.cockpit.calls import Answer
from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.config import PRESETS

SPEED, PRESET, SHADOW = "commands.speed_override", "planning.preset", "commands.shadow"


class Operation:
    """Shows and changes how the planner runs.

    Args:
        node: Carries the requests.
        tell: Shows an answer.
    """

    def __init__(self, node: CockpitNode, tell: Callable[[Answer], None]) -> None:
        self._node, self._tell = node, tell
        self._known = node.known
        self._speed_shown, self._preset_shown, self._dragged = -1.0, "", False
        self._shadow_shown: bool | None = None
        with ui.element("section").classes("card"):
            ui.html("<h2>Operation</h2>", sanitize=False)
            with ui.element("div").classes("buttons"):
                self._release = ui.button("Release", icon="lock_open", on_click=self._on_release)
                self._release.props("no-caps")
                self._release.tooltip("Accept goals again after a stop")
                self._preset = ui.select(list(PRESETS), label="Preset", on_change=self._on_preset)
                self._preset.props("dense outlined options-dense").style("min-width: 130px")
                self._shadow = ui.switch("Shadow mode")
                self._shadow.on("update:model-value", self._on_shadow, [None])
                self._shadow.tooltip(
                    "Plan without moving the arm. Switching ends the goal and restarts the "
                    "planner, which may take a minute."
                )
            with ui.element("div").classes("buttons"):
                ui.label("Speed").classes("fine")
                self._slider = ui.slider(min=0, max=100, step=5, value=100).style("flex: 1")
                self._slider.props("label").on("change", self._on_speed)
                self._slider.on("pan", self._on_drag)
                self._percent = ui.label()
            if node.button:
                words = "Keep pressed to let the arm move. Not a safety device."
                ui.html(
                    f'<button id="enable" type="button">ENABLE</button> {words}', sanitize=False
                ).classes("fine")

    def refresh(self) -> None:
        """Show what is known now."""
        status = self._known.status
        if status is None:
            return
        self._release.set_enabled(self._known.stopped and not self._known.lost)
        if status.state == PlanStatus.INACTIVE or self._known.lost or self._dragged:
            return  # an inactive planner may say 0 everywhere
        if status.speed_override != self._speed_shown:
            self._speed_shown = status.speed_override
            self._slider.set_value(status.speed_override)
        self._percent.set_text(f"{status.speed_override:.0f} %")
        if self._shadow.enabled and self._shadow_shown != status.shadow:
            self._shadow_shown = status.shadow
            self._shadow.set_value(status.shadow)
        preset = self._known.setting(PRESET, "")
        if preset in PRESETS and preset != self._preset_shown:
            self._preset_shown = preset
            self._preset.set_value(preset)

    async def _on_release(self) -> None:
        self._tell(await self._node.calls.release())

    def _on_drag(self, event: events.GenericEventArguments) -> None:
        self._dragged = event.args == "start"

    async def _on_speed(self, event: events.GenericEventArguments) -> None:
        if isinstance(event.args, (int, float)):
            answer = await self._node.calls.change({SPEED: float(event.args)})
            self._tell(answer)
            if not answer.done:
                self._speed_shown = -1.0  # the slider goes back to what the planner says

    async def _on_preset(self, event: events.ValueChangeEventArguments[Any]) -> None:
        if event.value not in PRESETS or event.value == self._preset_shown:
            return
        answer = await self._node.calls.change({PRESET: str(event.value)})
        self._tell(answer)
        if not answer.done:
            self._preset.set_value(self._preset_shown)

    async def _on_shadow(self, event: events.GenericEventArguments) -> None:
        wanted = event.args is True
        self._shadow.set_enabled(False)
        try:
            if await self._is_sure(wanted):
                self._tell(await self._node.calls.restart_with({SHADOW: wanted}))
        finally:
            self._shadow_shown = None  # the switch goes back to what the planner says
            self._shadow.set_enabled(True)

    async def _is_sure(self, shadow: bool) -> bool:
        what = "The arm will not move." if shadow else "The arm will follow the next goals."
        with ui.dialog().props("persistent no-esc-dismiss") as dialog, ui.card():
            ui.label(f"{what} The present goal ends, and the planner loads its model again.")
            with ui.element("div").classes("buttons"):
                yes = ui.button("Switch", on_click=lambda: dialog.submit(True))
                yes.props("no-caps")
                no = ui.button("Leave as it is", on_click=lambda: dialog.submit(False))
                no.props("outline no-caps")
        sure = bool(await dialog)
        dialog.delete()
        return sure
