#!/usr/bin/env python3
"""Time a command with inverse kinematics, and near a self-collision, on one core.

A Franka's hand follows random poses in the box and the cone of orientations that config/franka.yaml
has for a hand that tilts, at the speeds of that file. Then its joints follow random postures, many
of which would bring its links together, fast and braking slowly, so that long ways are compared.
The gates check the same wanted commands in turn, so that a busy machine slows all alike.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmark_parsers import make_benchmark_parser
from scipy.spatial.transform import Rotation

from wm_planner.cli.arguments import whole_number
from wm_planner.config import LimitsConfig
from wm_planner.control import CommandGate
from wm_planner.control.hand_gate import HandGate
from wm_planner.control.kinematic_gate import KinematicGate
from wm_planner.control.part_gate import Sent
from wm_planner.ending import explained
from wm_planner.kinematics import Arm
from wm_planner.types import Pose, Vector

URDF = Path(__file__).parents[1] / "ros2_ws/src/wm_planner/config/robots/panda.urdf"
READY = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])  # [rad]
DOWN = Rotation.from_quat([1.0, 0.0, 0.0, 0.0])
PERIOD = 0.02  # [s]
LEG = 50  # commands toward one pose
LIMITS = LimitsConfig(
    workspace_min=[0.25, -0.2, 0.2],
    workspace_max=[0.56, 0.2, 0.5],
    orientation=[1.0, 0.0, 0.0, 0.0],
    max_tilt=0.3,
    max_twist=0.5,
    max_speed=0.25,
    max_acceleration=1.5,
    max_angular_speed=0.4,
    max_angular_acceleration=2.0,
    max_joint_acceleration=5.0,
)


def wanted_poses(count: int) -> Vector:
    """Random poses (count, 7) in the box and near the nominal orientation."""
    rng = np.random.default_rng(0)
    at = rng.uniform(LIMITS.workspace_min, LIMITS.workspace_max, (count, 3))
    turned = Rotation.from_rotvec(rng.uniform(-0.25, 0.25, (count, 3))) * DOWN
    return np.hstack([at, turned.as_quat()])


def fold(arm: Arm, count: int) -> None:
    """Time commands of joints that would bring links together."""
    fast = replace(
        LIMITS,
        workspace_min=[-1.0, -1.0, -1.0],
        workspace_max=[1.0, 1.0, 1.5],
        max_joint_speed=2.1,
    )
    gates = {
        name: HandGate(replace(fast, min_link_distance=least), arm.joints, arm, grips=False)
        for name, least in {"without": 0.0, "with": 0.01}.items()
    }
    here = Pose(READY, np.array([0.0, 0.0, 0.0, 1.0]), 0.0)
    sent = {name: Sent(gate.start(here), np.zeros(len(READY))) for name, gate in gates.items()}
    times: dict[str, list[float]] = {name: [] for name in gates}
    rng, held = np.random.default_rng(0), 0
    for _ in range(count // LEG):
        wanted = rng.uniform(arm.limits.lower, arm.limits.upper)
        for _ in range(LEG):
            for name, gate in gates.items():
                before = sent[name]
                start = time.perf_counter()
                step = np.clip(wanted - before.point, -2.1 * PERIOD, 2.1 * PERIOD)
                goal = before.point + step
                sent[name] = gate.check(goal, previous=before, measured=before.point, dt=PERIOD)
                times[name].append(time.perf_counter() - start)
            held += bool(gates["with"].problems)
    print(f"self-collision: {held / len(times['with']):.0%} of the commands are held back")
    tell(times, "check")


def tell(times: dict[str, list[float]], what: str) -> None:
    """Print how long commands took."""
    for name, found in times.items():
        low, high, most = np.percentile(found, [50, 95, 99]) * 1e3
        shown = f"median {low:.2f} ms, 95 % {high:.2f} ms, 99 % {most:.2f} ms a command"
        print(f"{name:>8} {what}: {shown}")
    ratio = np.median(times["with"]) / np.median(times["without"])
    print(f"ratio of the medians {ratio:.1f}")


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("kinematics", __doc__, "--commands 3000")
    parser.add_argument(
        "--commands", type=whole_number(LEG), default=3000, metavar="N",
        help="number of commands of each measurement (%(default)s)",
    )  # fmt: skip
    return parser


@explained("kinematics")
def main() -> None:
    count = make_parser().parse_args().commands
    arm = Arm(URDF.read_text(), "panda_link0", "panda_hand_tcp")
    gates = {
        "without": CommandGate(LIMITS, turns=True),
        "with": KinematicGate(LIMITS, arm, turns=True, grips=False),
    }
    pose = arm.pose(READY)
    here = Pose(pose[:3], pose[3:], 0.0, 0.0, READY)
    sent = {name: Sent(gate.start(here), np.zeros(6)) for name, gate in gates.items()}
    times: dict[str, list[float]] = {name: [] for name in gates}
    for wanted in wanted_poses(count // LEG + 1):
        for _ in range(LEG):
            for name, gate in gates.items():
                before = sent[name]
                measured = gate.measure(gate.followed(before.point, here))
                start = time.perf_counter()
                sent[name] = gate.check(wanted, previous=before, measured=measured, dt=PERIOD)
                times[name].append(time.perf_counter() - start)
    tell(times, "kinematics")
    fold(arm, count)


if __name__ == "__main__":
    main()
