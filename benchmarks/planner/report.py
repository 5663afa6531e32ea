"""Tables and the plot of the planner benchmark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

Budget = tuple[int, int]


class Report:
    """Collects sections of Markdown."""

    def __init__(self, date: str, seeds: Sequence[int], count: int, command: str) -> None:
        self._machine = ""
        self._head = (
            f"# Planner benchmark, {date}\n\n"
            f"Command: `{command}`; model seeds {', '.join(map(str, seeds))} (the defaults were "
            "tuned on seeds below 100, of these and of other families), "
            f"{count} problems a model, three families of dynamics.\n"
        )
        self._sections: list[str] = []

    def machine(self, text: str) -> None:
        self._machine = f"Machine: {text}.\n"

    def _table(self, title: str, note: str, head: list[str], rows: list[list[str]]) -> None:
        lines = [f"## {title}\n", note + "\n", "| " + " | ".join(head) + " |"]
        lines.append("|" + "---|" * len(head))
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        self._sections.append("\n".join(lines) + "\n")

    def costs(
        self,
        table: Mapping[str, Mapping[tuple[str, Budget], str]],
        budgets: Sequence[Budget],
    ) -> None:
        for kind in ("white", "smooth"):
            self._table(
                f"Cost, {kind} goals",
                "Ratio to DINO-WM's rule (a tenth of the samples as elites) at the same budget of "
                "samples x iterations: geometric mean over models (worst model).",
                ["planner", *(f"{n}x{i}" for n, i in budgets)],
                [[name, *(row.get((kind, b), "") for b in budgets)] for name, row in table.items()],
            )

    def rollouts(
        self,
        table: Mapping[str, Mapping[tuple[str, Budget], float]],
        budgets: Sequence[Budget],
    ) -> None:
        rows = []
        for name, row in table.items():
            cells = [name]
            for kind in ("white", "smooth"):
                enough = [n * i for n, i in budgets if row.get((kind, (n, i)), math.inf) <= 1.0]
                cells.append(f"{min(enough)} ({min(enough) / 90:.0f} %)" if enough else "more")
            rows.append(cells)
        self._table(
            "Rollouts to the cost that DINO-WM's rule reaches with 9,000",
            "Smallest budget of the grid whose geometric mean over models is no higher.",
            ["planner", "white", "smooth"],
            rows,
        )

    def closed_loop(self, rows: Mapping[str, Sequence[str]]) -> None:
        self._table(
            "Closed loop, warm",
            "Mean squared tracking error over 20 replans of five iterations behind a moving "
            "reference, ratio to DINO-WM's rule with its padding by zeros.",
            ["planner", "64x5 white", "64x5 smooth", "128x5 white", "128x5 smooth"],
            [[name, *cells] for name, cells in rows.items()],
        )

    def overhead(
        self, times: Mapping[str, float], operations: Mapping[str, tuple[float, float]]
    ) -> None:
        self._table(
            "Overhead",
            "Plan time over the time of the forwards alone; 300x30, hidden width 512, one problem.",
            ["planner", "time ratio"],
            [[name, f"{value:.3f}"] for name, value in times.items()],
        )
        self._table(
            "Operations",
            "Torch operations outside the model per iteration at 300x30, views included: average "
            "over the iterations of a plan, and of each further iteration.",
            ["preset", "average", "each further"],
            [[name, f"{a:.1f}", f"{b:.1f}"] for name, (a, b) in operations.items()],
        )

    def robust(self, rows: Mapping[str, tuple[int, int]]) -> None:
        self._table(
            "A model that diverges",
            "The cost is NaN if an action is above 1.2, as in nearly every random plan. Bad plans "
            "are NaN or cost NaN, at 300x10.",
            ["planner", "bad plans"],
            [[name, f"{bad} of {total}"] for name, (bad, total) in rows.items()],
        )

    def options(self, rows: Mapping[str, Sequence[float]]) -> None:
        self._table(
            "What each option does",
            "Ratios to DINO-WM's rule with one setting changed; the first row is the default.",
            [
                "change",
                *("300x30 white", "300x30 smooth", "64x10 white", "64x10 smooth"),
                *("loop 64x5 white", "loop 64x5 smooth"),
            ],
            [[name, *(f"{v:.2f}" for v in row)] for name, row in rows.items()],
        )

    def text(self) -> str:
        return "\n".join([self._head, self._machine, *self._sections])


COLORS = ("#444444", "#999999", "#c0392b", "#e67e22", "#27ae60", "#2980b9", "#8e44ad", "#16a085")


def plot(
    table: Mapping[str, Mapping[tuple[str, Budget], float]],
    budgets: Sequence[Budget],
    path: Path,
) -> None:
    """Cost over rollouts, both logarithmic, white left and smooth right, as SVG."""
    width, height, left, top = 380, 300, 60, 30
    cells = [v for row in table.values() for v in row.values() if v > 0]
    low, high = math.log10(min(cells)) - 0.1, math.log10(max(cells)) + 0.1
    first, last = (math.log10(f(n * i for n, i in budgets)) for f in (min, max))
    names = list(table)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * width + 160}" '
        f'height="{height + 90 + 16 * ((len(names) + 1) // 2)}" font-family="sans-serif" '
        'font-size="12"><rect width="100%" height="100%" fill="white"/>'
    ]
    for side, kind in enumerate(("white", "smooth")):
        x0 = left + side * (width + 60)

        def at(rollouts: float, cost: float, x0: int = x0) -> tuple[float, float]:
            x = x0 + (math.log10(rollouts) - first) / (last - first) * width
            return x, top + (high - math.log10(cost)) / (high - low) * height

        out.append(f'<text x="{x0}" y="{top - 10}">{kind} goals: cost over DINO-WM at 9,000</text>')
        for power in range(math.ceil(low), math.floor(high) + 1):
            _, y = at(1000, 10.0**power)
            out.append(
                f'<line x1="{x0}" x2="{x0 + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
            )
        for rollouts in sorted({n * i for n, i in budgets}):
            x, _ = at(rollouts, 1.0)
            out.append(
                f'<text x="{x:.1f}" y="{top + height + 14}" text-anchor="middle" '
                f'font-size="9">{rollouts}</text>'
            )
        for k, name in enumerate(names):
            best: dict[int, float] = {}
            for (of, (n, i)), value in table[name].items():
                if of == kind:
                    best[n * i] = min(value, best.get(n * i, math.inf))
            points = " ".join("{:.1f},{:.1f}".format(*at(n, v)) for n, v in sorted(best.items()))
            color, bold = COLORS[k % len(COLORS)], 3 if "**" in name else 1.3
            dash = ' stroke-dasharray="5 3"' if k >= len(COLORS) else ""
            out.append(
                f'<polyline points="{points}" fill="none" stroke="{color}" '
                f'stroke-width="{bold}"{dash}/>'
            )
    for k, name in enumerate(names):
        x, y = left + (k % 2) * 420, top + height + 44 + 16 * (k // 2)
        dash = ' stroke-dasharray="5 3"' if k >= len(COLORS) else ""
        out.append(
            f'<line x1="{x}" x2="{x + 24}" y1="{y - 4}" y2="{y - 4}" '
            f'stroke="{COLORS[k % len(COLORS)]}" stroke-width="2"{dash}/>'
            f'<text x="{x + 30}" y="{y}">{name.replace("**", "")} (rollouts to the right)</text>'
        )
    path.write_text("\n".join([*out, "</svg>"]).replace(" (rollouts to the right)", "") + "\n")
