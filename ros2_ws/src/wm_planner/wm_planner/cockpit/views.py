"""The card with the live image, what is drawn into it, and the frames that the model imagines."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from nicegui import ui

from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.cockpit.overlay import draw, project
from wm_planner.text import one_line
from wm_planner.types import Vector

STALE = 2.0  # [s] without an image, after which the view says so
MOST_WARNINGS = 12


class Views:
    """Shows the images of the camera, the plan in them, and what is wrong with them.

    Args:
        node: Has the images and the plan.
    """

    def __init__(self, node: CockpitNode) -> None:
        self._node, self._drawn = node, (-1.0, False)
        self._shown: tuple[str, ...] = ("",)
        with ui.element("section").classes("card"):
            with ui.element("div").classes("card-head"):
                ui.html("<h2>What the planner sees, and its plan</h2>", sanitize=False)
                self._all = ui.checkbox("candidates by cost").props("dense").mark("candidates")
            with ui.element("div").classes("view"):
                camera = '<img class="feed-camera" alt="live image of the camera">'
                ui.html(camera, sanitize=False)
                self._overlay = ui.html("", sanitize=False).mark("overlay")
                self._note = ui.label().classes("note").mark("camera-note")
            self._why_not = ui.label().classes("fine")
            self._findings = ui.element("div").classes("findings").style("margin-top: 8px")
        with ui.element("section").classes("card strip"):
            ui.html("<h2>What the model imagines for the plan; last, the goal</h2>", sanitize=False)
            imagined = '<img class="feed-imagined" alt="frames that the model predicts">'
            ui.html(imagined, sanitize=False)
            self._no_strip = ui.label().classes("fine")

    def refresh(self) -> None:
        """Show what is known now."""
        known = self._node.known
        age = time.monotonic() - known.image_at
        note = known.camera or "no image has come yet" if not np.isfinite(age) else ""
        if STALE < age < np.inf:
            note = f"this image is {age:.0f} s old{': ' if known.camera else ''}{known.camera}"
        self._note.set_text(note)
        shown = self._node.feeds["imagined"].number
        none = "" if shown else "Nothing yet: a goal must be pursued, by a model with a decoder."
        self._no_strip.set_text(none)
        self._refresh_findings()
        search = known.search
        if search is None:
            return
        stamp = search.header.stamp
        wanted = (stamp.sec + 1e-9 * stamp.nanosec, bool(self._all.value))
        if wanted != self._drawn:
            self._drawn = wanted
            svg, why_not = self._svg()
            self._overlay.set_content(svg)
            self._why_not.set_text(why_not)

    def _refresh_findings(self) -> None:
        status = self._node.known.status
        found = tuple(one_line(text) for text in (status.warnings if status else ()))
        if found == self._shown:
            return
        self._shown = found
        self._findings.clear()
        with self._findings:
            for text in found[:MOST_WARNINGS]:
                ui.label(text).classes("finding")

    def _svg(self) -> tuple[str, str]:
        """Return the plan as SVG over the image, or why there is none."""
        search, cameras = self._node.known.search, self._node.inputs.cameras
        info = cameras[0].info if cameras else None
        if search is None or not search.path:
            return "", "The plan has no path in space that could be drawn."
        if info is None:
            return "", "The plan is not drawn into the image: no camera_info comes."
        try:
            pose = self._node.camera_pose.find(search.header.frame_id, info.header.frame_id)
            path = project(points_of(search.path), pose, info)
            many = []
            if self._all.value and len(search.path):
                points = points_of(search.candidates)
                many = [
                    project(points[i : i + len(path)], pose, info)
                    for i in range(0, len(points) - len(path) + 1, len(path))
                ]
        except ValueError as error:
            return "", f"The plan is not drawn into the image: {one_line(str(error))}"
        height, width = self._node.feeds["camera"].size
        if not (info.height and info.width and height):
            return "", ""
        # Several cameras are shown side by side; the plan is drawn into the first one.
        box = f"0 0 {width * info.height / height:.1f} {info.height}"
        content = draw(path, many)
        return f'<svg viewBox="{box}" preserveAspectRatio="none">{content}</svg>', ""


def points_of(points: Iterable[Any]) -> Vector:
    """Return ``geometry_msgs/Point`` as (N, 3) [m]."""
    return np.array([(p.x, p.y, p.z) for p in points], dtype=np.float64).reshape(-1, 3)
