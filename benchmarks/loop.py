"""Measure the latency of the whole loop over DDS, with simulator and planner as separate processes.

The images have 640x480 pixels and are stamped with system time. There are three runs:

    back to back   plans of a given time follow each other without a pause,
                   at 25 images per second
    others join    the same while other programs join and leave, as
                   ``ros2 topic echo`` does
    free planner   the planner is idle when an image arrives (5 Hz)

All processes use the Fast DDS profile ``config/fastdds_localhost.xml``; docs/how-to/middleware.md.

With ``--viewers N`` the loop runs instead without and with a cockpit that N pages look at, in
turn, with a plan for each of 10 images per second. A run with a cockpit ends with its ``/stop``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from ament_index_python.packages import get_package_share_directory
from benchmark_parsers import above_zero, make_benchmark_parser
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from loop_viewers import Watched
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner.cli.arguments import count
from wm_planner.ending import explained
from wm_planner.ros.rates import Latency
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import start_planner, start_simulator
from wm_planner_sim.simulator import seeds

SEED = seeds.EVALUATION[2000]
NEVER = 1e-9  # a tolerance that is never reached, so that the goal does not end
BEFORE = 8.0  # [s] for the viewers to join
AFTER = 4.0  # [s] after a stop
VIEWED_RATE = 10.0  # [Hz] of the camera with --viewers
HOLDS = "holds"
DELAY = f"{Latency.TO_CALLBACK}: p99 [s]"  # key in /diagnostics, over the last 1000 images
JAZZY = os.environ.get("ROS_DISTRO") == "jazzy"
PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE" if JAZZY else "FASTDDS_DEFAULT_PROFILES_FILE"
JOINER = """
import rclpy, time
from geometry_msgs.msg import PoseStamped
rclpy.init()
node = rclpy.create_node("joiner")
node.create_subscription(PoseStamped, "target_pose", print, 10)
until = time.monotonic() + 1.0
while time.monotonic() < until:
    rclpy.spin_once(node, timeout_sec=0.1)
"""
WANTED = {
    "commands [Hz]": "50",
    "gap between commands, longest [ms]": "at most 60, back to back",
    "image publication to callback, p99 [ms]": "under 20",
    "stamp to command less plan time, p95 [ms]": "at most 15, planner free",
}


class Recorder(Node):
    """Records when commands and status messages arrive."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.commands: list[tuple[float, float]] = []  # arrival and stamp [s, system time]
        self.plans: list[tuple[float, float, float]] = []  # done at, age of image, plan time [s]
        self.delay = self.holds = self.asked = self.held = float("nan")
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 100)
        self.create_subscription(PlanStatus, "wm_planner/status", self._on_status, 100)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def clear(self) -> None:
        """Forget what was recorded so far."""
        self.commands.clear()
        self.plans.clear()

    def _on_command(self, message: PoseStamped) -> None:
        self.commands.append((time.time(), _seconds(message.header.stamp)))

    def _on_status(self, message: PlanStatus) -> None:
        if message.error_code == ReachGoal.Result.STOPPED and not self.held > 0:
            self.held = time.time()
        if message.state == PlanStatus.ACTIVE and np.isfinite(message.image_age):
            plan = (_seconds(message.header.stamp), message.image_age, message.plan_time)
            if not self.plans or self.plans[-1][1:] != plan[1:]:  # not a periodic repetition
                self.plans.append(plan)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        values = {v.key: v.value for status in message.status for v in status.values}
        self.delay = float(values.get(DELAY, self.delay))
        self.holds = float(values.get(HOLDS, self.holds))


def use_profile() -> None:
    """Use the planner's Fast DDS profile in this process and its children, on this machine only."""
    os.environ.pop("ROS_AUTOMATIC_DISCOVERY_RANGE", None)  # ROS would add transports of its own
    profile = Path(get_package_share_directory("wm_planner")) / "config" / "fastdds_localhost.xml"
    os.environ[PROFILE] = str(profile)


def _seconds(stamp: Any) -> float:
    return float(stamp.sec + stamp.nanosec * 1e-9)


@contextlib.contextmanager
def others_join(wanted: bool) -> Iterator[None]:
    """If wanted, run programs that subscribe to the commands, one after another."""
    end = threading.Event()

    def join() -> None:
        while not end.wait(1.0):
            subprocess.run([sys.executable, "-c", JOINER], check=True, stdout=subprocess.DEVNULL)

    thread = threading.Thread(target=join if wanted else lambda: None)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def measure(
    seconds: float,
    camera_rate: float,
    *parameters: str,
    joining: bool = False,
    watched: Watched | None = None,
    viewers: int = 0,
) -> Recorder:
    """Run the loop; return its record, without the first two seconds of the goal."""
    rclpy.init()
    camera = ("system_time:=true", f"camera_rate:={camera_rate}")
    simulator = start_simulator(*camera, log_level="warn")
    endless = ("use_sim_time:=false", "session.progress_time:=0.0", *parameters)
    planner = start_planner(*endless, log_level="warn")
    client, executor = Client(), SingleThreadedExecutor()
    executor.add_node(client)
    try:
        client.wait_active()
        client.reset(SEED)
        goal, _ = client.sample_goal(SEED)
        handle = client.send(
            ReachGoal.Goal(goal=Goal(images=[goal], tolerance=NEVER)), seconds + 60
        )
        assert handle.accepted, client.rejection
        client.spin_for(2.0)
        executor.remove_node(client)
        client.destroy_node()  # otherwise it would receive every image
        recorder = Recorder()
        executor.add_node(recorder)
        with others_join(joining), watched.by(viewers) if watched else contextlib.nullcontext():
            spin(executor, BEFORE if watched else 0.0)  # the viewers join
            recorder.clear()
            spin(executor, seconds)
            if watched:
                recorder.asked = time.time()
                stopping = watched.stop()
                spin(executor, AFTER)
                stopping.join()
    finally:
        planner.end()
        simulator.end()
    recorder.destroy_node()
    rclpy.try_shutdown()
    return recorder


def spin(executor: SingleThreadedExecutor, seconds: float) -> None:
    """Handle messages for a time [s]."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        executor.spin_once(timeout_sec=0.1)


def figures(record: Recorder) -> dict[str, float]:
    """Return the figures of a run, by name and unit."""
    commands = np.array(record.commands)
    last = commands[-1, 0]
    arrivals, stamps = commands[~(commands[:, 0] > record.asked)].T  # not those of the stop
    gaps = np.diff(arrivals)
    plans = np.array(record.plans)
    plans = plans[(plans[:, 0] > stamps[0] + 0.1) & (plans[:, 0] < stamps[-1])]
    ready, age, plan_time = plans.T
    # A plan's first command is sent right before the status that reports the plan.
    own = arrivals[np.searchsorted(stamps, ready, side="right") - 1]
    to_command = own - (ready - age) - plan_time
    return {
        "commands [Hz]": (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]),
        "gap between commands, p99 [ms]": 1e3 * np.quantile(gaps, 0.99),
        "gap between commands, longest [ms]": 1e3 * gaps.max(),
        "plans": len(plans),
        "plans [Hz]": (len(plans) - 1) / (ready[-1] - ready[0]),
        "holds for something overdue": record.holds,
        "plan time, median [ms]": 1e3 * np.median(plan_time),
        "time between plans, median [ms]": 1e3 * np.median(np.diff(ready)),
        "image publication to callback, p99 [ms]": 1e3 * record.delay,
        "stamp to command less plan time, median [ms]": 1e3 * np.median(to_command),
        "stamp to command less plan time, p95 [ms]": 1e3 * np.quantile(to_command, 0.95),
        "POST /stop to status HOLDING [ms]": 1e3 * (record.held - record.asked),
        "POST /stop to last command [ms]": 1e3 * (last - record.asked),
    }


def compare(seconds: float, viewers: int) -> tuple[list[str], list[dict[str, float]]]:
    """Run the loop without and with viewers, by turns; return titles and figures of the runs."""
    titles, runs = [], []
    for _ in range(2):
        titles += ["nobody looks", f"{viewers} viewers"]
        runs.append(figures(measure(seconds, VIEWED_RATE)))
        watched = Watched()
        record = measure(seconds, VIEWED_RATE, watched=watched, viewers=viewers)
        runs.append(figures(record))
        print(f"images per second and viewer: {', '.join(f'{r:.1f}' for r in watched.rates)}")
    share = sum(run["plans [Hz]"] for run in runs[1::2]) / sum(r["plans [Hz]"] for r in runs[::2])
    print(f"plan rate with viewers: {100 * share:.1f} % of that without\n")
    return titles, runs


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser(
        "loop", __doc__, "--seconds 60 --plan-time 0.3 --default-dds", "--seconds 60 --viewers 3"
    )
    add = parser.add_argument
    add("--seconds", type=above_zero, default=60.0, help="length of each run [s] (%(default)s)")
    add(
        "--plan-time", type=above_zero, default=0.3, metavar="SECONDS",
        help="time of a plan in the first two runs [s] (%(default)s)",
    )  # fmt: skip
    add("--default-dds", action="store_true", help="use no Fast DDS profile")
    add(
        "--viewers", type=count, default=0, metavar="N",
        help="pages that look at a cockpit (%(default)s)",
    )  # fmt: skip
    return parser


@explained("loop")
def main() -> None:
    options = make_parser().parse_args()
    if options.default_dds:
        os.environ.pop(PROFILE, None)
    else:
        use_profile()
    load = os.getloadavg()[0]
    # DINO-WM's CEM has no stopping rule, so it uses all of its budget.
    busy = ("planning.preset:=dino_wm", "planning.iterations:=500")
    busy = (*busy, f"planning.budget:={options.plan_time}")
    if options.viewers:
        titles, runs = compare(options.seconds, options.viewers)
    else:
        titles = ["back to back", "others join", "free planner"]
        runs = [
            figures(measure(options.seconds, 25.0, *busy)),
            figures(measure(options.seconds, 25.0, *busy, joining=True)),
            figures(measure(options.seconds, 5.0)),
        ]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before", end=" ")
    print(f"and {os.getloadavg()[0]:.1f} after, {options.seconds:.0f} s each\n")
    print(f"| what | {' | '.join(titles)} | wanted |\n|---|{'---|' * len(titles)}---|")
    for what in runs[0]:
        numbers = " | ".join(f"{run[what]:.1f}" for run in runs)
        print(f"| {what} | {numbers} | {WANTED.get(what, '')} |")


if __name__ == "__main__":
    main()
