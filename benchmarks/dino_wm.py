"""Benchmark of DINO-WM rollouts: upstream's computation and ours, side by side in one run.

On a GPU it measures the whole table, on the CPU a few candidates only (with --full all, which takes
hours). With random weights and no --budget the table is also written into benchmarks/results.

A paper-size model: ViT-S/14, a predictor 404 wide with 6 layers, 16 heads and 2048 hidden features,
196 patches, history 3, horizon 5; the planner is DINO-WM's CEM with equal draws. FLOP are those of
matrix products, as executed; peak memory is that of the tensors held at once, without weights. On
the CPU, speed and FLOP/s use CPU time divided by threads, which other programs change little.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import time
from pathlib import Path

import torch
from benchmark_parsers import make_benchmark_parser
from dino_wm_models import Models
from dino_wm_plans import (
    Problem,
    TimedPlan,
    agreement,
    cost_again,
    elites,
    plan_ours,
    plan_upstream,
)

from wm_planner.cli.arguments import positive
from wm_planner.diagnosis.cost import matmul_rate
from wm_planner.ending import explained
from wm_planner.models.device import resolve_device

ROOT = Path(__file__).resolve().parents[1]
BUDGETS = ((64, 5), (128, 5), (128, 10), (300, 10), (300, 30))
FEW = (6, 2)
"""Samples and iterations on a CPU."""
VARIANTS: dict[str, dict[str, str]] = {
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "float32, rolling cache": {"approximation": "rolling_cache"},
}
HEAD = (
    "samples x iterations",
    "computation",
    "time [s]",
    "CPU time [s]",
    "times upstream's speed",
    "TFLOP",
    "TFLOP/s",
    "of peak",
    "peak memory [GiB]",
    "largest difference of a cost, relative",
    "elites in common",
    "rank correlation",
)


def measured(models: Models, samples: int, iterations: int) -> list[list[str]]:
    """Measure one budget; return rows of the table."""
    peaks = {
        name: matmul_rate(models.device, dtype)
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    }
    problem, count = Problem.random(models.spec, models.device), elites(samples)
    plain = models.make()
    reference = plan_upstream(plain, problem, samples, iterations)
    run = plan_ours(plain, problem, samples, iterations)
    rows = []

    def add(name: str, run: TimedPlan, options: dict[str, str], against: TimedPlan | None) -> None:
        cost = models.cost(samples, iterations, upstream=run is reference, **options)
        peak = peaks["bfloat16" if "float16" in options.get("precision", "") else "float32"]
        duration, upstreams = run.wall, reference.wall
        if models.device.type == "cpu":  # other programs change it little
            threads = torch.get_num_threads()
            duration, upstreams = run.cpu / threads, reference.cpu / threads
        rate = cost.flop / duration
        compared = ["", "", ""]
        if against is not None:
            largest, common, correlation = agreement(run, against, count)
            compared = [f"{largest:.1e}", f"{common:.1%}", f"{correlation:.4f}"]
        rows.append([
            f"{samples}x{iterations}", name, f"{run.wall:.3f}", f"{run.cpu:.3f}",
            f"{upstreams / duration:.2f}",
            f"{cost.flop / 1e12:.2f}", f"{rate / 1e12:.3f}", f"{rate / peak:.0%}",
            f"{(run.peak or cost.peak) / 2**30:.2f}", *compared,
        ])  # fmt: skip
        print(" | ".join(rows[-1]), flush=True)

    add("upstream's, float32", reference, {}, None)
    add("ours, float32 (against upstream's)", run, {}, reference)
    for name, options in VARIANTS.items():
        if models.device.type == "cpu" and options.get("precision") == "float16":
            continue  # emulated there
        again = cost_again(models.make(**options), problem, [a for a, _ in run.trace])
        add(f"ours, {name} (against our float32)", again, options, run)
    return rows


def counted(models: Models) -> list[list[str]]:
    """Count the FLOP of whole plans without computing them; ours as on a GPU, unpadded."""
    rows = []
    at_once = {"pad_to": 1, "candidates": 150}
    ways = {
        "upstream": {"upstream": True},
        "ours": {"upstream": False, **at_once},
        "rolling": {"upstream": False, "approximation": "rolling_cache", **at_once},
        "half": {"upstream": False, "precision": "bfloat16", **at_once},
    }
    once = {
        samples: [models.cost(samples, 1, **way) for way in ways.values()]
        for samples in {samples for samples, _ in BUDGETS}
    }
    for samples, iterations in BUDGETS:
        upstream, ours, rolling, half = once[samples]
        flop = [f"{iterations * c.flop / 1e12:.1f}" for c in (upstream, ours, rolling)]
        memory = [f"{c.peak / 2**30:.2f}" for c in (upstream, ours, half)]
        rows.append([f"{samples}x{iterations}", *flop, *memory])
        print(" | ".join(rows[-1]), flush=True)
    return rows


def table(title: str, head: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} CPUs, "
        f"{torch.get_num_threads()} threads, load average {os.getloadavg()[0]:.1f}"
    )


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser(
        "dino_wm", __doc__, "", "--full", "--model my_model --budget 64 5 --threads 1"
    )
    add = parser.add_argument
    add("--full", action="store_true", help="all budgets on the CPU too")
    add("--model", metavar="DIR", help="directory of a dino_wm model (random weights)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:1 (%(default)s)")
    add(
        "--budget", type=positive, nargs=2, metavar=("SAMPLES", "ITERATIONS"),
        help="only this budget of a plan",
    )  # fmt: skip
    add("--threads", type=positive, metavar="N", help="CPU threads of torch (torch's own number)")
    add(
        "--date", default=datetime.date.today().isoformat(),
        help="date of the report and its file (today)",
    )  # fmt: skip
    return parser


@explained("dino_wm")
def main() -> None:
    arguments = make_parser().parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = resolve_device(arguments.device)
    models = Models(arguments.model, device)
    chosen = BUDGETS if arguments.full or device.type == "cuda" else (FEW,)
    if arguments.budget:
        chosen = (tuple(arguments.budget),)
    name = torch.cuda.get_device_name() if device.type == "cuda" else cpu_name()
    rates = {str(t).split(".")[1]: matmul_rate(device, t) for t in (torch.float32, torch.bfloat16)}
    begin = time.monotonic()
    rows = [row for b in chosen for row in measured(models, *b)]
    counts = counted(models)
    text = "\n".join([
        f"# DINO-WM benchmark, {arguments.date}", "",
        f"Command: `python {' '.join(sys.argv)}`; model: {models.spec.name}; {name}, torch "
        f"{torch.__version__}; matmul peak measured: "
        + ", ".join(f"{k} {v / 1e12:.3f} TFLOP/s" for k, v in rates.items())
        + f"; {time.monotonic() - begin:.0f} s.", "",
        table("One plan", HEAD, rows),
        table("FLOP of whole plans, counted without computing them", (
            "samples x iterations", "upstream's [TFLOP]", "ours [TFLOP]", "rolling cache [TFLOP]",
            "upstream's peak memory [GiB]",
            "ours [GiB]", "ours, bfloat16 [GiB]",
        ), counts),
    ])  # fmt: skip
    target = ROOT / "benchmarks" / "results" / f"dino_wm-{arguments.date}-{device.type}.md"
    if arguments.model is None and not arguments.budget:
        target.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
