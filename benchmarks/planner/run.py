"""The run of the planner benchmark: all planners on all families, and the report."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
import time
from pathlib import Path

import torch
from benchmark_parsers import make_benchmark_parser

from planner import report
from planner.against import SUFFIX, measure_other, package_place
from planner.families import FAMILIES
from planner.grid import Grid
from planner.options import measure_options
from planner.peers import peer_rules
from planner.rules import OURS, Rule, own_rules
from planner.summary import Results
from planner.timing import bad_plans, operations_per_iteration, overheads
from wm_planner.cli.arguments import count
from wm_planner.ending import explained

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (101, 102)
PARTS = ("plans", "loops", "overhead", "divergence", "options")
TEXT = f"""Compare the planners with DINO-WM's rule and public packages, all in the same run.

It measures how good the plans of a budget are, what they cost in a closed loop, and what planning
itself takes. Everything takes about 25 minutes on one core, --quick about two.

Families: {"; ".join(FAMILIES)}.

Parts: {", ".join(PARTS)}."""
QUICK = 0.15
"""Fraction of the problems in a quick run."""


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser(
        "planner",
        TEXT,
        "",
        "--quick",
        "--only contact sparse --no-peers",
        "--parts overhead --no-peers",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="one seed, few problems, no options")
    add("--only", nargs="+", metavar="FAMILY", help="families whose names begin so; no other parts")
    add("--parts", nargs="+", choices=PARTS, metavar="PART", help="what to measure (all)")
    add("--no-peers", action="store_true", help="do not install and run the public packages")
    add("--against", type=Path, metavar="PATH", help="another checkout, to measure as 'before'")
    add(
        "--seeds", type=count, nargs="+", metavar="N",
        help="of the problems (101 102; below 100: to tune)",
    )  # fmt: skip
    add("--date", default=datetime.date.today().isoformat(), help="date of the report (today)")
    add(
        "--out", type=Path, metavar="FILE",
        help="report (a page in benchmarks/results if it is complete)",
    )  # fmt: skip
    add("--raw", type=Path, metavar="FILE", help="write the numbers of every problem, as JSON")
    return parser


def parse() -> argparse.Namespace:
    parser = make_parser()
    arguments = parser.parse_args()
    for file in (arguments.out, arguments.raw):
        if file is not None and not file.absolute().parent.is_dir():
            parser.error(f"{file} cannot be written: its folder does not exist")
    arguments.families = _families(parser, arguments.only)
    if arguments.against is not None:
        arguments.against = package_place(arguments.against)
    if arguments.parts is None:
        arguments.parts = PARTS[:2] if arguments.only else PARTS[: 4 if arguments.quick else 5]
    if arguments.out is None and not arguments.only and set(arguments.parts) == set(PARTS):
        arguments.out = ROOT / "benchmarks" / "results" / f"planner-{arguments.date}.md"
    return arguments


def _families(parser: argparse.ArgumentParser, only: list[str] | None) -> tuple[str, ...]:
    for part in only or ():
        if not any(name.startswith(part) for name in FAMILIES):
            parser.error(f"no family begins with {part!r}; there are {'; '.join(FAMILIES)}")
    return tuple(name for name in FAMILIES if not only or name.startswith(tuple(only)))


@explained("planner")
def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    begin = time.monotonic()
    rules = own_rules()
    if not arguments.no_peers:
        rules += peer_rules(ROOT / "outputs" / "planner_peers")
    grid = Grid(
        arguments.families,
        tuple(arguments.seeds or SEEDS[: 1 if arguments.quick else 2]),
        QUICK if arguments.quick else 1.0,
        plans="plans" in arguments.parts,
        loops="loops" in arguments.parts,
    )
    records = grid.measure(rules)
    if arguments.against is not None:
        records += measure_other(arguments.against, grid)
    if arguments.raw is not None:
        arguments.raw.write_text(json.dumps([record.values() for record in records]))
    parts = [*tables(Results(records), rules, grid), *extras(arguments, rules)]
    machine = (
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} thread, "
        f"torch {torch.__version__}, {time.monotonic() - begin:.0f} s"
    )
    command = " ".join(["python", "benchmarks/planner.py", *sys.argv[1:]])
    text = "\n".join([report.head(arguments.date, command, grid, machine), *filter(None, parts)])
    if arguments.out is not None:
        arguments.out.write_text(text)
    print(text)


def tables(results: Results, rules: list[Rule], grid: Grid) -> list[str]:
    """Return the sections on plans and receding horizons, summaries first."""
    peers = [rule.name for rule in rules if rule.peer]
    chosen = "In each cell the best peer is chosen afterwards. "
    parts = [
        report.summary_cost(
            results,
            peers,
            "Cost over the best peer",
            f"{chosen}Geometric mean over problems with its 95 % interval.",
        ),
        report.summary_solved(
            results, peers, "Solved, to the best peer", f"{chosen}Ours : the peer's."
        ),
        report.summary_cost(
            results, [OURS + SUFFIX], "Cost over that before", "The same planner before a change."
        ),
        report.summary_solved(results, [OURS + SUFFIX], "Solved, to before", "Now : before."),
        report.rollouts(results),
        report.first_draw_table(grid),
    ]
    return parts + [report.family_section(FAMILIES[name], results) for name in results.families()]


def extras(arguments: argparse.Namespace, rules: list[Rule]) -> list[str]:
    """Return the sections on times, divergence and options that are asked for."""
    parts = []
    if "overhead" in arguments.parts:
        repeats = 6 if arguments.quick else 30
        times, counts = overheads(rules, repeats), operations_per_iteration()
        parts.append(report.machine_tables(times, counts, repeats))
    if "divergence" in arguments.parts:
        parts.append(report.robust_table(bad_plans(rules, 6 if arguments.quick else 40)))
    if "options" in arguments.parts:
        parts.append(report.option_table(*measure_options(4 if arguments.quick else 24)))
    return parts
