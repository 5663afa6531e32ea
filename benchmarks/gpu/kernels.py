"""Where the time of a plan goes: kernels, the gaps between them, and waits of the host."""

from __future__ import annotations

import collections
import re
from typing import Any

import torch
from dino_wm_plans import Problem
from gpu.plans import Costs, planner_of
from gpu.report import Arguments, Table, arguments
from torch.profiler import ProfilerActivity, profile

HALF: dict[str, Any] = {"precision": "float16"}
WAYS = (
    ("float16", HALF, 64, 5, True),
    ("float16, compiled", {**HALF, "compute": "compiled"}, 64, 5, True),
    ("float16, compiled", {**HALF, "compute": "compiled"}, 300, 5, True),
)
SYNCHRONIZATIONS = re.compile(r"cuda(Device|Stream|Event)Synchronize|cudaMemcpy$")


def main() -> None:
    given = arguments()
    table = Table("kernels", ["computation", "kernel", "time [ms]", "share", "calls"], given.out)
    host = Table(
        "host",
        ["computation", "iterations", "span [ms]", "busy [ms]", "gaps", "waits of the host"],
        given.out,
    )
    for way in WAYS:
        measured(given, table, host, *way)


def measured(
    given: Arguments,
    table: Table,
    host: Table,
    name: str,
    options: dict[str, Any],
    samples: int,
    iterations: int,
    captured: bool,
) -> None:
    models = given.models()
    problem = Problem.random(models.spec, given.device)
    title = f"{name}, {samples}x{iterations}, {'graph' if captured else 'no graph'}"
    torch.compiler.reset()
    with torch.inference_mode():
        cost = Costs(models.make(**options), problem, captured)
        planner = planner_of(cost.model, samples, iterations)
        for _ in range(2):
            planner.plan(cost)
        activities = [ProfilerActivity.CPU]
        if given.device.type == "cuda":
            torch.cuda.synchronize()
            activities.append(ProfilerActivity.CUDA)
        with profile(activities=activities) as seen:
            planner.plan(cost)
            if given.device.type == "cuda":
                torch.cuda.synchronize()
    events = list(seen.events())
    kernels = [e for e in events if e.device_type == torch.autograd.DeviceType.CUDA]
    waits = [e.name for e in events if SYNCHRONIZATIONS.match(e.name)]
    spent: collections.Counter[str] = collections.Counter()
    calls: collections.Counter[str] = collections.Counter()
    for event in kernels:
        spent[event.name] += event.time_range.elapsed_us()
        calls[event.name] += 1
    busy = sum(spent.values())
    for kernel, time in spent.most_common(10):
        table.add(
            computation=title,
            kernel=re.sub(r"[|<>]+", " ", kernel)[:90],
            time=time / 1e3,
            share=time / busy,
            calls=calls[kernel],
        )
    if kernels:
        first = min(e.time_range.start for e in kernels)
        span = max(e.time_range.end for e in kernels) - first
        host.add(
            computation=title,
            iterations=iterations,
            span=span / 1e3,
            busy=busy / 1e3,
            gaps=1 - busy / span,
            waits_of_the_host=dict(collections.Counter(waits)),
        )
