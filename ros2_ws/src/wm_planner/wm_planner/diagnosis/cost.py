"""The cost of a computation: floating-point operations, memory, and the device's rate."""

from __future__ import annotations

import contextlib
import math
import re
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

LONGEST = 2.0
"""Time after which no further matrix product is measured [s]."""


@dataclass(frozen=True)
class Cost:
    """The cost of a call.

    Attributes:
        flop: Floating-point operations of matrix products and convolutions, two per
            multiplication and addition.
        peak: Most bytes of tensors held at once that the call made, its results included.
        operations: Operations that compute or copy. On a GPU each is at least one launch.
    """

    flop: int
    peak: int
    operations: int


def cost_of(call: Callable[[], object], *, pretend: bool = True) -> Cost:
    """Count the operations and the memory of ``call``.

    Args:
        call: The computation. It must not depend on values if it is not computed.
        pretend: Count on fake tensors, without computing.
    """
    mapping: Any = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
        torch.ops.aten._addmm_activation: _linear,
    }
    with (
        torch.no_grad(),
        FakeTensorMode(allow_non_fake_inputs=True) if pretend else contextlib.nullcontext(),
        FlopCounterMode(display=False, custom_mapping=mapping) as flop,
        _Held() as held,
    ):
        call()
    return Cost(flop.get_total_flops(), held.peak, held.operations)


def _attention(query: Any, key: Any, value: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    """Count fused attention on the CPU, which torch's counter leaves out."""
    return int(sdpa_flop_count(query, key, value))


def _linear(bias: Any, rows: Any, weight: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    """Count a product of (L, K) and (K, N) with an activation, which torch's counter leaves out."""
    return int(2 * math.prod(rows) * weight[1])


class _Held(TorchDispatchMode):
    """Counts operations, and the bytes of the live storages that they allocated."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()
        self._now = self.peak = self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        shared = [a.alias_info for a in func._schema.arguments if a.alias_info]
        views = bool(shared) and not any(alias.is_write for alias in shared)
        computes = func.namespace == "aten" and not re.search("empty|view", func._schema.name)
        self.operations += computes and not views
        if shared:  # the result, if any, is memory of an argument
            return result
        for tensor in tree_leaves(result):
            if not isinstance(tensor, Tensor) or tensor.untyped_storage() in self._seen:
                continue
            storage = tensor.untyped_storage()
            self._seen.add(storage)
            self._now += storage.nbytes()
            weakref.finalize(storage, self._freed, storage.nbytes())
        self.peak = max(self.peak, self._now)
        return result

    def _freed(self, size: int) -> None:
        self._now -= size


def matmul_rate(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Measure the rate of a large square matrix product [FLOP/s], the best of some.

    Twenty, or as many as are done in ``LONGEST``: a CPU without half precision is a hundred times
    slower in it.
    """
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    until = time.monotonic() + LONGEST
    times = [busy_seconds(lambda: a @ b, device)]
    while len(times) < 20 and time.monotonic() < until:
        times.append(busy_seconds(lambda: a @ b, device))
    return 2 * size**3 / min(times)


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Measure the wall-clock time of a call, the device's work included [s]."""
    return _lasted(call, device, time.perf_counter)


def busy_seconds(call: Callable[[], object], device: torch.device) -> float:
    """Measure the time of a call without the time that other programs take [s].

    On a CPU that is the process's CPU time divided by torch's threads.
    """
    if device.type == "cuda":
        return seconds(call, device)
    return _lasted(call, device, time.process_time) / torch.get_num_threads()


def _lasted(call: Callable[[], object], device: torch.device, clock: Callable[[], float]) -> float:
    _wait(device)
    begin = clock()
    call()
    _wait(device)
    return clock() - begin


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
