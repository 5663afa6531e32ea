"""What a computation costs: floating-point operations, memory, and what the device could do."""

from __future__ import annotations

import contextlib
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


@dataclass(frozen=True)
class Cost:
    """What a call executed.

    Attributes:
        flop: Floating-point operations of matrix products and convolutions, two per
            multiplication and addition.
        peak: Most bytes of tensors that the call held at once, its results included.
    """

    flop: int
    peak: int


def cost_of(call: Callable[[], object], *, pretend: bool = True) -> Cost:
    """Counts what ``call`` executes.

    Args:
        call: Something that never looks at the numbers it computes, unless it is computed.
        pretend: All that the call makes are fake tensors, and nothing is computed.
    """
    fused: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    with (
        torch.no_grad(),
        FakeTensorMode(allow_non_fake_inputs=True) if pretend else contextlib.nullcontext(),
        FlopCounterMode(display=False, custom_mapping={fused: _attention}) as flop,
        _Held() as held,
    ):
        call()
    return Cost(flop.get_total_flops(), held.peak)


def _attention(query: Any, key: Any, value: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    """Fused attention on the CPU, which torch's counter leaves out."""
    return int(sdpa_flop_count(query, key, value))


class _Held(TorchDispatchMode):
    """Bytes of the storages that operations made and that are still alive."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()
        self._now = self.peak = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(value.alias_info for value in func._schema.returns):  # a view, or in place
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
    """Measured rate of a large square matrix product [FLOP/s], the best of twenty."""
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / min(busy_seconds(lambda: a @ b, device) for _ in range(20))


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Wall-clock time of a call, the device's work included."""
    return _lasted(call, device, time.perf_counter)


def busy_seconds(call: Callable[[], object], device: torch.device) -> float:
    """What a call would take if nothing else ran.

    On a CPU that is the process's time over torch's threads, which other programs change little.
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
