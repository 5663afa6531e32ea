"""From a camera image in shared memory to an action: the worker's process as the node uses it.

A worker for each model, of the paper's size with random weights; ``auto`` chooses how it computes.
Each plan is warm-started from the one before. With a busy CPU, as many processes compute beside it
as there are cores.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from gpu.report import Table, arguments, problem
from gpu.whole_plans import Model
from safetensors.torch import save_file

from wm_planner.config import Config
from wm_planner.models.spec import WeightsFile
from wm_planner.types import Goal, Observation
from wm_planner.worker.link import PlannerLink
from wm_planner.worker.messages import Failed, Planned, PlanRequest, SetGoal

ROWS = ((64, False), (300, False), (64, True))
"""Samples, and whether the CPU is busy."""
PLANS = {64: 200, 300: 60}  # by the number of samples
FIRST = 3  # plans that are not counted
START = 100.0  # [s] after which a worker that starts must say where it is
LONGEST = 30.0  # [s] of a row's plans
CAMERA = (480, 640, 3)
SQUARE = [0.125, 0.0, 0.75, 1.0]
"""The center of the camera's images, for a model that takes images of any shape."""
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"


def main() -> int:
    given = arguments()
    table = Table(
        "worker",
        ["model", "samples", "CPU", "p50 [ms]", "p99 [ms]", "planning p50 [ms]", "plans",
         "start [s]", "way", "error"],
        given.out,
    )  # fmt: skip
    made = replace(given, device=torch.device("cpu"))
    os.environ["PYTHONFAULTHANDLER"] = "1"  # of the workers
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # the way is chosen anew
        for name, make in (("LeWM", made.lewm), ("DINO-WM", made.dino_wm)):
            directory = saved(make, Path(folder) / name)
            try:
                measure(table, name, directory, given.toy)
            except Exception as error:
                table.add(model=name, error=problem(error))
    return table.failed


def saved(make: Callable[[], Model], directory: Path) -> Path:
    directory.mkdir()
    model = make()
    tensors = {name: part.contiguous() for name, part in model.networks.state_dict().items()}
    save_file(tensors, directory / "weights.safetensors")
    digest = hashlib.sha256((directory / "weights.safetensors").read_bytes()).hexdigest()
    image = model.spec.image
    image = replace(image, camera_crop=SQUARE if image.fit == "keep" else image.camera_crop)
    replace(model.spec, weights=WeightsFile(sha256=digest), image=image).save(directory)
    return directory


def settings(directory: Path, samples: int) -> Config:
    config = Config()
    config.model.directory = str(directory)
    config.model.allow_unverified_statistics = True
    config.planning.num_samples = samples
    config.planning.adaptive_cem.patience = 0
    config.worker.plan_timeout = LONGEST  # a slow plan is a result, too
    return config


def measure(table: Table, name: str, directory: Path, toy: bool) -> None:
    """Add a row on the start of a worker, and one for each of ``ROWS``."""
    answered = threading.Event()
    link = PlannerLink(settings(directory, ROWS[0][0]), answered.set)
    begin = time.monotonic()

    def late() -> bool:
        if time.monotonic() - begin > START and link._worker:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.kill(link._worker.pid, signal.SIGABRT)  # prints what its threads do, and ends
        return False

    try:
        link.start(late)
        assert link.ready
        table.add(model=name, start=time.monotonic() - begin, way=link.ready.description)
        for samples, busy in ROWS:
            count = 8 if toy else samples
            link.apply(settings(directory, count))
            neighbors = [
                subprocess.Popen([sys.executable, "-c", BUSY])
                for _ in range(busy * len(os.sched_getaffinity(0)))
            ]
            try:
                row = planned(link, answered, 5 if toy else PLANS[samples], name == "DINO-WM")
            finally:
                for neighbor in neighbors:
                    neighbor.kill()
                    neighbor.wait()
            table.add(model=name, samples=count, cpu="busy" if busy else "idle", **row)
    finally:
        link.close()


def planned(
    link: PlannerLink, answered: threading.Event, count: int, proprio: bool
) -> dict[str, object]:
    """Time plans for images that arrive ten times a second, as their stamps say."""
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, CAMERA, np.uint8) for _ in range(8)]
    state = np.zeros(4) if proprio else None
    link.set_goal(SetGoal(1, Goal(Observation((images[0],), state))))
    times: list[float] = []
    planning: list[float] = []
    until = time.monotonic() + LONGEST
    while len(times) < count + FIRST and (len(times) <= FIRST or time.monotonic() < until):
        number = len(times)
        seen = Observation((images[number % 8],), state, 0.1 * number)
        begin = time.perf_counter()
        answered.clear()
        link.plan(PlanRequest(1, seen))
        plan = answer(link, answered)
        times.append(time.perf_counter() - begin)
        planning.append(plan.plan_time)
    p50, p99 = (1e3 * float(np.quantile(times[FIRST:], q)) for q in (0.5, 0.99))
    return {
        "p50": p50,
        "p99": p99,
        "planning_p50": 1e3 * float(np.median(planning[FIRST:])),
        "plans": len(times) - FIRST,
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
