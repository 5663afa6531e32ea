"""Measure the round trip of an image to another process and of its answer, in three ways.

The image is pickled, sent through a socket, or lies in shared memory, as for the planner's worker.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection

import numpy as np
from benchmark_parsers import make_benchmark_parser

from wm_planner.cli.arguments import positive
from wm_planner.ending import explained
from wm_planner.types import Observation
from wm_planner.worker.messages import Failed, PlanRequest
from wm_planner.worker.shared import Arena, make_memory
from wm_planner.worker.wire import Wire

SIZES = ((480, 640), (720, 1280))
PAUSE = 0.005  # [s] between images, as with a real camera
ANSWER = Failed(1, "seen")


def serve(means: str, end: int, memory: int) -> None:
    """Run the other process: receive each image, then answer."""
    if means == "pickle":
        connection = Connection(end)
        while True:
            connection.recv()
            connection.send(ANSWER)
    wire = Wire(socket.socket(fileno=end), incoming=Arena(memory))
    while True:
        wire.receive()
        wire.send(ANSWER)


def times(means: str, height: int, width: int, rounds: int) -> list[float]:
    """Return the duration of each round [s]."""
    observation = Observation(
        (np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8),)
    )
    request = PlanRequest(1, observation)
    ours, theirs = socket.socketpair()
    memory = make_memory()
    descriptors = [theirs.fileno(), memory]
    child = subprocess.Popen(
        [sys.executable, __file__, "--serve", means, *map(str, descriptors)],
        pass_fds=descriptors,
        stderr=subprocess.DEVNULL,  # it ends with an EOFError
    )
    theirs.close()
    arena = Arena(memory) if means == "memory" else None
    os.close(memory)
    end = Connection(ours.detach()) if means == "pickle" else Wire(ours, outgoing=arena)
    receive = end.recv if isinstance(end, Connection) else end.receive
    spent = []
    for _ in range(rounds + 20):
        begin = time.perf_counter()
        end.send(request)
        receive()
        spent.append(time.perf_counter() - begin)
        time.sleep(PAUSE)
    child.kill()
    child.wait()
    return spent[20:]


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("frames", __doc__, "--rounds 300")
    parser.add_argument(
        "--rounds", type=positive, default=300, metavar="N",
        help="rounds of each measurement (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    return parser


def main() -> None:
    arguments = make_parser().parse_args()
    if arguments.serve:
        means, end, memory = arguments.serve
        serve(means, int(end), int(memory))
    else:
        measure(arguments.rounds)


@explained("frames")
def measure(rounds: int) -> None:
    """Print the table."""
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    print(f"{'image':>10} {'means':>14} {'p50 [ms]':>9} {'p95 [ms]':>9}")
    names = {"pickle": "pickled", "socket": "socket", "memory": "shared memory"}
    for height, width in SIZES:
        for means, name in names.items():
            spent = 1e3 * np.array(times(means, height, width, rounds))
            half, most = np.quantile(spent, [0.5, 0.95])
            print(f"{width:>5}x{height:<4} {name:>14} {half:9.2f} {most:9.2f}")


if __name__ == "__main__":
    main()
