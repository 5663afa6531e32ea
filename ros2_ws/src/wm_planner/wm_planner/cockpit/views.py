"""The card with the live image, what is drawn into it, and the frames that the model imagines."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from nicegui import ui
from sensor_msgs.msg import CameraInfo
from wm_planner_msgs.msg import Search

from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.cockpit.inputs import CameraInput
from wm_planner.cockpit.known import OLD
from wm_planner.cockpit.overlay import draw, project
from wm_planner.text import one_line
from wm_planner.types import Vector

NO_STRIP = "Nothing yet. Frames appear while a goal is pursued, if the model has a decoder."
NO_PATH = (
    "No path to draw: the actions move joints, and the planner does not know the arm's kinematics."
)
ASPECT = 0.02  # largest relative difference between the aspect ratios of image and calibration
MOST_WARNINGS = 12


class Views:
    """Shows the images of the camera, the plan in them, and what is wrong with them.

    Args:
        node: Has the images and the plan.
    """

    def __init__(self, node: CockpitNode) -> None:
        self._node = node
        self._drawn: tuple[int, int, bool] | None = None  # stamp, and whether with candidates
        self._shown: tuple[str, ...] = ("",)
        with ui.element("section").classes("card"):
            with ui.element("div").classes("card-head"):
                ui.html("<h2>What the planner sees, and its plan</h2>", sanitize=False)
                self._all = ui.checkbox("Show candidates (yellow: low cost, purple: high)").props(
                    "dense"
                )
            with ui.element("div").classes("view"):
                camera = '<img class="feed-camera" alt="live image of the camera">'
                ui.html(camera, sanitize=False)
                self._overlay = ui.html("", sanitize=False)
                self._note = ui.label().classes("note")
            self._why_not = ui.label().classes("fine")
            self._findings = ui.element("div").classes("findings").style("margin-top: 8px")
        with ui.element("section").classes("card strip"):
            ui.html(
                "<h2>Frames that the model imagines for the plan, then the goal</h2>",
                sanitize=False,
            )
            imagined = '<img class="feed-imagined" alt="frames that the model predicts">'
            ui.html(imagined, sanitize=False)
            self._no_strip = ui.label().classes("fine")

    def refresh(self) -> None:
        """Show what is known now."""
        known = self._node.known
        age = time.monotonic() - known.image_at
        note = known.camera or "no image received yet" if not np.isfinite(age) else ""
        if OLD < age < np.inf:
            note = f"this image is {age:.0f} s old{': ' if known.camera else ''}{known.camera}"
        self._note.set_text(note)
        shown = self._node.feeds["imagined"].number
        none = "" if shown else NO_STRIP
        self._no_strip.set_text(none)
        self._refresh_findings()
        self._refresh_plan(known.search if known.under_way else None)

    def _refresh_plan(self, search: Search | None) -> None:
        if search is None:
            self._drawn = None
            self._overlay.set_content("")
            self._why_not.set_text("")
            return
        stamp = search.header.stamp
        wanted = (stamp.sec, stamp.nanosec, bool(self._all.value))
        if wanted == self._drawn:
            return
        svg, why_not = self._svg(search)
        self._drawn = None if why_not else wanted  # what lacks may still come
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

    def _svg(self, search: Search) -> tuple[str, str]:
        """Return the plan as SVG over the image, or why there is none."""
        cameras = self._node.inputs.cameras
        if not search.path:
            return "", NO_PATH
        try:
            info = calibration(cameras[0]) if cameras else None
            if info is None:
                return "", ""
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
        # Several cameras are shown side by side; the plan is drawn into the first one.
        box = f"0 0 {width * info.height / height:.1f} {info.height}"
        content = draw(path, many)
        return f'<svg viewBox="{box}" preserveAspectRatio="none">{content}</svg>', ""


def calibration(camera: CameraInput) -> CameraInfo | None:
    """Return the calibration of a camera's images; None if there is no image yet.

    Raises:
        ValueError: It does not come, or is not that of these images; the message says why.
    """
    info, image = camera.info, camera.image
    if image is None:
        return None
    if info is None:
        raise ValueError("no camera_info received")
    if not (info.height and info.width):
        raise ValueError("camera_info has no size of the image")
    if info.roi.width or info.roi.height or max(info.binning_x, info.binning_y) > 1:
        raise ValueError("camera_info has a region of interest or binning, which is not supported")
    shown, whole = image.shape[1] / image.shape[0], info.width / info.height
    if abs(shown / whole - 1) > ASPECT:
        raise ValueError(
            f"the image has {image.shape[1]}x{image.shape[0]} pixels, but camera_info says "
            f"{info.width}x{info.height}"
        )
    return info


def points_of(points: Iterable[Any]) -> Vector:
    """Return ``geometry_msgs/Point`` as (N, 3) [m]."""
    return np.array([(p.x, p.y, p.z) for p in points], dtype=np.float64).reshape(-1, 3)
