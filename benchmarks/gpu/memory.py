"""Memory of a plan with 300 samples, and plans on a card that other programs fill."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from dino_wm_plans import Problem
from gpu.report import Table, arguments, problem
from gpu.whole_plans import Costs, Model, median_seconds, plan_anew, planner_of
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
        "memory", ["case", "computation", "time [s]", "taken [GiB]", "chunk", "error"], given.out
    )
    if device.type != "cuda":
        print("the CPU has no memory of its own to measure")
        return
    total = torch.cuda.mem_get_info(device)[1] / GIB
    cases = {"alone": total, "80 % taken": 0.2 * total, "2 GiB free": 2.0, "0.5 GiB free": 0.5}
    with torch.inference_mode():
        model = given.dino_wm(precision="float16")
        images, samples = Problem.random(model.spec, device), 6 if given.toy else 300
        for compute in ("graphs", "eager"):
            model.use("float16", compute)
            model.encode(images.now)  # captures the encoder
            for case, free in cases.items():
                gc.collect()
                row: dict[str, object] = {"case": case, "computation": compute}
                try:
                    with taken(free, device):
                        row |= planned(model, images, samples)
                except Exception as error:
                    row["error"] = problem(error)
                table.add(**row)
            gc.collect()
            row = {"case": "a neighbor takes all but 1 GiB in mid-plan", "computation": compute}
            try:
                row |= beside_a_neighbor(model, images, samples)
            except Exception as error:
                row["error"] = problem(error)
            table.add(**row)


def planned(model: Model, images: Problem, samples: int) -> dict[str, object]:
    """Time a plan of three iterations, and measure what it takes of the card's memory."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_reserved()
    cost, planner = Costs(model, images), planner_of(model, samples, 3)
    seconds = median_seconds(lambda: plan_anew(planner, cost), model.device, 3)
    most = torch.cuda.max_memory_reserved() - before
    return {
        "time": seconds, "taken": most / GIB, "chunk": planner._evaluate.chunk,
        **({"computation": "graphs, but none fits"} if cost._scoring.lacks_memory else {}),
    }  # fmt: skip


def beside_a_neighbor(model: Model, images: Problem, samples: int) -> dict[str, object]:
    torch.cuda.empty_cache()
    neighbor = subprocess.Popen(
        [sys.executable, "-c", NEIGHBOR, "1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert neighbor.stdin is not None
    assert neighbor.stdout is not None
    cost, planner, calls = Costs(model, images), planner_of(model, samples, 5), 0

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

    try:
        seconds = median_seconds(lambda: plan_anew(planner, cost, disturbed), model.device, 1)
    finally:
        neighbor.kill()
        neighbor.wait()
    return {"time": seconds, "chunk": planner._evaluate.chunk}
