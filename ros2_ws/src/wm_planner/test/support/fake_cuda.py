"""Fake CUDA tensors: they have a shape, a type and a device, but no numbers.

Code for a GPU runs on them where there is none. That shows whether tensors of two devices meet, and
where the host would wait for the device.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import wm_planner
from wm_planner.planning import captured

DEVICE = torch.device("cuda:0")
PACKAGE = str(Path(wm_planner.__file__).parent)
aten = torch.ops.aten
READ = aten._local_scalar_dense.default
"""Returns a number to Python, for ``item``, ``tolist`` and ``bool``."""
COPIES = (aten.copy_.default, aten._to_copy.default)
COPIED_NUMBERS = (*COPIES, aten.where.self, aten.index_put_.default)
"""What copies also tensors without dimensions; others take them as numbers."""


class HostError(AssertionError):
    """What a CUDA graph captures uses a tensor of the host, or waits for the device."""


class Watch(TorchDispatchMode):
    """Looks at every operation.

    Attributes:
        waits: Where the host waited for the device, as ``module.function``; what a function repeats
            counts once.
        calls: How often the device was given a cost to compute. Reading what it computed before the
            last time is no wait, because it has something to do meanwhile.
        behind: Whether the device has finished nothing yet whenever the host asks.
        number: Returns the number that a tensor is taken to hold.
    """

    def __init__(self, fake: FakeTensorMode) -> None:
        super().__init__()
        self._known = fake.fake_tensor_converter.meta_converter.tensor_memo
        self._captured = False
        self.waits: list[str] = []
        self.calls = 0
        self.behind = True
        self.number: Callable[[Tensor], float] = lambda tensor: float(not hasattr(tensor, "of_any"))

    @contextlib.contextmanager
    def captured(self) -> Iterator[None]:
        """Let every wait and every tensor of the host be an error, but not numbers."""
        before, self._captured = self._captured, True
        try:
            yield
        finally:
            self._captured = before

    def capture(self, function: Any, inputs: Tensor) -> Callable[[], Tensor]:
        """Take the place of ``wm_planner.planning.captured.capture``."""

        def replay() -> Tensor:
            with self.captured(), torch.no_grad():
                return function(inputs)

        return replay

    def wait(self, operation: object) -> None:
        """Take that the host waits for the device."""
        where = place()
        if self._captured:
            raise HostError(f"{where}: {operation} waits for the device")
        if self.waits[-1:] != [where]:
            self.waits.append(where)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not torch.ops.prim.device.default:
            with self:  # in inference mode, functions arrive that consist of others
                if (parts := func.decompose(*args, **kwargs)) is not NotImplemented:
                    return parts
        used = tensors((args, kwargs))
        if func in (READ, aten.equal.default):
            if any(map(on_device, used)):
                self.wait(func)
            number = self.number(used[0])
            return number if func is READ and used[0].dtype != torch.bool else bool(number)
        out = func(*args, **kwargs)
        self._known.clear()  # it keeps modules from being moved to the device
        self._check(func, [*used, *tensors(out)], args, kwargs)
        if func is aten.lift_fresh.default:
            out.constant = None  # the real number, with which torch would compute
        if func is aten.any.default:
            out.of_any = True
        if kwargs.get("pin_memory"):
            out.pinned = True
        return out

    def _check(self, func: Any, used: list[Tensor], args: Any, kwargs: Any) -> None:
        if (generator := kwargs.get("generator")) is not None:
            assert Generator.devices[generator._cdata] == used[0].device.type, place()
        host = [t for t in used if not on_device(t) and (t.ndim or func in COPIED_NUMBERS)]
        if self._captured and any(tensor.ndim for tensor in host):
            raise HostError(f"{place()}: {func} uses {host[0]}")
        if not host or not any(map(on_device, used)):
            return
        may_go_on = func in COPIES and (kwargs.get("non_blocking") or args[2:3] == (True,))
        if not (may_go_on and all(hasattr(tensor, "pinned") for tensor in host)):
            self.wait(func)


def tensors(tree: Any) -> list[Tensor]:
    """The tensors among arguments or results."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def on_device(tensor: Tensor) -> bool:
    return tensor.device.type == "cuda"


def place() -> str:
    """The function of the package that is running, as ``module.function``."""
    frame = sys._getframe(1)
    while frame and not frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}" if frame else "a test"


@contextlib.contextmanager
def fake_cuda() -> Iterator[Watch]:
    """Let ``DEVICE`` be a device of fake tensors, and watch it.

    What needs a driver is replaced: events, the stream, generators, the capture of graphs, and the
    engine of automatic differentiation.
    """
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    watch = Watch(fake)

    class Event:
        def record(self, stream: object) -> None:
            self._calls = watch.calls

        def query(self) -> bool:
            return not watch.behind

        def synchronize(self) -> None:
            if watch.behind and watch.calls == self._calls:
                watch.wait("an event")

    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(torch.cuda, "Event", Event)
        patch.setattr(torch.cuda, "current_stream", lambda device: None)
        patch.setattr(torch, "Generator", Generator)
        patch.setattr(torch.autograd, "grad", gradient)
        patch.setattr(captured, "capture", watch.capture)
        for mode in (device_guard(), fake, watch):
            stack.enter_context(mode)
        yield watch


class Generator(torch.Generator):
    """A generator of the host that says it is another device's.

    Attributes:
        devices: The types of the devices of all generators, by their address.
    """

    devices: ClassVar[dict[int, str]] = {}

    def __new__(cls, device: Any) -> Generator:
        made = super().__new__(cls)
        made._device = torch.device(device)
        cls.devices[made._cdata] = made._device.type
        return made

    @property
    def device(self) -> torch.device:
        return self._device


@contextlib.contextmanager
def device_guard() -> Iterator[None]:
    """Give torch without CUDA what it asks for when a CUDA tensor is indexed.

    ``FakeTensorMode`` does so if torch was built for CUDA.
    """
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libc10.so"))
    name = "_ZN3c104impl26device_guard_impl_registryE"
    registry = (ctypes.c_void_p * 2).in_dll(library, name)  # those of the CPU and of CUDA
    before = registry[1]
    registry[1] = before or registry[0]
    try:
        yield
    finally:
        registry[1] = before


@torch.no_grad()
def gradient(value: Tensor, leaf: Tensor) -> tuple[Tensor]:
    """``torch.autograd.grad`` without its engine, which asks for the device's streams."""
    known: dict[Any, dict[int, Tensor]] = {}
    todo = [value.grad_fn]
    while todo:
        if (node := todo.pop()) is not None and node not in known:
            known[node] = {}
            todo += [following for following, _ in node.next_functions]
    known[value.grad_fn][0] = torch.ones_like(value)
    inner = [node for node in known if not hasattr(node, "variable")]
    for node in sorted(inner, key=lambda node: node._sequence_nr(), reverse=True):
        slopes = node(*(known[node].get(i) for i in range(len(node._input_metadata))))
        slopes = slopes if isinstance(slopes, tuple) else (slopes,)
        for (following, i), slope in zip(node.next_functions, slopes, strict=True):
            if following is not None and slope is not None:
                sums = known[following]
                sums[i] = sums[i] + slope if i in sums else slope
    (slope,) = [sums[0] for node, sums in known.items() if getattr(node, "variable", None) is leaf]
    return (slope,)
