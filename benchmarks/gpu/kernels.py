"""Where the time of a plan goes: kernels, the gaps between them, and waits of the host.

A plan of the node's own planner begins with a new image on the device. Two of the device
synchronizations are this part's.
"""

from __future__ import annotations

import collections
import re
from dataclasses import asdict
from typing import Any

import torch
from dino_wm_plans import Problem
from gpu.lewm import camera_images
from gpu.report import Arguments, Table, arguments
from gpu.whole_plans import Costs, plan_anew, planner_of, wait
from torch.profiler import ProfilerActivity, profile

from wm_planner.worker.trials import Way

COMPILED = Way("float16", "compiled")
ROWS = (
    ("LeWM", COMPILED, 64),
    ("DINO-WM", COMPILED, 64),
    ("DINO-WM", COMPILED, 300),
    ("DINO-WM", Way("float16", "graphs"), 64),
)
ITERATIONS = 5
LISTED = 10
"""Kernels of a plan that are listed, the longest."""
SYNCHRONIZATIONS = re.compile(r"cuda(Device|Stream|Event)Synchronize|cudaMemcpy$")


def main() -> None:
    given = arguments()
    if given.device.type != "cuda":
        print("a CPU has no kernels that could be listed")
        return
    host = Table(
        "host", ["computation", "span [ms]", "busy [ms]", "gaps", "waits of the host"], given.out
    )
    spent = {}
    for name, way, samples in ROWS:
        title = f"{name}, {way}, {samples}x{ITERATIONS}"
        spent[title] = add(host, title, profiled(given, name, way, samples))
    print()
    table = Table("kernels", ["computation", "kernel", "time [ms]", "share", "calls"], given.out)
    for title, times in spent.items():
        busy = sum(map(sum, times.values()))
        for kernel, each in sorted(times.items(), key=lambda item: -sum(item[1]))[:LISTED]:
            table.add(
                computation=title,
                kernel=re.sub(r"[|<>]+", " ", kernel)[:90],
                time=sum(each) / 1e3,
                share=sum(each) / busy,
                calls=len(each),
            )


def profiled(given: Arguments, name: str, way: Way, samples: int) -> list[Any]:
    """Return the events of one plan."""
    model = (given.lewm if name == "LeWM" else given.dino_wm)(**asdict(way))
    images = (
        camera_images(given.device) if name == "LeWM" else Problem.random(model.spec, given.device)
    )
    torch.compiler.reset()
    with torch.inference_mode():
        cost, planner = Costs(model, images), planner_of(model, samples, ITERATIONS, "online")
        for _ in range(2):
            plan_anew(planner, cost)
        wait(given.device)
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
            plan_anew(planner, cost)
            wait(given.device)
    return list(seen.events())


def add(host: Table, title: str, events: list[Any]) -> dict[str, list[float]]:
    """Add a plan to the table of the host; return the times of each kernel [us]."""
    kernels = [e for e in events if e.device_type == torch.autograd.DeviceType.CUDA]
    times: dict[str, list[float]] = collections.defaultdict(list)
    for event in kernels:
        times[event.name].append(event.time_range.elapsed_us())
    waits = collections.Counter(e.name for e in events if SYNCHRONIZATIONS.match(e.name))
    busy = sum(map(sum, times.values()))
    span = max(e.time_range.end for e in kernels) - min(e.time_range.start for e in kernels)
    host.add(
        computation=title,
        span=span / 1e3,
        busy=busy / 1e3,
        gaps=1 - busy / span,
        waits_of_the_host=", ".join(f"{count} {call}" for call, count in waits.items()),
    )
    return times
