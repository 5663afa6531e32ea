"""From an image in shared memory to an action: the worker's process as the node uses it.

A DINO-WM of the paper's size with random weights makes 200 plans (60 with 300 samples), each
warm-started from the one before; with 64 samples also beside as many busy processes as there are
cores.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from gpu.report import Arguments, Table, arguments
from safetensors.torch import save_file

from wm_planner.config import Config
from wm_planner.models.spec import WeightsFile
from wm_planner.types import Goal, Observation
from wm_planner.worker.link import PlannerLink
from wm_planner.worker.messages import Failed, Planned, PlanRequest, SetGoal

PLANS = {64: 200, 128: 200, 300: 60}  # by the number of samples
CAMERA = (480, 640, 3)
BUSY = "while True: pass"


def main() -> None:
    given = arguments()
    table = Table(
        "worker",
        ["samples", "CPU", "start [s]", "p50 [ms]", "p99 [ms]", "planning p50 [ms]",
         "images per second", "way"],
        given.out,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        directory = saved(given, Path(folder))
        os.environ["XDG_CACHE_HOME"] = folder  # the way is chosen anew
        for samples in PLANS:
            for busy in (0, len(os.sched_getaffinity(0)))[: 2 if samples == 64 else 1]:
                table.add(samples=samples, **measured(given, directory, busy, samples))


def saved(given: Arguments, directory: Path) -> Path:
    model = given.models().make()
    tensors = {k: v.cpu().contiguous() for k, v in model.networks.state_dict().items()}
    save_file(tensors, directory / "weights.safetensors")
    digest = hashlib.sha256((directory / "weights.safetensors").read_bytes()).hexdigest()
    replace(model.spec, weights=WeightsFile(sha256=digest)).save(directory)
    return directory


def measured(given: Arguments, directory: Path, busy: int, samples: int) -> dict[str, object]:
    config = Config()
    config.model.directory = str(directory)
    config.model.allow_unverified_statistics = True
    config.planning.num_samples = samples
    config.planning.adaptive_cem.patience = 0
    answered = threading.Event()
    link = PlannerLink(config, answered.set)
    begin = time.monotonic()
    link.start()
    start = time.monotonic() - begin
    assert link.ready
    described = link.ready.description.partition("computes in ")[2]
    neighbors = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
    try:
        random = np.random.default_rng(0)
        images = [random.integers(0, 256, CAMERA, np.uint8) for _ in range(8)]
        proprio = np.zeros(4)
        link.set_goal(SetGoal(1, Goal(Observation((images[0],), proprio))))
        times, planning = [], []
        for number in range(20 if given.toy else PLANS[samples]):
            stamp = 0.1 * number
            seen = Observation((images[number % 8],), proprio, stamp)
            begin = time.perf_counter()
            answered.clear()
            link.plan(PlanRequest(1, seen))
            plan = answer(link, answered)
            times.append(time.perf_counter() - begin)
            planning.append(plan.plan_time)
    finally:
        for neighbor in neighbors:
            neighbor.kill()
            neighbor.wait()
        link.close()
    p50, p99 = (1e3 * float(np.quantile(times[3:], q)) for q in (0.5, 0.99))
    return {
        "cpu": "busy" if busy else "idle",
        "start": start,
        "p50": p50,
        "p99": p99,
        "planning_p50": 1e3 * float(np.median(planning[3:])),
        "images_per_second": 1e3 / p50,
        "way": described,
    }


def answer(link: PlannerLink, answered: threading.Event) -> Planned:
    while True:
        answered.wait(1.0)
        answered.clear()
        link.watch()  # gives up a worker that hangs
        for one in link.drain():
            if isinstance(one, Failed):
                raise RuntimeError(one.message)
            return one
