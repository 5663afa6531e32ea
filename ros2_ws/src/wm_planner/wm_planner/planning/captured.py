"""A function as a CUDA graph."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor

Function: TypeAlias = Callable[[Tensor], Tensor]
Replay: TypeAlias = Callable[[], Tensor]

WARM_UP = 3
"""Runs before a capture, which load kernels and compile what is compiled."""
MARGIN = 1.25
"""Memory that has to be free for a graph, over what its function took."""
MOST_SHAPES = 16
"""Most graphs of one function: sizes of images come from outside, and each graph keeps memory."""


class Captured:
    """Replays a function of one tensor as a CUDA graph: one launch instead of one per operation.

    This helps if the function has so many small kernels that the host is slower than the device.
    The first call with a new shape runs the function a few times and captures it; later calls copy
    the numbers in and replay. If there is too little memory for a graph, or there are
    ``MOST_SHAPES`` graphs already, the function is called directly; on the CPU it always is. All
    its other inputs must stay in the same memory: keep them in tensors of their own and write new
    numbers into those with ``copy_``. It must not wait for the device, and its shapes must not
    depend on data.

    Example:
        cost = Captured(lambda actions: model.distance(model.rollout(latent, actions), goal))
        planner.plan(cost)          # captures
        latent.copy_(model.encode(observation))
        planner.plan(cost)          # replays
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._graphs: dict[tuple[torch.Size, torch.dtype], tuple[Tensor, Replay] | None] = {}

    @property
    def lacks_memory(self) -> bool:
        """Whether the function is called directly, because memory for a graph was lacking."""
        return None in self._graphs.values()

    def __call__(self, given: Tensor) -> Tensor:
        """Return the function's result in memory of its own; a replay carries no gradients."""
        if not captures(given.device):
            return self._function(given)
        kind = given.shape, given.dtype
        if kind not in self._graphs:
            if len(self._graphs) >= MOST_SHAPES:
                return self._function(given)
            with torch.inference_mode(False):  # so that calls inside and outside can write it
                inputs = given.detach().clone(memory_format=torch.contiguous_format)
            replay = capture(self._function, inputs)
            self._graphs[kind] = None if replay is None else (inputs, replay)
        graph = self._graphs[kind]
        if graph is None:
            return self._function(given)
        inputs, replay = graph
        inputs.copy_(given.detach())
        return replay().clone()  # the next replay overwrites them


def captures(device: torch.device) -> bool:
    """Decide whether functions of tensors on a device are captured."""
    return device.type == "cuda"


def capture(function: Function, inputs: Tensor) -> Replay | None:
    """Capture a function as a CUDA graph.

    Args:
        function: What to capture.
        inputs: Memory that the graph reads at every replay.

    Returns:
        A function that replays the graph and returns its result, which is the same memory at every
        call; None if the graph, with memory of its own, would not fit.

    Raises:
        torch.OutOfMemoryError: Not even the function itself fits.
    """
    device = inputs.device
    aside, usual = _stream(device), torch.cuda.current_stream(device)
    aside.wait_stream(usual)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    with torch.cuda.stream(aside), torch.no_grad():
        for _ in range(WARM_UP):
            function(inputs)
        with _waiting_is_an_error():  # a wait would spoil the capture
            function(inputs)
    usual.wait_stream(aside)
    needed = torch.cuda.max_memory_allocated(device) - before
    # The memory of these runs stays with their stream, and the graph has memory of its own. An
    # allocation that fails in the middle of a capture could not be tried again.
    torch.cuda.empty_cache()
    if torch.cuda.mem_get_info(device)[0] < MARGIN * needed:
        return None
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.cuda.graph(graph, stream=aside), torch.no_grad():
        result = function(inputs)

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream of all captures on a device; each stream keeps memory for its products."""
    return torch.cuda.Stream(device)


@contextlib.contextmanager
def _waiting_is_an_error() -> Iterator[None]:
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)
