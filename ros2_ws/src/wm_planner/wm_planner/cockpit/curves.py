"""The card with the curves of the goal pursued: distance and costs."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from wm_planner.cockpit.known import Known

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
GRAY = "#8894a0"  # can be read on light and dark


class Curves:
    """Shows distance and cost of every plan, and the cost of the newest one's iterations.

    Args:
        known: What the planner has said.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._drawn: tuple[object, ...] = ()
        with ui.element("section").classes("card"), ui.element("div").classes("two"):
            with ui.element("div"):
                ui.html("<h2>Distance to the goal (1: typical) over time [s]</h2>", sanitize=False)
                self._distance = ui.echart(_options()).classes("chart")
            with ui.element("div"):
                ui.html("<h2>Cost of the newest plan by iteration</h2>", sanitize=False)
                self._cost = ui.echart(_options()).classes("chart")

    def refresh(self) -> None:
        """Draw what is new."""
        known = self._known
        points, search = known.points, known.search
        goal = (round(known.goal.tolerance, 4) if known.goal else 0.0, known.goal_number)
        state = (len(points), points[-1] if points else None, goal)
        if state != self._drawn:
            self._drawn = state
            self._draw_distance()
        if search is not None:
            costs = [[i + 1, round(cost, 5)] for i, cost in enumerate(search.cost_history)]
            series = [_line("cost", costs, ORANGE, symbol="circle")]
            if self._cost.options["series"] != series:
                self._cost.options["series"] = series
                self._cost.update()

    def _draw_distance(self) -> None:
        points = self._known.points
        begin = points[0].at if points else 0.0
        found = [[round(point.at - begin, 2), round(point.distance, 4)] for point in points]
        line = _line("distance", found, BLUE)
        tolerance = self._known.goal.tolerance if self._known.goal else 0.0
        if tolerance:
            line["markLine"] = {
                "silent": True,
                "symbol": "none",
                "lineStyle": {"color": GREEN, "type": "dashed"},
                "label": {"formatter": "tolerance", "color": GRAY, "position": "insideEndTop"},
                "data": [{"yAxis": tolerance}],
            }
        self._distance.options["series"] = [line]
        self._distance.update()


def _line(
    name: str, data: list[list[float]], color: str, *, symbol: str = "none"
) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "data": data,
        "symbol": symbol,
        "lineStyle": {"width": 2, "color": color},
        "itemStyle": {"color": color},
        "animation": False,
    }


def _options() -> dict[str, Any]:
    axis = {
        "type": "value",
        "axisLabel": {"color": GRAY},
        "splitLine": {"lineStyle": {"color": GRAY, "opacity": 0.25}},
    }
    return {
        "animation": False,
        "grid": {"left": 44, "right": 12, "top": 12, "bottom": 26},
        "xAxis": {**axis, "scale": True},
        "yAxis": {**axis, "scale": True},
        "series": [],
    }
