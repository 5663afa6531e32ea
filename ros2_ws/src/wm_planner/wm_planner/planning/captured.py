"""A cost function as a CUDA graph."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor

from wm_planner.planning.chunks import CostFn

Replay: TypeAlias = Callable[[], Tensor]

WARM_UP = 3
"""Runs before a capture, which load kernels and compile what is compiled."""
MARGIN = 1.25
"""Memory that has to be free for a graph, over what its function took."""


class CapturedCost:
    """Replays a cost function as a CUDA graph: one launch instead of one per operation.

    This helps if a rollout has so many small kernels that the host is slower than the device. The
    first call with candidates of a new shape runs the cost a few times and captures it; later calls
    copy the candidates in and replay. If there is too little memory for a graph, the cost is called
    directly; on the CPU it always is. The cost must read the same memory each time, so keep the
    latent and the goal in tensors of their own and write new ones into them with ``copy_``. It must
    not wait for the device, and its shapes must not depend on data. Make all calls inside
    ``torch.inference_mode``, or all outside of it.

    Example:
        cost = CapturedCost(lambda actions: model.distance(model.rollout(latent, actions), goal))
        planner.plan(cost)          # captures
        latent.copy_(model.encode(observation))
        planner.plan(cost)          # replays
    """

    def __init__(self, cost: CostFn) -> None:
        self._cost = cost
        self._graphs: dict[torch.Size, tuple[Tensor, Replay] | None] = {}

    @property
    def lacks_memory(self) -> bool:
        """Whether there was too little memory for a graph, so that the cost is called directly."""
        return None in self._graphs.values()

    def __call__(self, actions: Tensor) -> Tensor:
        """Return the costs (B, N) of actions (B, N, H, A)."""
        if not captures(actions.device):
            return self._cost(actions)
        if actions.shape not in self._graphs:
            inputs = actions.clone(memory_format=torch.contiguous_format)
            replay = capture(self._cost, inputs)
            self._graphs[actions.shape] = None if replay is None else (inputs, replay)
        graph = self._graphs[actions.shape]
        if graph is None:
            return self._cost(actions)
        inputs, replay = graph
        inputs.copy_(actions)
        return replay().clone()  # the next replay overwrites them


def captures(device: torch.device) -> bool:
    """Decide whether costs on a device are captured."""
    return device.type == "cuda"


def capture(cost: CostFn, inputs: Tensor) -> Replay | None:
    """Capture a cost function as a CUDA graph.

    Args:
        cost: The function.
        inputs: Actions (B, N, H, A) in memory that the graph reads at every replay.

    Returns:
        A function that replays the graph and returns its costs (B, N), which are the same memory at
        every call; None if the graph, with memory of its own, would not fit.

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
            cost(inputs)
        with _waiting_is_an_error():  # a wait would spoil the capture
            cost(inputs)
    usual.wait_stream(aside)
    needed = torch.cuda.max_memory_allocated(device) - before
    # The memory of these runs stays with their stream, and the graph has memory of its own. An
    # allocation that fails in the middle of a capture could not be tried again.
    torch.cuda.empty_cache()
    if torch.cuda.mem_get_info(device)[0] < MARGIN * needed:
        return None
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.cuda.graph(graph, stream=aside), torch.no_grad():
        costs = cost(inputs)

    def replay() -> Tensor:
        graph.replay()
        return costs

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
