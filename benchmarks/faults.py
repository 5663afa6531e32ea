"""Runs an hour of simulated time with faults of camera, pose, simulator, worker, clock and clients.

Among the faults are other publishers of every input, and texts of 100 kB wherever there are any.

Simulator, planner and this script run as separate processes over DDS; images, poses and the clock
pass through this script, which spoils them. After each goal the commands on the wire are checked.
Ctrl+C ends it early, with a report.

With --fault, which may be given several times, only these are injected: {faults}.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import random
import sys
import time
from typing import Any

import numpy as np
from benchmark_parsers import above_zero, make_benchmark_parser
from faults_checks import Checks
from faults_hand import WORKSPACE
from faults_injected import FAULTS, STOPPING
from faults_system import System
from loop import use_profile
from scipy.spatial.transform import Rotation
from wire_fuzz_checks import check_log
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

from wm_planner.cli.arguments import count
from wm_planner.control import ErrorCode
from wm_planner.ending import explained
from wm_planner_sim.client.calls import ClientError
from wm_planner_sim.client.image_readers import dangerous, readers_of_images
from wm_planner_sim.simulator import franka, seeds
from wm_planner_sim.simulator.tasks import TASKS

TIMEOUT = 6.0  # [s] simulated, of a goal
TURN = 0.3  # [rad] between the measured and the commanded orientation; a moving arm sways
PATIENCE = 60.0  # [s] wall time after which a goal without an end counts as lost


class Run:
    """Goals and storms of goals, and what happened."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.checks = Checks()
        self.outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self.memory: list[tuple[float, int]] = []
        self.seeds = [seed for seed in seeds.EVALUATION[4000:8000] if suits(seed)]
        self.simulated = 0.0
        self.accepted = self.rejected = 0

    def goal(self, fault: str) -> None:
        """Pursue a goal and inject a fault; the goal must end and the arm must be held."""
        system, node, problems = self.system, self.system.node, self.checks.problems
        seed = system.random.choice(self.seeds)
        began = node.sim_time
        node.reset(seed)
        image, _ = node.sample_goal(seed)
        node.clear_record()
        # With a fault, the tolerance is too small for the goal to be reached before it.
        tolerance = 0.0 if fault == "none" else 1e-6
        goal = Goal(images=[image], proprio=hand_goal(system.random), tolerance=tolerance)
        handle = node.send(ReachGoal.Goal(goal=goal), TIMEOUT)
        if not handle.accepted:
            self.outcomes[fault]["rejected"] += 1
            problems.append(f"{fault}: rejected: {node.rejection and node.rejection.message}")
            return
        future = handle.get_result_async()
        node.spin_for(system.random.uniform(0.1, 0.6))
        undo = FAULTS[fault](system) if fault != "none" else None
        at = time.time()
        until = time.monotonic() + PATIENCE
        while not future.done() and time.monotonic() < until:
            node.spin_for(0.05)
        if fault == "simulator killed":
            at = max(at, node.relayed[-1])  # its last images may have waited here
        if undo:
            undo()
        node.wait_for_silence()
        if not future.done():
            problems.append(f"{fault}: a goal without an end")
            return
        self.outcomes[fault][_code(future)] += 1
        if risk := dangerous(readers_of_images(node)):
            problems.append(f"{fault}: Fast DDS can hang in these readers of images: {risk}")
        self.checks.check_commands(node, fault, at, system.repeated)
        if node.turned > TURN:
            problems.append(f"{fault}: a command turns the arm by {node.turned:.2f} rad")
        self.simulated += max(node.sim_time - began, 0.0)

    def storm(self, goals: int) -> None:
        """Send, cancel and preempt goals at random."""
        node, choices = self.system.node, self.system.random
        image, _ = node.sample_goal(self.seeds[0])
        pending: list[Any] = []
        handles: list[Any] = []
        node.clear_record()
        began = node.sim_time
        for _ in range(goals):
            goal = Goal(images=[image], proprio=hand_goal(choices), tolerance=1e-6)
            sent = node.actions.send_goal_async(ReachGoal.Goal(goal=goal))
            with contextlib.suppress(ClientError):
                node.spin_until(sent.done, PATIENCE)
            handle = sent.result() if sent.done() else None
            if handle is None or not handle.accepted:
                self.rejected += 1
                continue
            self.accepted += 1
            handles.append(handle)
            pending.append(handle.get_result_async())
            node.spin_for(choices.choice([0.0, 0.01, 0.05, 0.2]))
            if choices.random() < 0.4:
                choices.choice(handles[-3:]).cancel_goal_async()
        if handles:
            handles[-1].cancel_goal_async()
        until = time.monotonic() + PATIENCE
        while not all(f.done() for f in pending) and time.monotonic() < until:
            node.spin_for(0.1)
        lost = sum(not f.done() for f in pending)
        if lost:
            self.checks.problems.append(f"storm: {lost} of {len(pending)} goals without an end")
        for future in pending:
            if future.done():
                self.outcomes["storm"][_code(future)] += 1
        node.wait_for_silence()
        self.checks.check_commands(node, "storm", None, self.system.repeated)
        self.simulated += max(node.sim_time - began, 0.0)

    def record_memory(self) -> None:
        """Record the resident memory of the node and its worker [bytes]."""
        node = self.system.process
        used = sum(p.memory_info().rss for p in [node, *node.children()] if p.is_running())
        self.memory.append((self.simulated, used))


def suits(seed: int) -> bool:
    """Return whether start and goal of a seed, as ``Reach`` draws them, lie in the workspace."""
    box = TASKS["reach"].workspace_min, TASKS["reach"].workspace_max
    drawn = [np.random.default_rng(key).uniform(*box) for key in (seed, [seed, 1])]
    return all((np.clip(place, *WORKSPACE) == place).all() for place in drawn)


def hand_goal(choices: random.Random) -> list[float]:
    """Return the proprio of a goal: a hand that points almost down, and any width."""
    turn = [choices.uniform(-most, most) for most in (0.15, 0.15, 0.4)]
    hand = Rotation.from_rotvec(turn) * Rotation.from_quat(franka.DOWN_XYZW)
    return [*hand.as_quat().tolist(), choices.uniform(0.01, 0.07)]


def _code(future: Any) -> str:
    return ErrorCode(future.result().result.error_code).name


def report(run: Run, wall: float) -> int:
    """Print what happened; return the exit code."""
    checks, log = run.checks, run.system.log
    print(f"\nsimulated {run.simulated / 60:.1f} min in {wall / 60:.1f} min\n")
    print("| fault | goals | ended as | last move after the fault, worst [s] | allowed [s] |")
    print("|---|---|---|---|---|")
    for fault, counts in run.outcomes.items():
        ended = ", ".join(f"{name} {count}" for name, count in counts.most_common())
        worst = max(checks.reactions.get(fault, [float("nan")]))
        allowed = STOPPING.get(fault, float("nan"))
        print(f"| {fault} | {counts.total()} | {ended} | {worst:.2f} | {allowed:.2f} |")
        if worst > allowed:
            checks.problems.append(f"{fault}: the arm moved {worst:.2f} s after the fault")
    print(f"\ncommanded from a measured pose that repeats: at most {max(checks.strays):.3f} m")
    print(f"storm: {run.accepted} goals accepted, {run.rejected} rejected")
    checks.problems += check_log(log)
    after = [used for simulated, used in run.memory if simulated > 0.1 * run.simulated]
    if after:
        growth = after[-1] / after[0] - 1
        print(f"memory: {after[0] / 2**20:.0f} MiB after a tenth, {growth:+.1%} at the end")
        if growth > 0.05:
            checks.problems.append(f"memory grew by {growth:.1%}")
    print(*checks.traces, sep="\n\n")
    for problem, often in collections.Counter(checks.problems).items():
        print(f"PROBLEM ({often}x): {problem}")
    print("no problem" if not checks.problems else f"{len(checks.problems)} problems")
    return bool(checks.problems)


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser(
        "faults",
        (__doc__ or "").replace("{faults}", "; ".join(FAULTS)),
        "--minutes 60 --factor 4 --goals 1000 --seed 0",
        "--minutes 2 --fault 'camera stopped'",
    )
    add = parser.add_argument
    add("--minutes", type=above_zero, default=60.0, help="simulated minutes (%(default)s)")
    add("--factor", type=above_zero, default=4.0, help="simulated over wall time (%(default)s)")
    add(
        "--goals", type=count, default=1000, metavar="N",
        help="number of goals in the storms (%(default)s)",
    )  # fmt: skip
    add("--fault", action="append", choices=list(FAULTS), metavar="NAME", help="see below (all)")
    add(
        "--seed",
        type=count,
        default=0,
        metavar="N",
        help="seed of all random choices (%(default)s)",
    )
    return parser


@explained("faults")
def main() -> int:
    options = make_parser().parse_args()
    began = time.monotonic()
    use_profile()
    run = Run(System(options.factor, options.seed))
    try:
        storms = 0
        while run.simulated < 60 * options.minutes:
            fault = run.system.random.choice([*(options.fault or FAULTS), "none", "none", "none"])
            run.goal(fault)
            run.record_memory()
            if run.simulated > 6 * options.minutes * (storms + 0.5):
                storms += 1
                run.storm(options.goals // 10)
            print(f"\r{run.simulated / 60:5.1f} min, {fault:<20}", end="", file=sys.stderr)
    except KeyboardInterrupt:  # report what has happened so far
        print(file=sys.stderr)
    finally:
        run.system.end()
    return report(run, time.monotonic() - began)


if __name__ == "__main__":
    raise SystemExit(main())
