"""Processes that work through the parts of a long job."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context
from typing import TypeVar

import torch

from wm_planner.cli.arguments import whole_number

process_count = whole_number(1, 1000)
"""The type of an argument: a number of processes or threads, at most of a large machine."""
Part = TypeVar("Part")
Result = TypeVar("Result")


def in_processes(
    function: Callable[[Part], Result], parts: Iterable[Part], processes: int
) -> Iterator[Result]:
    """Yield the result for each part, in their order, from processes with one thread of torch.

    Ctrl+C or an error in one of them ends them all at once.
    """
    with ProcessPoolExecutor(processes, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        # The processes start in submit, and inherit that Ctrl+C does not reach them. pool.map
        # would cancel what is left, at which a pool that lost its processes fails.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            futures = [pool.submit(function, part) for part in parts]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            for process in active_children():
                process.kill()
            raise
