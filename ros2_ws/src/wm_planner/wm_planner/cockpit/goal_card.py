"""The card of the goal: the one pursued, and one that is prepared."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from nicegui import events, ui

from wm_planner.cockpit.calls import Answer
from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.cockpit.goal_draft import GoalDraft, read_upload
from wm_planner.cockpit.guard import MAX_BODY
from wm_planner.images import ImageFormatError
from wm_planner.message_limits import MAX_SUB_GOALS, MAX_TIMEOUT
from wm_planner.text import one_line

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
                    ui.html("<h2>Goal pursued</h2>", sanitize=False)
                    goal = '<img class="feed-goal" alt="image of the goal that is pursued">'
                    ui.html(goal, sanitize=False)
                    self._which = ui.label().classes("fine").mark("goal-index")
                with ui.element("div"):
                    ui.html("<h2>Next goal</h2>", sanitize=False)
                    self._image = ui.html("", sanitize=False).mark("draft")
                    self._label = ui.label().classes("fine").mark("draft-label")
            self._build_controls()
        self._show_draft()

    def refresh(self) -> None:
        """Show what is known now."""
        known = self._node.known
        search = known.search
        if known.goal is None:
            self._which.set_text("None yet.")
        elif search is not None and search.goal_count > 1:
            self._which.set_text(f"{search.goal_index + 1} of {search.goal_count}")
        else:
            self._which.set_text(f"Reached below {known.goal.tolerance:.3g}.")

    def _build_controls(self) -> None:
        with ui.element("div").classes("buttons").style("margin-top: 10px"):
            take = ui.button("Take present view", icon="photo_camera", on_click=self._take)
            take.props("outline no-caps dense").mark("take")
            self._paint = ui.button("Paint mask", icon="brush", on_click=self._paint_mask)
            self._paint.props("outline no-caps dense").mark("paint")
            self._add = ui.button("Add as sub-goal", icon="add", on_click=self._add_sub_goal)
            self._add.props("outline no-caps dense").mark("add-sub-goal")
        self._upload = ui.upload(
            label="Drop an image here, or choose one",
            auto_upload=True,
            max_files=1,
            max_file_size=MAX_BODY // 2,
            on_upload=self._take_upload,
            on_rejected=lambda: self._tell(Answer(False, f"at most {MAX_BODY >> 21} MiB")),
        )
        self._upload.props('flat bordered accept="image/png, image/jpeg"').style("margin-top: 8px")
        with ui.element("div").classes("buttons").style("margin-top: 8px"):
            self._stored = ui.select([], label="Stored goal", on_change=self._choose)
            self._stored.props("dense outlined options-dense").style("min-width: 150px")
            self._stored.mark("stored").on("focus", self._list)
            self._name = ui.input("Name").props("dense outlined").style("width: 120px").mark("name")
            store = ui.button("Store", icon="save", on_click=self._store)
            store.props("outline no-caps dense").mark("store")
            store.tooltip("Store the next goal, or the present view with the robot's state")
        with ui.element("div").classes("buttons").style("margin-top: 8px"):
            self._tolerance = ui.number("Tolerance (0: default)", value=0, min=0, max=1, step=0.05)
            self._tolerance.props("dense outlined").style("width: 150px").mark("tolerance")
            self._timeout = ui.number("Timeout s (0: default)", value=0, min=0, max=MAX_TIMEOUT)
            self._timeout.props("dense outlined").style("width: 150px").mark("timeout")
        self._ways = ui.label().classes("fine").mark("sub-goals")
        with ui.element("div").classes("buttons").style("margin-top: 8px"):
            self._send = ui.button("Send goal", icon="play_arrow", on_click=self._send_goal)
            self._send.props("no-caps").mark("send")
            cancel = ui.button("Cancel goal", icon="close", on_click=self._cancel)
            cancel.props("outline no-caps").mark("cancel")

    def _take(self) -> None:
        cameras = self._node.inputs.cameras
        if len(cameras) != 1 or cameras[0].image is None:
            why = f"there are {len(cameras)} cameras" if cameras else "no camera is read yet"
            self._tell(Answer(False, f"a goal can be taken from one camera only: {why}"))
            return
        self._show_draft(GoalDraft("the view when it was taken", cameras[0].image))

    async def _take_upload(self, event: events.UploadEventArguments) -> None:
        name = one_line(event.file.name, 60)
        try:
            draft = GoalDraft(f"the file {name}", read_upload(await event.file.read()))
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
            self._show_draft(GoalDraft(f"the stored goal {name}", name=str(name)))

    async def _store(self) -> None:
        name, draft = str(self._name.value or ""), self._draft or GoalDraft("")
        goal = GoalDraft("", draft.image).message()  # without tolerance and mask
        answer = await self._node.calls.save(name, goal, overwrite=False)
        self._tell(answer)
        if answer.done:
            await self._list()

    def _add_sub_goal(self) -> None:
        if self._draft and len(self._sub_goals) < MAX_SUB_GOALS:
            self._sub_goals.append(self._draft)
            self._show_draft()

    async def _send_goal(self) -> None:
        if self._draft is None:
            return
        tolerance, timeout = self._tolerance.value or 0.0, self._timeout.value or 0.0
        goals = [*self._sub_goals, self._draft]
        for goal in goals:
            goal.tolerance = float(tolerance)
        *ways, last = [goal.message() for goal in goals]
        answer = await self._node.calls.send(last, ways, float(timeout))
        self._tell(answer)
        if answer.done:
            self._sub_goals = []
            self._show_draft(self._draft)

    async def _cancel(self) -> None:
        self._tell(await self._node.calls.cancel())

    def _show_draft(self, draft: GoalDraft | None = None) -> None:
        self._draft = draft
        self._image.set_content(_shown(draft))
        self._label.set_text(f"It is {draft.label}." if draft else "Take, drop or choose one.")
        count = len(self._sub_goals)
        ways = f"By way of {count} sub-goal{'s' if count > 1 else ''}." if count else ""
        self._ways.set_text(ways)
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
            elif event.type == "mousemove" and event.buttons & 1:
                draft.paint(event.image_x, event.image_y)
            else:
                return
            canvas.set_content(draft.svg())

        def clear() -> None:
            draft.strokes.clear()
            canvas.set_content("")

        with ui.dialog().props("persistent no-esc-dismiss") as dialog, ui.card().classes("paint"):
            ui.label("Paint what counts. All else does not, and neither does the proprio.")
            canvas = ui.interactive_image(
                draft.data_url(),
                content=draft.svg() if draft.strokes else "",
                on_mouse=paint,
                events=["mousedown", "mousemove", "mouseup"],
                cross=True,
                sanitize=False,
            ).mark("canvas")
            with ui.element("div").classes("buttons"):
                ui.button("Done", on_click=dialog.close).props("no-caps").mark("painted")
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
        f'<div class="view" style="min-height: 0"><img src="{draft.data_url()}" '
        f'alt="{escape(draft.label)}"><svg viewBox="0 0 {width} {height}">{strokes}</svg></div>'
    )
