"""The card of the goal: the one pursued, and one that is prepared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from html import escape

from nicegui import events, ui

from wm_planner.cockpit.calls import Answer
from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.cockpit.goal_draft import MAX_UPLOAD, GoalDraft, draft_of, read_upload
from wm_planner.cockpit.known import OLD
from wm_planner.images import ImageFormatError
from wm_planner.message_limits import MAX_SUB_GOALS, MAX_TIMEOUT
from wm_planner.text import one_line

REJECTED = f"the file was not accepted: give a PNG or JPEG of at most {MAX_UPLOAD >> 20} MiB"
NO_DRAFT = "Take the present view, drop an image, or choose a stored goal."
BRUSH = 0.08  # width of the brush, of the image's


class GoalCard:
    """Shows the goal pursued; prepares, sends and cancels goals.

    Args:
        node: Has the images, and carries the requests.
        tell: Shows an answer.
    """

    def __init__(self, node: CockpitNode, tell: Callable[[Answer], None]) -> None:
        self._node, self._tell = node, tell
        self._draft: GoalDraft | None = None
        self._sub_goals: list[GoalDraft] = []
        with ui.element("section").classes("card goal"):
            with ui.element("div").classes("two"):
                with ui.element("div"):
                    ui.html("<h2>Present or last goal</h2>", sanitize=False)
                    goal = '<img class="feed-goal" alt="image of the goal that is pursued">'
                    ui.html(goal, sanitize=False)
                    self._which = ui.label().classes("fine")
                with ui.element("div"):
                    ui.html("<h2>Next goal</h2>", sanitize=False)
                    self._image = ui.html("", sanitize=False)
                    self._label = ui.label().classes("fine")
            self._build_controls()
        self._show_draft()

    def refresh(self) -> None:
        """Show what is known now."""
        known = self._node.known
        search = known.search
        if known.goal is None:
            self._which.set_text("None yet.")
        elif search is not None and search.goal_count > 1:
            place, ways = search.goal_index + 1, search.goal_count - 1
            last = f"The goal, after {ways} sub-goals."
            self._which.set_text(last if place > ways else f"Sub-goal {place} of {ways}.")
        else:
            self._which.set_text(f"Tolerance: {known.goal.tolerance:.3g}.")

    def _build_controls(self) -> None:
        with ui.element("div").classes("buttons").style("margin-top: 10px"):
            take = ui.button("Take present view", icon="photo_camera", on_click=self._take)
            take.props("outline no-caps dense")
            take.tooltip("Use the camera's image as the next goal, without the robot's state")
            self._paint = ui.button("Paint mask", icon="brush", on_click=self._paint_mask)
            self._paint.props("outline no-caps dense")
            self._add = ui.button("Add as sub-goal", icon="add", on_click=self._add_sub_goal)
            self._add.props("outline no-caps dense")
        self._upload = ui.upload(
            label="Drop an image here, or choose one",
            auto_upload=True,
            max_files=1,
            max_file_size=MAX_UPLOAD,
            on_upload=self._take_upload,
            on_rejected=lambda: self._tell(Answer(False, REJECTED)),
        )
        self._upload.props('flat bordered accept="image/png, image/jpeg"').style("margin-top: 8px")
        with ui.element("div").classes("buttons").style("margin-top: 8px"):
            self._stored = ui.select([], label="Stored goal", on_change=self._choose)
            self._stored.props("dense outlined options-dense").style("min-width: 150px")
            self._stored.on("focus", self._list)
            self._name = ui.input("Name").props("dense outlined").style("width: 120px")
            self._store_button = ui.button("Store", icon="save", on_click=self._store)
            self._store_button.props("outline no-caps dense")
            self._store_button.tooltip(
                "Store the image of the next goal, without its mask. Without such an image, store "
                "the present view with the robot's state."
            )
        with ui.element("div").classes("buttons").style("margin-top: 8px"):
            self._tolerance = ui.number("Tolerance (0: default)", value=0, min=0, max=1, step=0.05)
            self._tolerance.props("dense outlined").style("width: 150px")
            self._tolerance.tooltip(
                "1 is the typical distance from start to goal. Also for sub-goals."
            )
            self._timeout = ui.number("Timeout [s] (0: default)", value=0, min=0, max=MAX_TIMEOUT)
            self._timeout.props("dense outlined").style("width: 150px")
        self._ways = ui.label().classes("fine")
        with ui.element("div").classes("buttons").style("margin-top: 8px"):
            self._send = ui.button("Send goal", icon="play_arrow", on_click=self._send_goal)
            self._send.props("no-caps")
            cancel = ui.button("Cancel goal", icon="close", on_click=self._cancel)
            cancel.props("outline no-caps")
            cancel.tooltip("End the goal. Other goals are still accepted.")
            clear = ui.button("Clear", on_click=self._clear).props("flat no-caps")
            clear.tooltip("Forget the next goal and its sub-goals")

    async def _take(self) -> None:
        inputs, planner = self._node.inputs, self._node.planner
        why = "" if inputs.cameras else f"{planner} has no camera yet"
        images = []
        for camera in inputs.cameras:
            age = time.monotonic() - camera.at
            if camera.image is None:
                why = camera.problem or f"no image received from {camera.topic} yet"
            elif age > OLD:
                why = f"the newest image is {age:.0f} s old: {camera.problem or camera.topic}"
            else:
                images.append(camera.image)
        if not why and len(images) > 1 and not inputs.ordered:
            why = f"{planner} has not told the order of its {len(images)} cameras yet"
        if why:
            self._tell(Answer(False, why))
            return
        label = f"View taken at {time.strftime('%H:%M:%S')}"
        label += f", of {len(images)} cameras" if len(images) > 1 else ""
        self._show_draft(await asyncio.to_thread(draft_of, label, *images))

    async def _take_upload(self, event: events.UploadEventArguments) -> None:
        name = one_line(event.file.name, 60)
        data = await event.file.read()
        try:
            draft = await asyncio.to_thread(lambda: draft_of(f"File {name}", read_upload(data)))
        except ImageFormatError as error:
            self._tell(Answer(False, one_line(f"{name}: {error}")))
        else:
            self._show_draft(draft)
        self._upload.reset()

    async def _list(self) -> None:
        names, why = await self._node.calls.goals()
        if names != self._stored.options:
            self._stored.set_options(names)
        if not names:
            self._tell(Answer(False, why or "no goal is stored yet"))

    def _choose(self) -> None:
        if name := self._stored.value:
            self._show_draft(GoalDraft(f"Stored goal {name}", name=str(name)))

    async def _store(self) -> None:
        name, draft = str(self._name.value or ""), self._draft or GoalDraft("")
        goal = await asyncio.to_thread(GoalDraft("", draft.image).message)  # without its mask
        answer = await self._node.calls.save(name, goal, overwrite=False)
        self._tell(answer)
        if answer.done:
            await self._list()

    def _add_sub_goal(self) -> None:
        if len(self._sub_goals) == MAX_SUB_GOALS:
            self._tell(Answer(False, f"at most {MAX_SUB_GOALS} sub-goals are allowed"))
        elif self._draft:
            self._sub_goals.append(self._draft)
            self._show_draft()

    async def _send_goal(self) -> None:
        if self._draft is None:
            return
        tolerance, timeout = self._tolerance.value or 0.0, self._timeout.value or 0.0
        goals = [*self._sub_goals, self._draft]
        for goal in goals:
            goal.tolerance = float(tolerance)
        *ways, last = await asyncio.to_thread(lambda: [goal.message() for goal in goals])
        answer = await self._node.calls.send(last, ways, float(timeout))
        self._tell(answer)
        if answer.done:
            self._sub_goals = []
            self._show_draft(self._draft)

    def _clear(self) -> None:
        self._sub_goals = []
        self._show_draft()

    async def _cancel(self) -> None:
        self._tell(await self._node.calls.cancel())

    def _show_draft(self, draft: GoalDraft | None = None) -> None:
        self._draft = draft
        self._image.set_content(_shown(draft))
        self._label.set_text(draft.label if draft else NO_DRAFT)
        ways = ", ".join(f"{i + 1}. {goal.label}" for i, goal in enumerate(self._sub_goals))
        self._ways.set_text(f"Sub-goals first: {ways}" if ways else "")
        stored = draft is not None and draft.image is None
        if not stored:
            self._stored.set_value(None)
        self._store_button.set_enabled(not stored)
        for button in (self._send, self._add):
            button.set_enabled(draft is not None)
        self._paint.set_enabled(draft is not None and draft.image is not None)

    def _paint_mask(self) -> None:
        draft = self._draft
        if draft is None or draft.image is None:
            return
        width = max(round(BRUSH * draft.image.shape[1]), 2)

        def paint(event: events.MouseEventArguments) -> None:
            if event.type == "mousedown":
                draft.begin_stroke(event.image_x, event.image_y, width)
            elif not event.buttons & 1 or not draft.paint(event.image_x, event.image_y):
                return
            canvas.set_content(draft.svg())

        def clear() -> None:
            draft.strokes.clear()
            canvas.set_content("")

        with ui.dialog().props("persistent no-esc-dismiss") as dialog, ui.card().classes("paint"):
            ui.label(
                "Paint the parts of the image that must match. The rest of the image and the "
                "robot's state (proprio) will not count."
            )
            canvas = ui.interactive_image(
                draft.preview,
                content=draft.svg() if draft.strokes else "",
                on_mouse=paint,
                events=["mousedown", "mousemove", "mouseup"],
                cross=True,
                sanitize=False,
            )
            with ui.element("div").classes("buttons"):
                ui.button("Done", on_click=dialog.close).props("no-caps")
                ui.button("Clear", on_click=clear).props("outline no-caps")

        def close() -> None:
            self._show_draft(draft)
            dialog.delete()

        dialog.on("hide", close)
        dialog.open()


def _shown(draft: GoalDraft | None) -> str:
    if draft is None or draft.image is None:
        return ""
    height, width = draft.image.shape[:2]
    strokes = draft.svg() if draft.strokes else ""
    return (
        f'<div class="view" style="min-height: 0"><img src="{draft.preview}" '
        f'alt="{escape(draft.label)}"><svg viewBox="0 0 {width} {height}">{strokes}</svg></div>'
    )
