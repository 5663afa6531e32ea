"""The options of ``load`` that families share: how rollouts are computed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.config.model import COMPUTES
from wm_planner.planning.captured import Captured, Function

PRECISIONS = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
APPROXIMATIONS = ("none", "rolling_cache")
RECOMPILE_LIMIT = 64

_T = TypeVar("_T")


def set_threads(count: int) -> None:
    """Let PyTorch compute with so many threads of the CPU; 0: as many as it chooses."""
    if count:
        torch.set_num_threads(count)


@dataclass(frozen=True)
class Compute:
    """Options; with the defaults, the results equal those of the family's own code.

    Attributes:
        precision: Precision of the predictor's matrix products and attention; ``tf32`` is float32
            with products in TF32 on a GPU. Features between the layers, norms and positions are
            always float32.
        compute: ``compiled`` compiles the parts of the predictor's layers that are many small
            operations (``torch.compile``); the first plans take longer.
        approximation: ``none``, or ``rolling_cache``: keep keys and values when the window slides,
            although the positions of its frames have changed. This takes fewer FLOP and ranks
            candidates differently (``benchmarks/dino_wm.py``, ``benchmarks/lewm.py``).
        candidates: Candidates computed at once; 0: chosen for the device.
    """

    precision: str = "float32"
    compute: str = "eager"
    approximation: str = "none"
    candidates: int = 0

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: There is no such precision, way to compute or approximation.
        """
        for name, choices in (
            ("precision", PRECISIONS), ("compute", COMPUTES), ("approximation", APPROXIMATIONS)
        ):  # fmt: skip
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"model.{name} is '{value}'; choose {', '.join(choices)}")

    @property
    def dtype(self) -> torch.dtype:
        """The precision as a type of torch."""
        return PRECISIONS[self.precision]

    @property
    def captured(self) -> bool:
        """Whether a GPU replays rollouts, and the encoder, as CUDA graphs."""
        return self.compute != "eager"

    @property
    def matmul_precision(self) -> str:
        """The precision of float32 matrix products, as torch names it."""
        return "high" if self.precision == "tf32" else "highest"


@contextlib.contextmanager
def matmul_precision(device: torch.device, precision: str) -> Iterator[None]:
    """Compute float32 matrix products on a GPU in another precision (``highest``: float32)."""
    before = torch.get_float32_matmul_precision()
    if device.type != "cuda" or precision == before:
        yield
        return
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def linear_gelu(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a linear layer to x (..., width), and GELU to its result.

    In half precision the matrix product computes the GELU too. On a GPU (cuBLASLt) that is the tanh
    approximation, which differs from the exact one by less than 5e-4.
    """
    if x.dtype != torch.float32 and bias is not None and not x.requires_grad:
        rows = torch._addmm_activation(bias, x.flatten(0, -2), weight.t(), use_gelu=True)
        return rows.unflatten(0, x.shape[:-1])
    return functional.gelu(functional.linear(x, weight, bias))


def in_a_graph(function: Function, compute: Compute) -> Function:
    """Return a function of a tensor that a GPU replays as a CUDA graph, if the options say so."""
    return Captured(function) if compute.captured else function


def compiled(part: Callable[..., _T]) -> Callable[..., _T]:
    """Compile a part for tokens of any number, so that another number is no reason to wait.

    Beyond ``recompile_limit`` kinds of arguments (precisions, strides, with gradients or without),
    counted by code object, torch would silently compute without compiling.
    """
    config = torch._dynamo.config
    config.recompile_limit = max(RECOMPILE_LIMIT, config.recompile_limit)
    fast = torch.compile(part)

    def call(*arguments: object) -> _T:
        for tensor in arguments:
            if isinstance(tensor, Tensor):
                for dimension in range(tensor.ndim - 1):
                    torch._dynamo.maybe_mark_dynamic(tensor, dimension)
        return fast(*arguments)

    return call
