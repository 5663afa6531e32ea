"""Gives random files to every reader: each is read, or refused with a sentence.

Files are random bytes, or genuine files that were cut, spliced, flipped, or given other sizes. No
reader may raise anything but its own refusals, run or import what a file names, or take more memory
than 64 MB and 1100 times the file's size.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_parsers import make_benchmark_parser
from file_fuzz_seeds import SEEDS, mutated

from wm_planner.cli.arguments import count, positive
from wm_planner.control import Refused
from wm_planner.datasets import DatasetError
from wm_planner.datasets.statistics_file import read_statistics
from wm_planner.diagnosis.bag import Topics
from wm_planner.diagnosis.bag_episode import bag_episode
from wm_planner.diagnosis.episode import RecordingError
from wm_planner.diagnosis.weight_layers import layers
from wm_planner.ending import explained
from wm_planner.files.errors import FileFormatError
from wm_planner.files.tensor_record import TensorRecord
from wm_planner.files.torch_file import read_torch_file
from wm_planner.goal_library import read_image
from wm_planner.images import ImageFormatError, ImagePolicy
from wm_planner.models import SpecError, StatisticsError, load_spec
from wm_planner.models.loading import WeightsError

MODEL = Path(__file__).parents[1] / "ros2_ws/src/wm_planner_sim/models/franka_reach"
REFUSALS = (
    DatasetError, FileFormatError, ImageFormatError, OSError, RecordingError, Refused, SpecError,
    StatisticsError, WeightsError,
)  # fmt: skip
GROWTH, RATIO = 64e6, 1100  # [bytes]; deflate packs at most 1032 bytes into one
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
             "socket.connect", "pickle.find_class", "ctypes.dlopen", "webbrowser.open",
             "shutil.rmtree", "os.remove", "os.rename")  # fmt: skip
SPEC = load_spec(MODEL)


def _checkpoint(path: Path) -> None:
    waiting = [read_torch_file(path)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, TensorRecord):
            value.read()
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value


def _bag(path: Path) -> None:
    episode = bag_episode(path, SPEC, Topics(), ImagePolicy())
    if not len(episode.actions):
        raise AssertionError("an episode without actions")


READERS: dict[str, Callable[[Path], Any]] = {
    "model.yaml": lambda path: load_spec(path.parent),
    "statistics.yaml": read_statistics,
    "statistics.npz": read_statistics,
    "checkpoint.pth": _checkpoint,
    "weights.safetensors": layers,
    "image.png": read_image,
    "image.jpg": read_image,
    "bag.mcap": _bag,
    "bag.db3": _bag,
}


@dataclass
class Result:
    """What the files of one process came to."""

    answers: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    largest: dict[str, tuple[float, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Examination:
    """Gives files to the readers."""

    def __init__(self) -> None:
        self.result, self._event, self._watching = Result(), "", False
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watching and event in FORBIDDEN and not _of_scratch(event, arguments):
            self._event = f"{event} {arguments!r}"

    def examine(self, name: str, path: Path, size: int) -> None:
        """Let a file be read, and count what came of it."""
        before = _status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
        self._event, self._watching = "", True
        try:
            READERS[name](path)
            answer = "read"
        except REFUSALS as error:
            answer = "refused"
            if not str(error).isprintable() and not isinstance(error, OSError):
                self._problem(name, path, f"a sentence that cannot be printed: {error!r}")
        except BaseException:
            answer = "PROBLEM"
            self._problem(name, path, traceback.format_exc())
        self._watching = False
        if self._event:
            self._problem(name, path, self._event)
        growth = _status("VmHWM") - before
        if growth > self.result.largest.get(name, (0.0, 0))[0]:
            self.result.largest[name] = growth, size
        if growth > GROWTH + RATIO * size:
            self._problem(name, path, f"{growth / 1e6:.0f} MB for {size} bytes")
        self.result.answers[name, answer] += 1

    def _problem(self, name: str, path: Path, what: str) -> None:
        kept = Path(tempfile.gettempdir()) / f"file_fuzz_{os.getpid()}_{len(self.result.problems)}"
        kept.write_bytes(path.read_bytes())
        self.result.problems.append(f"{name}, kept as {kept}: {what}")


def _of_scratch(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether an event is about a reader's own temporary folder."""
    return event in ("shutil.rmtree", "os.remove") and "wm_planner_" in str(arguments[0])


def _status(name: str) -> float:
    """Return a size of this process [bytes]."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * float(next(line.split()[1] for line in lines if line.startswith(name + ":")))


def _run(job: tuple[int, int, int]) -> Result:
    """Examine the files ``first`` to ``last`` of a seed."""
    seed, first, last = job
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**32, limit))  # so that the machine survives
    examination, names = Examination(), list(READERS)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, last):
            name = names[number % len(names)]
            data = mutated(name, np.random.default_rng([seed, number]))
            path = Path(folder) / name
            path.write_bytes(data)
            examination.examine(name, path, len(data))
    return examination.result


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("file_fuzz", __doc__, "--count 100000 --seed 0 --processes 2")
    add = parser.add_argument
    add(
        "--count", type=positive, default=100_000, metavar="N", help="number of files (%(default)s)"
    )
    add("--seed", type=count, default=0, metavar="N", help="seed of the files (%(default)s)")
    add("--processes", type=positive, default=2, metavar="N", help="worker processes (%(default)s)")
    return parser


@explained("file_fuzz")
def main() -> int:
    """Print what came of the files; the exit code is 1 if there was a problem."""
    options = make_parser().parse_args()
    assert set(SEEDS) == set(READERS)
    step = -(-options.count // (20 * options.processes))
    jobs = [(options.seed, i, min(i + step, options.count)) for i in range(0, options.count, step)]
    begin, total = time.monotonic(), Result()
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for result in pool.imap_unordered(_run, jobs):
            total.answers += result.answers
            total.problems += result.problems
            for name, largest in result.largest.items():
                total.largest[name] = max(largest, total.largest.get(name, (0.0, 0)))
    print(f"{options.count} files in {time.monotonic() - begin:.0f} s, seed {options.seed}\n")
    print("| file | read | refused | largest growth of memory, and that file's size |")
    print("|---|---|---|---|")
    for name in READERS:
        growth, size = total.largest.get(name, (0.0, 0))
        counts = " | ".join(str(total.answers[name, answer]) for answer in ("read", "refused"))
        print(f"| {name} | {counts} | {growth / 1e6:.0f} MB, {size} bytes |")
    for problem in total.problems[:20]:
        print(f"\nPROBLEM {problem[:3000]}")
    print(f"\n{len(total.problems)} problems" if total.problems else "\nno problem")
    return bool(total.problems)


if __name__ == "__main__":
    sys.exit(main())
