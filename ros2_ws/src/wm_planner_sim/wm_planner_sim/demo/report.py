"""The demo's report: one self-contained HTML file, and the same numbers as JSON."""

from __future__ import annotations

import base64
import html
import io
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import imageio
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from wm_planner.files.whole import write_whole
from wm_planner.types import RgbImage
from wm_planner_sim.client.episode import Episode

matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})


@dataclass
class Run:
    """All episodes of one planner under the demo's protocol.

    Attributes:
        preset: The planner's preset.
        scored: What has to reach the goal's position.
        tolerance: Largest final distance that is a success [m].
        episodes: One per goal.
    """

    preset: str
    scored: str
    tolerance: float
    episodes: list[Episode] = field(default_factory=list)

    @property
    def successes(self) -> int:
        """Number of goals that ended within the tolerance, measured in the simulator."""
        return sum(episode.final_distance < self.tolerance for episode in self.episodes)

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


def write_report(
    directory: Path,
    planner: Run,
    random: Run,
    plan_times: dict[str, Sequence[float]],
    video: Sequence[RgbImage],
    rate: float,
    protocol: dict[str, Any],
) -> Path:
    """Write ``report.json`` and ``report.html``.

    Args:
        directory: Directory of the report; made if missing.
        planner: The planner's goals.
        random: The same goals with random actions.
        plan_times: Wall times [s] by preset.
        video: Frames uint8 (H, W, 3) of equal size.
        rate: Frames per second of the video.
        protocol: What a reader needs to know to repeat the run.

    Returns:
        The path of ``report.html``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    times = {preset: timing(values) for preset, values in plan_times.items()}
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    machine = {"system": platform.platform(), "processor": _processor()}
    summary = {
        "date": date,
        "machine": machine,
        "protocol": protocol,
        "planner": planner.summary(),
        "random": random.summary(),
        "plan_times": times,
    }
    write_whole(directory / "report.json", json.dumps(_finite(summary), indent=2) + "\n")
    sections = [
        f"<p>{planner.successes} of {len(planner.episodes)} goals reached within "
        f"{100 * planner.tolerance:.0f} cm; with random actions {random.successes} of "
        f"{len(random.episodes)}.</p>",
        _video(video, rate),
        "<h2>Distance and cost</h2>" + _charts(planner, random),
        "<h2>Goals</h2>" + _goal_table(planner, random),
        "<h2>Time per plan</h2>" + _time_table(times),
        "<h2>Protocol</h2>" + _definitions({**protocol, **machine}),
    ]
    page = _PAGE.replace("{date}", date).replace("{body}", "\n".join(sections))
    path = directory / "report.html"
    write_whole(path, page)
    return path


def _finite(value: Any) -> Any:
    """Replace NaN, which JSON does not have, with None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _processor() -> str:
    """Return the number and name of the processors, as far as the system knows them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor()


def _video(frames: Sequence[RgbImage], rate: float) -> str:
    if not frames:
        return "<p>There is no video: no goal was pursued.</p>"
    data = imageio.mimwrite(
        "<bytes>", list(frames), format="mp4", fps=rate, codec="libx264", quality=6,
        macro_block_size=2, output_params=["-movflags", "+faststart"],
    )  # fmt: skip
    source = base64.b64encode(data).decode()
    return (
        '<video controls autoplay muted loop src="data:video/mp4;base64,' + source + '"></video>'
        "<p class=note>Left: camera. Right: goal image. Twice the real speed.</p>"
    )


def _charts(planner: Run, random: Run) -> str:
    figure = Figure(figsize=(10, 2.8), layout="constrained")
    position, latent, cost = figure.subplots(1, 3)
    for run, color in ((random, "#bbbbbb"), (planner, "#1f6f8b")):
        for i, episode in enumerate(run.episodes):
            label = run.preset if i == 0 else None
            position.plot(100 * np.asarray(episode.distances), color=color, label=label, lw=1)
            latent.plot(episode.latent_distances, color=color, lw=1)
            cost.plot(episode.costs, color=color, lw=1)
    position.axhline(100 * planner.tolerance, color="#c0392b", ls="--", lw=1)
    position.set(xlabel="step", ylabel=f"{planner.scored} to goal [cm]", ylim=(0, None))
    latent.set(xlabel="step", ylabel="latent distance [typical distances]", ylim=(0, None))
    cost.set(xlabel="step", ylabel="cost of the plan", yscale="log")
    position.legend(frameon=False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue().split("?>", 1)[1]


def _goal_table(planner: Run, random: Run) -> str:
    rows = []
    for mine, other in zip(planner.episodes, random.episodes, strict=True):
        good = mine.final_distance < planner.tolerance
        rows.append(
            f"<tr class={'good' if good else 'bad'}><td>{mine.seed}"
            f"<td>{100 * mine.initial_distance:.1f}<td>{100 * mine.final_distance:.1f}"
            f"<td>{mine.steps}<td>{mine.elapsed:.1f}<td>{html.escape(mine.message)}"
            f"<td>{100 * other.final_distance:.1f}</tr>"
        )
    head = "seed|start [cm]|end [cm]|steps|time [s]|status|random actions, end [cm]"
    return _table(head, rows)


def _time_table(times: dict[str, dict[str, float]]) -> str:
    rows = [
        f"<tr><td>{html.escape(preset)}<td>{row['count']:.0f}<td>{1e3 * row['median_s']:.0f}"
        f"<td>{1e3 * row['p95_s']:.0f}<td>{1e3 * row['max_s']:.0f}</tr>"
        for preset, row in times.items()
    ]
    return _table("preset|plans|median [ms]|95th percentile [ms]|longest [ms]", rows)


def _table(head: str, rows: Sequence[str]) -> str:
    cells = "".join(f"<th>{name}" for name in head.split("|"))
    return f"<table><tr>{cells}</tr>{''.join(rows)}</table>"


def _definitions(values: dict[str, Any]) -> str:
    items = (f"<dt>{html.escape(k)}<dd>{html.escape(str(v))}" for k, v in values.items())
    return f"<dl>{''.join(items)}</dl>"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>wm_planner demo</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #222 }
video, svg { width: 100%; height: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd;
         vertical-align: top; font-variant-numeric: tabular-nums }
.good td:nth-child(3) { color: #1e7e34 } .bad td:nth-child(3) { color: #c0392b; font-weight: 600 }
.note { color: #666 } dt { font-weight: 600 } dd { margin: 0 0 .4rem 0 }
</style>
<h1>wm_planner demo</h1><p class=note>{date}</p>
{body}
</html>
"""
