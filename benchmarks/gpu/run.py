"""Run the parts of the GPU benchmark; write their tables to results.md and results.json.

Called by ``run.sh``. Every part runs in a process of its own, so that a part that fails, or runs
out of memory, leaves the others alone.
"""

from __future__ import annotations

import argparse
import datetime
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

from wm_planner.help_texts import parser_with_examples

PARTS = {
    "worker": "the worker's process: from an image in shared memory to an action",
    "lewm": "LeWM of the paper's size: one plan, ours and upstream's computation",
    "plans": "DINO-WM of the paper's size: one plan, ours and upstream's computation",
    "tests": "tests that compute, with the GPU as their device",
    "parity": "upstream's reference runs, in every precision",
    "kernels": "where the time of a plan goes",
    "memory": "what a plan takes, and plans on a card that others fill",
    "forecast": "the size of a model that is not there yet, with random weights",
    "ablation": "DINO-WM of the paper's size: one change a row",
}
"""The most valuable first."""
LIMIT = 240.0  # [s] of one part
GRACE = 10.0  # [s] in which a part that is stopped says where it was
START = "import sys; from gpu.{} import main; sys.exit(main())"
NOISE = ("USDT:", "Profiler clears events")


def make_parser() -> argparse.ArgumentParser:
    parts = "\n".join(f"- {name}: {what}" for name, what in PARTS.items())
    parser = parser_with_examples(
        "benchmarks/gpu/run.sh",
        "Run the parts of the GPU benchmark; write their tables to results.md and results.json.",
        f"Parts, the most valuable first:\n{parts}",
        "",
        "--only worker plans --out gpu_results",
    )
    add = parser.add_argument
    add(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
        help="run these parts (all)",
    )  # fmt: skip
    add(
        "--out", type=Path, default=Path("gpu_results"), metavar="FOLDER",
        help="folder of the results (%(default)s)",
    )  # fmt: skip
    add("--toy", action="store_true", help="toy sizes, to try the parts quickly")
    add(
        "--limit", type=float, default=LIMIT, metavar="SECONDS",
        help="most time of one part [s] (%(default)s)",
    )  # fmt: skip
    return parser


def main() -> int:
    arguments = make_parser().parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "results.md").open("w") as report:

        def say(line: str) -> None:
            print(line, flush=True)
            print(line, file=report, flush=True)

        say(", ".join(f"{k} {v}" for k, v in device_facts().items()))
        failed = []
        for name in arguments.only:
            say(f"\n## {name}: {PARTS[name]}\n")
            command = [sys.executable, "-c", START.format(name), "--out", str(arguments.out)]
            command += ["--toy"] * arguments.toy
            begin = time.monotonic()
            if code := run(command, arguments.limit, say):
                failed.append(name)
            say(f"\n({name}: {time.monotonic() - begin:.0f} s, exit code {code})")
        if failed:
            say(f"\nfailed: {', '.join(failed)}")
    return int(bool(failed))


def run(command: list[str], limit: float, say: Callable[[str], None]) -> int:
    """Run a part; what it says is kept line by line, even if it is stopped."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as part:
        ends = [
            threading.Timer(limit, part.send_signal, [signal.SIGINT]),
            threading.Timer(limit + GRACE, part.kill),
        ]
        for end in ends:
            end.start()
        assert part.stdout is not None
        for line in part.stdout:
            if not any(noise in line for noise in NOISE):
                say(line.rstrip("\n"))
        part.wait()
        for end in ends:
            end.cancel()
    return part.returncode


def device_facts() -> dict[str, str]:
    """Name what the numbers depend on."""
    facts = {"date": datetime.date.today().isoformat(), "torch": torch.__version__}
    if not torch.cuda.is_available():
        return {**facts, "device": "CPU"}
    asked = subprocess.run(
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
        capture_output=True,
        text=True,
    )
    properties = torch.cuda.get_device_properties(0)
    return {
        **facts,
        "device": properties.name,
        "memory": f"{properties.total_memory / 2**30:.0f} GiB",
        "CUDA": str(torch.version.cuda),
        "driver": asked.stdout.strip(),
        "Python": sys.version.split()[0],
    }


if __name__ == "__main__":
    sys.exit(main())
