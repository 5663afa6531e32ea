"""The card with the plan in space: workspace, path, candidates, hand and arm."""

from __future__ import annotations

from typing import Any

import numpy as np
from nicegui import ui

from wm_planner.cockpit.cockpit_node import CockpitNode
from wm_planner.cockpit.overlay import color_of_rank
from wm_planner.cockpit.views import points_of
from wm_planner.types import Vector

STEP = 0.01  # [m] between the points of a line
MOST_POINTS = 500  # of a line
NOWHERE: Vector = np.empty((0, 3))
ORANGE, GRAY, BLUE = (0.9, 0.62, 0.0), (0.5, 0.55, 0.6), (0.0, 0.45, 0.7)


class SpaceCard:
    """Shows the plan in the frame of the actions, once the card is opened.

    Lines are shown as points, which a browser moves faster.

    Args:
        node: Has the plan, and the arm.
    """

    def __init__(self, node: CockpitNode) -> None:
        self._node = node
        self._clouds: dict[str, Any] = {}
        self._shown: dict[str, tuple[Vector, Vector]] = {}
        with ui.element("section").classes("card"):
            opened = ui.expansion("3D view", on_value_change=self._on_open)
            with opened.props("dense"):
                self._room = ui.element("div")
                ui.label("Orange: plan. Blue: hand. Gray: arm. Box: workspace.").classes("fine")
                self._why_not = ui.label().classes("fine")
        self._opened = opened

    def refresh(self) -> None:
        """Show what is known now."""
        known, arm = self._node.known, self._node.arm
        if not self._clouds or not self._opened.value:
            return
        search = known.search if known.under_way else None
        path, candidates, colors = NOWHERE, NOWHERE, NOWHERE
        if search is not None and search.path:
            path, many = points_of(search.path), points_of(search.candidates)
            lines = [dense(many[i : i + len(path)]) for i in range(0, len(many), len(path))]
            ranks = np.arange(len(lines)) / max(len(lines) - 1, 1)
            shades = np.array([color_of_rank(rank) for rank in ranks]).reshape(-1, 3) / 255
            candidates = np.vstack([NOWHERE, *lines])
            colors = np.repeat(shades, [len(line) for line in lines], axis=0)
        self._show("path", dense(path), ORANGE)
        self._show("candidates", candidates, colors)
        self._show("hand", np.array(known.hand).reshape(-1, 3), BLUE)
        self._show("arm", dense(arm.places), GRAY)
        self._why_not.set_text(arm.problem)

    def _on_open(self, event: Any) -> None:
        if not event.value or self._clouds:
            return
        middle = [0.4, 0.0, 0.25]
        with (
            self._room,
            ui.scene(640, 400, grid=(2, 20), fps=10, background_color="#d7dde3") as scene,
        ):
            scene.style("width: 100%").move_camera(1.35, -1.1, 0.95, 0.4, 0.0, 0.25, duration=0)
            for start, end in self._edges():
                scene.line(start, end).material("#55626f")
            sizes = {"candidates": 0.01, "path": 0.025, "hand": 0.05, "arm": 0.035}
            for name, size in sizes.items():
                # three.js draws a cloud only while the place that it had at first is in view.
                self._clouds[name] = scene.point_cloud([middle], [[0.84, 0.87, 0.89]], size)

    def _edges(self) -> list[tuple[list[float], list[float]]]:
        """Return the edges of the workspace's box."""
        corners = [
            self._node.known.setting(f"limits.workspace_{end}", []) for end in ("min", "max")
        ]
        if not all(len(corner) == 3 for corner in corners):
            return []
        low, high = np.array(corners, dtype=float)
        edges = []
        for axis in range(3):
            for side in range(4):
                start = low.copy()
                others = [other for other in range(3) if other != axis]
                for bit, other in enumerate(others):
                    if side >> bit & 1:
                        start[other] = high[other]
                end = start.copy()
                end[axis] = high[axis]
                edges.append((start.tolist(), end.tolist()))
        return edges

    def _show(self, name: str, points: Vector, colors: Any) -> None:
        colored = np.broadcast_to(colors, points.shape)
        before = self._shown.get(name)
        if before and all(map(np.array_equal, before, (points, colored))):
            return
        self._shown[name] = points, colored
        self._clouds[name].set_points(points.round(4).tolist(), colored.round(3).tolist())


def dense(line: Vector) -> Vector:
    """Return at most about ``MOST_POINTS`` points along a line (N, 3) [m], ``STEP`` apart."""
    if len(line) < 2:
        return line
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    step = max(STEP, float(lengths.sum()) / MOST_POINTS)
    counts = np.ceil(lengths / step).astype(int) + 1
    parts = [
        np.linspace(line[i], line[i + 1], count, endpoint=False) for i, count in enumerate(counts)
    ]
    return np.vstack([*parts, line[-1:]])
