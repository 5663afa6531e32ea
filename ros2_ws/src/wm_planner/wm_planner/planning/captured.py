"""A cost function as a CUDA graph."""

from __future__ import annotations

import torch
from torch import Tensor

from wm_planner.planning.chunks import CostFn


class CapturedCost:
    """Replays a cost function as a CUDA graph: one launch instead of one per operation.

    This helps if a rollout has so many small kernels that the host is slower than the device. The
    first call with candidates of a new shape runs the cost a few times and captures it; later calls
    copy the candidates in and replay. The cost must read the same memory each time, so keep the
    latent and the goal in tensors of their own and write new ones into them with ``copy_``. The
    cost must not wait for the device, and its shapes must not depend on data. On the CPU the cost
    is called directly.

    Example:
        cost = CapturedCost(lambda actions: model.distance(model.rollout(latent, actions), goal))
        planner.plan(cost)          # captures
        latent.copy_(model.encode(observation))
        planner.plan(cost)          # replays
    """

    _WARM_UP = 3

    def __init__(self, cost: CostFn) -> None:
        self._cost = cost
        self._graphs: dict[torch.Size, tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}

    def __call__(self, actions: Tensor) -> Tensor:
        """Return the costs (B, N) of actions (B, N, H, A).

        The next call with actions of this shape overwrites them.
        """
        if not actions.is_cuda:
            return self._cost(actions)
        if actions.shape not in self._graphs:
            self._graphs[actions.shape] = self._capture(actions)
        graph, inputs, costs = self._graphs[actions.shape]
        inputs.copy_(actions)
        graph.replay()
        return costs

    def _capture(self, actions: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor]:
        inputs = actions.clone(memory_format=torch.contiguous_format)
        aside = torch.cuda.Stream(actions.device)
        aside.wait_stream(torch.cuda.current_stream(actions.device))
        with torch.cuda.stream(aside), torch.no_grad():
            for _ in range(self._WARM_UP):
                self._cost(inputs)
        torch.cuda.current_stream(actions.device).wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph), torch.no_grad():
            costs = self._cost(inputs)
        return graph, inputs, costs
