"""Calls every service and the action of a planner with random requests while the arm moves.

Simulator, planner and this script run as separate processes over DDS. A goal is always under way;
requests of random sizes, names, types and texts go to whatever the node offers, also to its
parameters and its action. The commands on the wire, the log, the memory, the limits and the process
are checked.
"""

from __future__ import annotations

import argparse
import collections
import time

import numpy as np
from benchmark_parsers import make_benchmark_parser
from faults_checks import Checks
from loop import use_profile
from wire_fuzz_checks import check_log, check_memory, check_velocity, longest_gap
from wire_fuzz_run import Fuzz

from wm_planner.cli.arguments import count, positive
from wm_planner.ending import explained
from wm_planner_sim.client.calls import ClientError

ANSWERS = ("accepted", "refused", "answered", "no answer")


def problems(fuzz: Fuzz) -> list[str]:
    """Return a sentence for each problem."""
    found = list(fuzz.problems)
    try:
        now = fuzz.read_limits()
        if changed := {name: value for name, value in now.items() if value != fuzz.limits[name]}:
            found.append(f"a stranger changed the limits: {changed}")
    except ClientError as error:
        found.append(f"the planner does not answer any more: {error}")
    checks = Checks()
    checks.check_commands(fuzz.node, "fuzz", None, np.zeros(3))
    found += [*checks.problems, *check_velocity(fuzz.node.commands), *check_log(fuzz.log)]
    return found if fuzz.deaths else [*found, *check_memory(fuzz.memory)]


def report(fuzz: Fuzz, wall: float) -> int:
    """Print what happened; return the exit code."""
    print(f"\n{fuzz.options.count} requests in {wall:.0f} s, seed {fuzz.options.seed}\n")
    print(f"| request | number | {' | '.join(ANSWERS)} |\n|---|---|---|---|---|---|")
    for name, counts in sorted(fuzz.answers.items()):
        numbers = [counts[answer] for answer in ANSWERS]
        print(f"| {name} | {counts.total()} | {' | '.join(map(str, numbers))} |")
    ended = ", ".join(f"{name} {n}" for name, n in fuzz.node.ended.most_common())
    print(f"\nthe goals under way ended as: {ended}; {len(fuzz.node.commands)} commands")
    gap, at, holds = longest_gap(fuzz.node.commands, fuzz.node.states)
    print(f"longest gap between commands of an active goal: {1e3 * gap:.0f} ms, at {at:.3f}")
    print(f"a goal that was active held or ended {holds} times")
    found = problems(fuzz)
    for problem, often in collections.Counter(found).items():
        print(f"PROBLEM ({often}x): {problem[:2000]}")
    print(f"{len(found)} problems" if found else "no problem")
    return bool(found)


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("wire_fuzz", __doc__, "--count 10000 --seed 0 --strangers")
    add = parser.add_argument
    add(
        "--count", type=positive, default=10_000, metavar="N",
        help="number of requests (%(default)s)",
    )  # fmt: skip
    add(
        "--largest", type=positive, default=20, metavar="MB",
        help="size of the largest text [MB] (%(default)s)",
    )  # fmt: skip
    add(
        "--seed",
        type=count,
        default=0,
        metavar="N",
        help="seed of all random choices (%(default)s)",
    )
    add("--strangers", action="store_true", help="also publish random data on every input")
    return parser


@explained("wire_fuzz")
def main() -> int:
    options = make_parser().parse_args()
    began = time.monotonic()
    use_profile()
    fuzz = Fuzz(options)
    try:
        fuzz.run()
        return report(fuzz, time.monotonic() - began)
    finally:
        fuzz.end()


if __name__ == "__main__":
    raise SystemExit(main())
