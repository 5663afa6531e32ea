"""Evaluation of candidates in chunks that fit the memory."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.explain import of_memory
from wm_planner.planning.costs import CostFn, NewMemory, Place, checked, store
from wm_planner.planning.errors import CostMemoryError, SettingsError

__all__ = ["ChunkedCost", "CostFn"]


class ChunkedCost:
    """Calls a cost function with as many candidates at a time as fit the memory.

    Without a limit, all candidates are evaluated at once. When the memory runs out, the chunk is
    halved, tried again, and kept for later calls. With a limit in bytes, the first call on CUDA
    measures a few candidates. The allocator's cache is not emptied, because the next chunk needs
    the same blocks again.

    Attributes:
        chunk: Candidates per call, None while all are evaluated at once.
    """

    PROBE = 8
    """Number of candidates with which the need for memory is measured."""

    def __init__(self, chunk: int | None = None, memory_limit: int | None = None) -> None:
        """Set the first chunk.

        Args:
            chunk: Candidates (of every problem) per call; None for as many as fit.
            memory_limit: Memory that one call may take [bytes], CUDA only.

        Raises:
            SettingsError: One is not above 0.
        """
        for name, value in (("chunk", chunk), ("memory_limit", memory_limit)):
            if value is not None and value < 1:
                raise SettingsError(f"{name} is {value}; give a number above 0, or None for all")
        self.chunk = chunk
        self._memory_limit = memory_limit

    def __call__(self, cost: CostFn, actions: Tensor, place: Place | None = None) -> Tensor:
        """Return the costs (B, N) of actions (B, N, H, A), inf for all that are not finite.

        They are copied chunk by chunk, so that a cost function may return the same memory at every
        call, or memory of the actions.

        Args:
            cost: The function.
            actions: The candidates.
            place: Returns the memory for the costs, which may be new memory for another dtype if
                that contains what the old one held; None: memory of their own, float32, or float64
                if float32 would change them.

        Raises:
            CostShapeError: The cost function returned another shape.
            CostMemoryError: The memory is too small for one candidate per problem.
        """
        count = actions.shape[1]
        if self.chunk is None and self._memory_limit is not None and actions.is_cuda:
            self.chunk = self._measure(cost, actions, self._memory_limit)
        place = place or NewMemory(actions)
        while True:
            size = min(self.chunk or count, count)
            if (costs := self._attempt(cost, actions, size, place)) is not None:
                return costs
            if size == 1:
                raise CostMemoryError(actions.shape[0])
            self.chunk = (size + 1) // 2

    @staticmethod
    def _attempt(cost: CostFn, actions: Tensor, size: int, place: Place) -> Tensor | None:
        """Return the costs, or None if the memory ran out; a failed call keeps no tensors."""
        try:
            if size == actions.shape[1]:
                return _stored(cost, actions, place)
            for first in range(0, actions.shape[1], size):
                chunk = slice(first, first + size)
                memory = _stored(cost, actions[:, chunk], place, chunk)
            return memory
        except Exception as error:
            if of_memory(error):
                return None
            raise

    @classmethod
    def _measure(cls, cost: CostFn, actions: Tensor, limit: int) -> int:
        probe = actions[:, : cls.PROBE]
        torch.cuda.reset_peak_memory_stats(actions.device)
        before = torch.cuda.memory_allocated(actions.device)
        cls._attempt(cost, probe, probe.shape[1], NewMemory(probe))
        taken = torch.cuda.max_memory_allocated(actions.device) - before
        return max(1, limit * probe.shape[1] // max(taken, 1))


def _stored(cost: CostFn, actions: Tensor, place: Place, chunk: slice | None = None) -> Tensor:
    """Evaluate a chunk; return the memory (B, N) of all costs, with the chunk's in their place."""
    costs = checked(cost(actions), actions)
    memory = place(costs.dtype)
    store(costs, memory if chunk is None else memory[:, chunk])
    return memory
