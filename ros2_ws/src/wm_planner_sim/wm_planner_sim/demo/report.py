"""The demo's report: one self-contained HTML file, and the same numbers as JSON."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from wm_planner.cli.json_text import json_text
from wm_planner.files.whole import write_whole
from wm_planner.types import RgbImage
from wm_planner_sim.client.episode import Episode
from wm_planner_sim.evaluation import html
from wm_planner_sim.simulator.task import Task

matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
CAPTION = (
    "Left: camera. Right: goal image, or that of the present sub-goal. Below: the frames that the "
    "model predicts for the latest plan, and the right image as the last. Twice the real speed."
)


@dataclass
class Run:
    """All episodes of one planner under the demo's protocol.

    Attributes:
        preset: The planner's preset.
        task: Says what is a success.
        episodes: One per goal.
    """

    preset: str
    task: Task
    episodes: list[Episode] = field(default_factory=list)

    @property
    def successes(self) -> int:
        """Number of goals that were reached, measured in the simulator."""
        return sum(episode.success for episode in self.episodes)

    def summary(self) -> dict[str, Any]:
        """Return the part of ``report.json`` about this planner."""
        return {
            "preset": self.preset,
            "goals": len(self.episodes),
            "successes": self.successes,
            "success_rate": self.successes / len(self.episodes),
            "final_distances_m": [e.final_distance for e in self.episodes],
            "mean_final_distance_m": float(np.mean([e.final_distance for e in self.episodes])),
            "episodes": [asdict(e) for e in self.episodes],
        }


def timing(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median, 95th percentile, maximum and number of plan times [s]."""
    values = np.asarray(seconds if len(seconds) else [np.nan])
    return {
        "count": len(seconds),
        "median_s": float(np.median(values)),
        "p95_s": float(np.percentile(values, 95)),
        "max_s": float(values.max()),
    }


@dataclass
class TaskReport:
    """What the demo saw of one task.

    Attributes:
        name: Name of the task.
        planner: The planner's goals.
        random: The same goals with random actions.
        plan_times: Wall times [s] by preset.
        video: Frames uint8 (H, W, 3) of equal size.
        protocol: What a reader needs to know to repeat the run.
    """

    name: str
    planner: Run
    random: Run
    plan_times: dict[str, Sequence[float]]
    video: Sequence[RgbImage]
    protocol: dict[str, Any]

    @property
    def times(self) -> dict[str, dict[str, float]]:
        """The ``timing`` of each preset."""
        return {preset: timing(values) for preset, values in self.plan_times.items()}

    def summary(self) -> dict[str, Any]:
        """Return the part of ``report.json`` about this task."""
        return {
            "protocol": self.protocol,
            "planner": self.planner.summary(),
            "random": self.random.summary(),
            "plan_times": self.times,
        }

    def section(self, rate: float) -> str:
        """Return the part of the page about this task; the video plays at a rate [Hz]."""
        planner, random = self.planner, self.random
        caption = CAPTION if self.video else "There is no video: no goal was pursued."
        return "\n".join(
            [
                f"<h2>{self.name}</h2>"
                f"<p>{planner.successes} of {len(planner.episodes)} goals reached: "
                f"{planner.task.success}; with random actions "
                f"{random.successes} of {len(random.episodes)}.</p>",
                html.video(self.video, rate),
                f"<p class=note>{caption}</p>",
                "<h3>Distance and cost</h3>" + _charts(planner, random),
                "<h3>Goals</h3>" + _goal_table(planner, random),
                "<h3>Time per plan</h3>" + _time_table(self.times),
                "<h3>Protocol</h3>" + html.definitions(self.protocol),
            ]
        )


def write_report(directory: Path, parts: Sequence[TaskReport], rate: float) -> Path:
    """Write ``report.json`` and ``report.html``.

    Args:
        directory: Directory of the report; made if missing.
        parts: One for each task.
        rate: Frames per second of the videos.

    Returns:
        The path of ``report.html``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    machine = html.machine()
    summary = {
        "date": html.now(),
        "machine": machine,
        "tasks": {part.name: part.summary() for part in parts},
    }
    write_whole(directory / "report.json", json_text(summary) + "\n")
    sections = [part.section(rate) for part in parts]
    path = directory / "report.html"
    text = html.page("wm_planner demo", [*sections, "<h2>Machine</h2>", html.definitions(machine)])
    write_whole(path, text)
    return path


def _charts(planner: Run, random: Run) -> str:
    figure = Figure(figsize=(10, 2.8), layout="constrained")
    position, latent, cost = figure.subplots(1, 3)
    for run, color in ((random, "#bbbbbb"), (planner, "#1f6f8b")):
        for i, episode in enumerate(run.episodes):
            label = run.preset if i == 0 else None
            position.plot(100 * np.asarray(episode.distances), color=color, label=label, lw=1)
            latent.plot(episode.latent_distances, color=color, lw=1)
            cost.plot(episode.costs, color=color, lw=1)
    position.axhline(100 * planner.task.success_radius, color="#c0392b", ls="--", lw=1)
    position.set(xlabel="step", ylabel=f"{planner.task.scored} to goal [cm]", ylim=(0, None))
    latent.set(xlabel="step", ylabel="latent distance [typical distances]", ylim=(0, None))
    cost.set(xlabel="step", ylabel="cost of the plan", yscale="log")
    position.legend(frameon=False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue().split("?>", 1)[1]


def _goal_table(planner: Run, random: Run) -> str:
    rows, marks = [], []
    for mine, other in zip(planner.episodes, random.episodes, strict=True):
        marks.append("good" if mine.success else "bad")
        rows.append(
            (
                mine.seed,
                f"{100 * mine.initial_distance:.1f}",
                f"{100 * mine.final_distance:.1f}",
                mine.steps,
                f"{mine.elapsed:.1f}",
                mine.message,
                f"{100 * other.final_distance:.1f}",
            )
        )
    head = "seed|start [cm]|end [cm]|steps|time [s]|status|random actions, end [cm]"
    return html.table(head, rows, marks)


def _time_table(times: dict[str, dict[str, float]]) -> str:
    rows = [
        (preset, row["count"], *(f"{1e3 * row[key]:.0f}" for key in ("median_s", "p95_s", "max_s")))
        for preset, row in times.items()
    ]
    return html.table("preset|plans|median [ms]|95th percentile [ms]|longest [ms]", rows)
