"""One self-contained page about an evaluation, and its numbers as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wm_planner.cli.json_text import json_text
from wm_planner.files.whole import write_whole
from wm_planner_sim.client.episode import Episode as RosEpisode
from wm_planner_sim.evaluation import html
from wm_planner_sim.evaluation.episodes import Episode, small
from wm_planner_sim.evaluation.failures import why_missed
from wm_planner_sim.evaluation.figures import Share, share, summary
from wm_planner_sim.evaluation.shifts import SHIFTS
from wm_planner_sim.simulator.task import Task

CLIP_RATE = 10.0  # [Hz] twice the real speed
MOST_CLIPS = 12
WHO = {
    "planner": "planner, from images",
    "oracle": "oracle: the same planner on the true state",
    "expert": "scripted expert, on the true state",
    "random": "random actions",
    "zero": "no motion",
}


@dataclass
class Results:
    """What an evaluation found.

    Attributes:
        task: The task.
        seeds: Seeds of the pairs in process.
        protocol: What a reader needs to know to repeat it.
        policies: Episodes in process by policy.
        flop: Floating-point operations of the planner in the first goal's episode.
        over_ros: Episodes with the real node.
        shifts: The planner's episodes by the name of what was shifted; ``none`` for comparison.
        sub_goals: How many a goal has.
        comparable: Whether episodes end in process as they do over ROS.
    """

    task: Task
    seeds: Sequence[int]
    protocol: dict[str, Any]
    policies: dict[str, list[Episode]] = field(default_factory=dict)
    flop: int = 0
    over_ros: list[RosEpisode] = field(default_factory=list)
    shifts: dict[str, list[Episode]] = field(default_factory=dict)
    sub_goals: int = 0
    comparable: bool = True

    @property
    def ros_share(self) -> Share:
        """How many goals were reached over ROS."""
        return Share(sum(e.success for e in self.over_ros), len(self.over_ros))

    def missed(self) -> list[tuple[int, Episode, str, str]]:
        """Return the planner's missed goals: seed, episode, whose fault, what was seen."""
        episodes = self.policies.get("planner", [])
        found = []
        for seed, episode in zip(self.seeds, episodes, strict=False):
            if not episode.success:
                fault, seen = why_missed(episode, carried=self.task.carries)
                if self.sub_goals:
                    seen += f"; {episode.passed[-1]} of {self.sub_goals} sub-goals were passed"
                found.append((seed, episode, fault, seen))
        return found

    def as_json(self) -> dict[str, Any]:
        """Return all numbers."""
        numbers: dict[str, Any] = {
            "date": html.now(),
            "machine": html.machine(),
            "protocol": self.protocol,
            "in_process": {name: summary(found) for name, found in self.policies.items()},
            "tflop_of_first_episode": self.flop / 1e12 if self.flop else None,
            "shifts": {name: summary(found) for name, found in self.shifts.items()},
            "missed": [
                {"seed": seed, "fault": fault, "seen": seen, "distance": episode.distances[-1]}
                for seed, episode, fault, seen in self.missed()
            ],
        }
        if self.over_ros:
            found = self.ros_share
            numbers["over_ros"] = {
                "goals": found.goals,
                "successes": found.successes,
                "wilson_95": found.interval,
                "plan_time_median": _median(t for e in self.over_ros for t in e.plan_times),
                "steps_mean": float(np.mean([e.steps for e in self.over_ros])),
                "initial_distances": [e.initial_distance for e in self.over_ros],
                "final_distances": [e.final_distance for e in self.over_ros],
                "goals_reached": [e.goals_reached for e in self.over_ros],
                "endings": [e.message for e in self.over_ros],
            }
        return numbers


def write(results: Results, directory: Path) -> Path:
    """Write ``evaluation.json`` and ``evaluation.html``; return the path of the page."""
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / "evaluation.json", json_text(results.as_json()) + "\n")
    task = results.task
    sections = [
        f"<p>A goal is reached if the {task.success}, by the simulator. "
        "Intervals are Wilson's, at 95 %.</p>",
        "<h2>In process</h2>" + _policies(results),
    ]
    if results.flop:
        sections.append(
            f"<p class=note>Encoding and plans took {results.flop / 1e12:.4f} TFLOP in the first "
            f"goal's episode of {results.policies['planner'][0].steps} steps. Times are of "
            "batches, divided by their goals; over ROS a plan is made alone.</p>"
        )
    if results.over_ros:
        sections.append("<h2>Over ROS</h2>" + _over_ros(results))
    if results.shifts:
        sections.append("<h2>Shifts: what differs from training</h2>" + _shifts(results))
    if "planner" in results.policies:
        sections.append("<h2>Missed goals</h2>" + _missed(results))
    about = {**results.protocol, **html.machine()}
    sections.append("<h2>Protocol</h2>" + html.definitions(about))
    path = directory / "evaluation.html"
    write_whole(path, html.page(f"wm_planner: {task.name}", sections))
    return path


def _policies(results: Results) -> str:
    rows = []
    for name, episodes in results.policies.items():
        figures = summary(episodes)
        seconds = figures["batched_plan_time_median"]
        rows.append(
            (
                WHO[name],
                share(episodes),
                f"{100 * figures['final_distance_mean']:.1f}",
                f"{figures['steps_mean']:.1f}",
                "" if seconds is None else f"{1e3 * seconds:.0f}",
            )
        )
    return html.table(
        "who acts|reached|mean distance at the end [cm]|steps|time per plan [ms]", rows
    )


def _over_ros(results: Results) -> str:
    found = results.ros_share
    plans = _median(t for episode in results.over_ros for t in episode.plan_times)
    row = (
        found,
        f"{np.mean([episode.steps for episode in results.over_ros]):.1f}",
        f"{1e3 * plans:.0f}",
    )
    text = ""
    if (planner := results.policies.get("planner")) and results.comparable:
        agree = "Each rate lies" if found.agrees(share(planner)) else "The rates do not lie"
        text = f"<p class=note>{agree} in the interval of the other, in process and over ROS.</p>"
    return html.table("reached|plans|time per plan [ms]", [row]) + text


def _shifts(results: Results) -> str:
    rows = [
        (SHIFTS[name].what, share(found), f"{100 * summary(found)['final_distance_mean']:.1f}")
        for name, found in results.shifts.items()
    ]
    return html.table("shift|reached|mean distance at the end [cm]", rows)


def _missed(results: Results) -> str:
    missed = results.missed()
    if not missed:
        return "<p>The planner missed no goal in process.</p>"
    rows = [
        (seed, f"{100 * episode.distances[0]:.1f}", f"{100 * episode.distances[-1]:.1f}", f, seen)
        for seed, episode, f, seen in missed
    ]
    parts = [html.table("seed|start [cm]|end [cm]|probable cause|what was seen", rows)]
    parts.append(
        f"<p class=note>Videos of the first {MOST_CLIPS}: camera on the left, goal image on the "
        "right, twice the real speed.</p>"
    )
    for seed, episode, fault, seen in missed[:MOST_CLIPS]:
        if episode.frames and episode.goal_image is not None:
            goal = small(episode.goal_image)
            frames = [np.hstack([frame, goal]) for frame in episode.frames]
            parts.append(f"<h3>Seed {seed}: {fault}</h3><p class=note>{seen}</p>")
            parts.append(html.video(frames, CLIP_RATE))
    return "".join(parts)


def _median(values: Any) -> float:
    found = list(values)
    return float(np.median(found)) if found else float("nan")
