"""One iteration of 300 candidates of a DINO-WM of the paper's size, with one change a row.

Elites are compared with those of float32 on the candidates of five iterations of a plan.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from dino_wm_models import Models
from dino_wm_plans import Problem, elites
from gpu.plans import Costs, agreement, elites_of, median_seconds, plan
from gpu.report import Table, arguments
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from wm_planner.models.dino_wm import rollout
from wm_planner.models.dino_wm.packing import Layer

BASE = {"precision": "float16"}
Hook = Callable[[], AbstractContextManager[None]]


@dataclass
class Row:
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    hook: Hook = nullcontext
    captured: bool = True
    whole_layers: bool = False


@contextlib.contextmanager
def replaced(name: str, by: Any) -> Iterator[None]:
    before = getattr(rollout, name)
    setattr(rollout, name, by)
    try:
        yield
    finally:
        setattr(rollout, name, before)


def attention(backend: SDPBackend) -> Hook:
    return lambda: sdpa_kernel(backend)


def gelu_on_its_own(layer: Layer, h: Tensor) -> Tensor:
    return functional.gelu(functional.linear(h, layer.up, layer.up_bias))


class Float8:
    """``torch.nn.functional`` with matrix products in float8 (e4m3, one scale per tensor)."""

    def __init__(self) -> None:
        self._weights: dict[int, tuple[Tensor, Tensor]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(functional, name)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if weight.data_ptr() not in self._weights:
            self._weights[weight.data_ptr()] = self._scaled(weight)
        w, w_scale = self._weights[weight.data_ptr()]
        a, a_scale = self._scaled(x.flatten(0, -2))
        out = torch._scaled_mm(
            a, w.t(), scale_a=a_scale, scale_b=w_scale, bias=bias, out_dtype=x.dtype
        )
        return out.unflatten(0, x.shape[:-1])

    @staticmethod
    def _scaled(x: Tensor) -> tuple[Tensor, Tensor]:
        scale = (x.abs().amax().float() / 448.0).clamp(min=1e-12)
        return (x / scale).to(torch.float8_e4m3fn), scale


FUSED = {"compute": "compiled"}
CUDNN = attention(SDPBackend.CUDNN_ATTENTION)
ROWS = (
    Row("float32", {"precision": "float32"}),
    Row("tf32", {"precision": "tf32"}),
    Row("bfloat16", {"precision": "bfloat16"}),
    Row("float16"),
    Row("no CUDA graph", captured=False),
    Row("GELU on its own", hook=lambda: replaced("_up", gelu_on_its_own)),
    Row("no padding (404)", {"pad_to": 1}),
    Row("padding to 416", {"pad_to": 16}),
    Row("padding to 448", {"pad_to": 64}),
    Row("flash attention", hook=attention(SDPBackend.FLASH_ATTENTION)),
    Row("cuDNN attention", hook=CUDNN),
    Row("efficient attention", hook=attention(SDPBackend.EFFICIENT_ATTENTION)),
    *(Row(f"{n} candidates at once", {"candidates": n}) for n in (25, 50, 75, 300)),
    Row("compiled", FUSED),
    Row("compiled, no CUDA graph", FUSED, captured=False),
    Row("compiled, bfloat16", {**FUSED, "precision": "bfloat16"}),
    Row("compiled, tf32", {**FUSED, "precision": "tf32"}),
    *(Row(f"compiled, {n} at once", {**FUSED, "candidates": n}) for n in (50, 300)),
    Row("rolling cache", {"approximation": "rolling_cache"}),
    Row("float8", {"pad_to": 16}, lambda: replaced("functional", Float8())),
    Row("layers compiled whole", whole_layers=True),
)


def main() -> None:
    given = arguments()
    device, models = given.device, given.models()
    samples, iterations = (6, 5) if given.toy else (300, 5)
    problem, count = Problem.random(models.spec, device), elites(samples)
    table = Table(
        "ablation",
        ["change", "iteration [ms]", "TFLOP/s", "prepared in [s]", "elites in common", "error"],
        given.out,
    )
    with torch.inference_mode():
        exact = Costs(models.make(precision="float32"), problem)
        candidates = plan(exact, samples, iterations, 0).candidates
        wanted = elites_of(exact, candidates, count)
        flop = models.cost(samples, 1, upstream=False).flop
        for row in ROWS:
            try:
                table.add(
                    change=row.name, **measured(row, models, problem, candidates, wanted, flop)
                )
            except Exception as error:  # a card may not have it
                table.add(change=row.name, error=" ".join(str(error).split())[:100])


def measured(
    row: Row,
    models: Models,
    problem: Problem,
    candidates: list[Tensor],
    wanted: list[set[int]],
    flop: int,
) -> dict[str, Any]:
    device = models.device
    torch.compiler.reset()
    model = models._make(**{**BASE, **row.options})
    if row.whole_layers:
        model._rollout._layer = torch.compile(model._rollout._layer)
    cost = Costs(model, problem, captured=row.captured)  # encodes, which not every backend can
    begin = time.perf_counter()
    with row.hook():
        median_seconds(lambda: cost(candidates[0]), device, 1)
        prepared = time.perf_counter() - begin
        seconds = median_seconds(lambda: cost(candidates[0]), device, 7)
        common = agreement(elites_of(cost, candidates, len(wanted[0])), wanted)
    return {
        "iteration": seconds * 1e3,
        "tflop_s": flop / seconds / 1e12,
        "prepared_in": prepared,
        "elites_in_common": common,
    }
