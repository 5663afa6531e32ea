"""Latency of the whole loop over DDS: simulator, planner and this script as separate processes.

Two runs with pictures of 640x480: in the first, plans of a given length follow each other without a
pause while the camera gives 25 pictures a second; in the second, the planner is free when a picture
comes (5 Hz). Pictures are stamped with system time on their way, as a camera's driver would.

python benchmarks/loop.py [--seconds 60] [--plan-time 0.3]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner_sim import seeds
from wm_planner_sim.client import Client
from wm_planner_sim.partners import start_planner, start_simulator

SEED = seeds.EVALUATION[2000]
NEVER = 1e-9  # a tolerance that is not reached, so that the goal goes on
DELAY = "picture's publication to callback: p99 [s]"  # of /diagnostics
WANTED = {
    "commands [Hz]": "50",
    "gap between commands, longest [ms]": "at most 60, back to back",
    "picture's publication to callback, p99 [ms]": "under 20",
    "stamp to command less plan time, p95 [ms]": "at most 15, planner free",
}


class Relay(Node):
    """Passes the simulator's pictures on with the time of this machine as their stamp."""

    def __init__(self, connection: Connection) -> None:
        super().__init__("camera_driver")
        self._publisher = self.create_publisher(Image, "camera", QoSProfile(depth=10))
        self.create_subscription(Image, "rgb", self._on_image, 10)

    def _on_image(self, message: Image) -> None:
        message.header.stamp = self.get_clock().now().to_msg()
        self._publisher.publish(message)

    def close(self) -> None:
        """Nothing to hand over."""


class Recorder(Node):
    """Writes down when commands and statuses came."""

    def __init__(self, connection: Connection) -> None:
        super().__init__("recorder")
        self._connection = connection
        self._record: dict[str, list[Any]] = {"commands": [], "plans": [], "delays": []}
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 100)
        self.create_subscription(PlanStatus, "wm_planner/status", self._on_status, 100)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def _on_command(self, message: PoseStamped) -> None:
        self._record["commands"].append((time.monotonic(), _seconds(message.header.stamp)))

    def _on_status(self, message: PlanStatus) -> None:
        if message.state == PlanStatus.ACTIVE and np.isfinite(message.image_age):
            sent, age = _seconds(message.header.stamp), message.image_age
            plan = (sent - age, age, message.plan_time)
            plans = self._record["plans"]
            if not plans or plans[-1][1:] != plan[1:]:  # else the status of once a second
                plans.append(plan)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        values = {v.key: v.value for status in message.status for v in status.values}
        if DELAY in values:
            self._record["delays"].append(float(values[DELAY]))

    def close(self) -> None:
        """Hand over what was recorded."""
        self._connection.send(self._record)


def _seconds(stamp: Any) -> float:
    return float(stamp.sec + stamp.nanosec * 1e-9)


def _serve(kind: type[Relay] | type[Recorder], connection: Connection) -> None:
    """A node in a process of its own, until the connection says so."""
    rclpy.init()
    node, executor = kind(connection), SingleThreadedExecutor()
    executor.add_node(node)
    while not connection.poll():
        executor.spin_once(timeout_sec=0.2)
    node.close()
    rclpy.try_shutdown()


class Process:
    """A node of this script's in a process of its own."""

    def __init__(self, kind: type[Relay] | type[Recorder]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(kind, theirs))
        self._process.start()

    def end(self, wait: bool = False) -> Any:
        """Stop it; what it recorded, if anything."""
        self._connection.send("end")
        record = self._connection.recv() if wait else None
        self._process.join(5)
        self._process.kill()
        return record


def measure(seconds: float, camera_rate: float, *parameters: str) -> dict[str, list[Any]]:
    """Run the loop; returns the recorder's lists, without the goal's first two seconds."""
    rclpy.init()
    simulator = start_simulator(f"camera_rate:={camera_rate}", log_level="warn")
    planner = start_planner(
        "use_sim_time:=false",
        "session.progress_time:=0.0",
        *parameters,
        image="camera",
        log_level="warn",
    )
    relay, client, executor = Process(Relay), Client(), SingleThreadedExecutor()
    executor.add_node(client)
    try:
        client.wait_active()
        client.reset(SEED)
        goal, _ = client.sample_goal(SEED)
        handle = client.send(ReachGoal.Goal(image=goal, tolerance=NEVER), seconds + 30)
        assert handle.accepted, client.rejection
        client.spin_for(2.0)
        recorder = Process(Recorder)
        time.sleep(seconds)  # the client takes no pictures meanwhile
        record = recorder.end(wait=True)
        client.cancel(handle)
    finally:
        for process in (relay, planner, simulator):
            process.end()
    client.destroy_node()
    rclpy.try_shutdown()
    return record


def figures(record: dict[str, list[Any]]) -> dict[str, float]:
    """What a run showed [ms, Hz]."""
    arrivals, stamps = np.array(record["commands"]).T
    gaps = np.diff(arrivals)
    plans = np.array(record["plans"])  # stamp, image age when ready, plan time
    plans = plans[plans[:, 0] + plans[:, 1] < stamps[-1]]
    first = stamps[np.searchsorted(stamps, plans[:, 0] + plans[:, 1])]
    to_command = first - plans[:, 0] - plans[:, 2]
    return {
        "commands [Hz]": (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]),
        "gap between commands, p99 [ms]": 1e3 * np.quantile(gaps, 0.99),
        "gap between commands, longest [ms]": 1e3 * gaps.max(),
        "plans": len(plans),
        "plan time, median [ms]": 1e3 * np.median(plans[:, 2]),
        "time between plans, median [ms]": 1e3 * np.median(np.diff(plans[:, 0])),
        "picture's publication to callback, p99 [ms]": 1e3 * max(record["delays"], default=np.nan),
        "stamp to command less plan time, median [ms]": 1e3 * np.median(to_command),
        "stamp to command less plan time, p95 [ms]": 1e3 * np.quantile(to_command, 0.95),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--plan-time", type=float, default=0.3)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    # DINO-WM's rule plans on until its time is up.
    busy = ("planning.preset:=dino_wm", "planning.iterations:=500")
    budget = f"planning.budget:={options.plan_time}"
    runs = [
        figures(measure(options.seconds, 25.0, *busy, budget)),
        figures(measure(options.seconds, 5.0)),
    ]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before", end=" ")
    print(f"and {os.getloadavg()[0]:.1f} after, {options.seconds:.0f} s each\n")
    print("| what | back to back | free planner | wanted |\n|---|---|---|---|")
    for what in runs[0]:
        numbers = " | ".join(f"{run[what]:.1f}" for run in runs)
        print(f"| {what} | {numbers} | {WANTED.get(what, '')} |")


if __name__ == "__main__":
    main()
