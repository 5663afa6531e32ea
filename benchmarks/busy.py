"""Pursue goals beside busy loops: how often the arm slows and holds, and whether it gets there.

Simulator and planner run as separate processes over DDS; images of 640x480 pixels, 25 per second,
are stamped with system time. The busy loops run at the niceness of the planner all the while.

To compare with an older version (from 2026-11-30 on), run this file in the environment of its
checkout:

    bash -c '. ../older/scripts/env.sh; python benchmarks/busy.py'
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import rclpy
from benchmark_parsers import make_benchmark_parser
from diagnostic_msgs.msg import DiagnosticArray
from loop import Recorder, use_profile
from rclpy.executors import SingleThreadedExecutor

from wm_planner.cli.arguments import count, positive
from wm_planner.control import ErrorCode
from wm_planner.ending import explained
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.episode import Episode
from wm_planner_sim.client.processes import start_planner, start_simulator
from wm_planner_sim.simulator import seeds

TIMEOUT = 20.0  # [s] of a goal
PERIOD = 1.2  # [s] longer than that of /diagnostics


class BusyRecorder(Recorder):
    """Also records how often something was late, which older versions do not report."""

    def __init__(self) -> None:
        super().__init__()
        self.late = float("nan")
        self.gaps: list[float] = []  # between the commands of a goal, by their stamps [s]

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        super()._on_diagnostics(message)
        values = {v.key: v.value for status in message.status for v in status.values}
        if late := [float(value) for key, value in values.items() if key.startswith("late ")]:
            self.late = sum(late)


@contextlib.contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Run processes that do nothing but use the processor."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def pursue(goals: int, loops: int, parameters: list[str]) -> tuple[list[Episode], BusyRecorder]:
    """Pursue goals one after another; return how they went and what was recorded."""
    rclpy.init()
    simulator = start_simulator("system_time:=true", "camera_rate:=25.0", log_level="error")
    planner = start_planner("use_sim_time:=false", *parameters, log_level="error")
    client, recorder, executor = Client(), BusyRecorder(), SingleThreadedExecutor()
    executor.add_node(client)
    executor.add_node(recorder)
    episodes = []
    try:
        client.wait_active()
        with busy_loops(loops):
            for index in range(goals):
                seed = seeds.EVALUATION[2000 + index]
                image, position = client.sample_goal(seed)
                client.reset(seed)
                first = len(recorder.commands)
                episodes.append(client.reach(seed, image, position, TIMEOUT))
                recorder.gaps += np.diff([stamp for _, stamp in recorder.commands[first:]]).tolist()
            client.spin_for(PERIOD)
    finally:
        planner.end()
        simulator.end()
    client.destroy_node()
    recorder.destroy_node()
    rclpy.try_shutdown()
    return episodes, recorder


def figures(episodes: list[Episode], record: BusyRecorder) -> dict[str, str]:
    """Return the figures of a run by name."""
    steps, seconds = sum(e.steps for e in episodes), sum(e.elapsed for e in episodes)
    plan_times = [t for e in episodes for t in e.plan_times] or [float("nan")]
    away = [e.final_distance for e in episodes]
    ends = Counter(ErrorCode(e.error_code).name for e in episodes if e.error_code >= 0)
    reached = ends.pop("NONE", 0)
    count = len(episodes)
    return {
        "goals": str(count),
        "reached": str(reached),
        "other ends": ", ".join(f"{n} {name}" for name, n in ends.items()) or "none",
        "time to the end, mean [s]": f"{seconds / count:.1f}",
        "steps a goal, mean": f"{steps / count:.1f}",
        "steps a second": f"{steps / seconds:.2f}",
        "holds a goal": f"{record.holds / count:.1f}",
        "late a goal": f"{record.late / count:.1f}",
        "final distance, median [cm]": f"{100 * np.median(away):.1f}",
        "plan time, median [ms]": f"{1e3 * np.median(plan_times):.0f}",
        "gap between commands, p99 [ms]": f"{1e3 * np.quantile(record.gaps, 0.99):.0f}",
        "gap between commands, longest [ms]": f"{1e3 * max(record.gaps):.0f}",
    }


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("busy", __doc__, "--goals 10 --loops 2 --nice 5")
    add = parser.add_argument
    add("--goals", type=positive, default=10, metavar="N", help="number of goals (%(default)s)")
    add("--loops", type=count, default=2, metavar="N", help="number of busy loops (%(default)s)")
    add("--nice", type=count, metavar="N", help="worker.nice; by default the setting's own")
    return parser


@explained("busy")
def main() -> None:
    options = make_parser().parse_args()
    use_profile()
    nice = [] if options.nice is None else [f"worker.nice:={options.nice}"]
    before, since = os.getloadavg()[0], time.monotonic()
    episodes, record = pursue(options.goals, options.loops, nice)
    print(f"{options.loops} busy loops, {os.cpu_count()} cores, {time.monotonic() - since:.0f} s,")
    print(f"load {before:.1f} before and {os.getloadavg()[0]:.1f} after; {' '.join(nice)}")
    for name, value in figures(episodes, record).items():
        print(f"| {name} | {value} |")
    for episode in episodes:
        if episode.error_code:
            print(f"seed {episode.seed}: {episode.message}")


if __name__ == "__main__":
    main()
