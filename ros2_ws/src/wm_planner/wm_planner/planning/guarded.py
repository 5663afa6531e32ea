"""A cost function that cannot change the candidates which the planner keeps."""

from __future__ import annotations

from torch import Tensor

from wm_planner.planning.costs import CostFn
from wm_planner.planning.errors import CostWritesError


class GuardedCost:
    """Calls a cost function during one plan, so that it cannot spoil the planner's candidates.

    A cost may change its input in place, e.g. to denormalize it. Copies of all candidates would
    take an operation per iteration, so only the first ones are copied. If the cost writes into the
    copy, it gets copies from then on. If it writes later for the first time, the plan fails.
    PyTorch counts the writes to a tensor (``Tensor._version``), so that no data need to be read; on
    the CPU the first candidates are compared as well, because NumPy's writes are not counted.
    Tensors of ``torch.inference_mode`` have no such count, so that a cost always gets copies of
    them.
    """

    def __init__(self, cost: CostFn, *, compares: bool) -> None:
        """Take the cost; ``compares``: reading numbers is free, see ``reads_at_once``."""
        self._cost = cost
        self._compares = compares
        self._writes: bool | None = None

    def __call__(self, actions: Tensor) -> Tensor:
        """Return the costs (B, N) of actions (B, N, H, A), which stay as they are.

        Raises:
            CostWritesError: The cost changed its input, but not at its first call.
        """
        if self._writes or actions.is_inference():
            return self._cost(actions.clone())
        if self._writes is None:
            copy = actions.clone()
            costs = self._cost(copy)
            self._writes = copy._version > 0 or (self._compares and not copy.equal(actions))
            return costs
        before = actions._version
        costs = self._cost(actions)
        if actions._version != before:
            raise CostWritesError
        return costs
