"""Memory of a plan with 300 samples, and plans on a card that other programs fill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from dino_wm_plans import Problem
from gpu.plans import Costs, median_seconds, planner_of
from gpu.report import Table, arguments
from torch import Tensor

GIB = 1 << 30
NEIGHBOR = """
import sys, torch
leave = float(sys.argv[1]) * 2**30
held = []
sys.stdin.readline()
while torch.cuda.mem_get_info()[0] > leave + 2**28:
    block = int(min(torch.cuda.mem_get_info()[0] - leave, 8 * 2**30))
    held.append(torch.empty(block, dtype=torch.uint8, device="cuda"))
print("full", flush=True)
sys.stdin.readline()
"""


@contextmanager
def taken(free: float, device: torch.device) -> Iterator[None]:
    """Take the card's memory in this process, except for ``free`` [GiB]."""
    torch.cuda.empty_cache()
    block = torch.cuda.mem_get_info(device)[0] - int(free * GIB)
    held = torch.empty(max(0, block), dtype=torch.uint8, device=device)
    try:
        yield
    finally:
        del held
        torch.cuda.empty_cache()


def main() -> None:
    given = arguments()
    device = given.device
    table = Table(
        "memory", ["case", "computation", "time [s]", "peak [GiB]", "chunk", "error"], given.out
    )
    if device.type != "cuda":
        print("the CPU has no memory of its own to measure")
        return
    models = given.models()
    problem = Problem.random(models.spec, device)
    samples = 6 if given.toy else 300
    total = torch.cuda.mem_get_info(device)[1] / GIB
    with torch.inference_mode():
        model = models.make(precision="float16")
        for captured in (False, True):
            way = "graph" if captured else "no graph"
            for case, free in (("alone", 0.0), ("80 % taken", 0.2 * total), ("2 GiB free", 2.0),
                               ("0.5 GiB free", 0.5)):  # fmt: skip
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
                before = torch.cuda.memory_allocated()
                row = {"case": case, "computation": way}
                try:
                    if free:
                        with taken(free, device):
                            before = torch.cuda.memory_allocated()
                            torch.cuda.reset_peak_memory_stats()
                            row |= planned(Costs(model, problem, captured), samples, before)
                    else:
                        row |= planned(Costs(model, problem, captured), samples, before)
                except Exception as error:
                    row["error"] = " ".join(f"{type(error).__name__}: {error}".split())[:120]
                table.add(**row)
            row = {"case": "a neighbor takes all but 1 GiB in mid-plan", "computation": way}
            try:
                row |= beside_a_neighbor(Costs(model, problem, captured), samples)
            except Exception as error:
                row["error"] = " ".join(f"{type(error).__name__}: {error}".split())[:120]
            table.add(**row)


def planned(cost: Costs, samples: int, before: int) -> dict[str, object]:
    planner = planner_of(cost.model, samples, 3)
    seconds = median_seconds(lambda: planner.plan(cost), cost.model.device, 3)
    peak = torch.cuda.max_memory_allocated() - before
    return {"time": seconds, "peak": peak / GIB, "chunk": planner._evaluate.chunk}


def beside_a_neighbor(cost: Costs, samples: int) -> dict[str, object]:
    torch.cuda.empty_cache()
    neighbor = subprocess.Popen(
        [sys.executable, "-c", NEIGHBOR, "1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert neighbor.stdin is not None
    assert neighbor.stdout is not None
    calls = 0

    def disturbed(actions: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 2:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()  # the allocator would not need the card again otherwise
            neighbor.stdin.write("\n")
            neighbor.stdin.flush()
            neighbor.stdout.readline()
        return cost(actions)

    planner = planner_of(cost.model, samples, 5)
    try:
        seconds = median_seconds(lambda: planner.plan(disturbed), cost.model.device, 1)
    finally:
        neighbor.kill()
        neighbor.wait()
    return {"time": seconds, "chunk": planner._evaluate.chunk}
