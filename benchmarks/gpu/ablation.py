"""One iteration of 300 candidates of a DINO-WM of the paper's size, with one change a row.

Elites are compared with those of float32 on the candidates of five iterations of a plan.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from dino_wm_plans import Problem, elites
from gpu.report import Arguments, Table, arguments, problem
from gpu.whole_plans import Costs, agreement, elites_of, median_seconds, planner_of, searched
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from wm_planner.diagnosis.cost import cost_of
from wm_planner.models.dino_wm import rollout
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.dino_wm.packing import Norm, centered

BASE = {"precision": "float16", "compute": "graphs"}
Hook = Callable[[], AbstractContextManager[None]]


@dataclass
class Row:
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    hook: Hook = nullcontext
    change: Callable[[DinoWorldModel], None] = lambda model: None


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


def gelu_on_its_own(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return functional.gelu(functional.linear(x, weight, bias))


def layers_compiled(**options: Any) -> Callable[[DinoWorldModel], None]:
    def change(model: DinoWorldModel) -> None:
        model._rollout._layer = torch.compile(model._rollout._layer, **options)

    return change


def residual_in_half(model: DinoWorldModel) -> None:
    """Keep features between the layers, and norms, in float16."""

    def half(norm: Norm) -> Norm:
        return replace(norm, weight=norm.weight.half(), bias=norm.bias.half())

    def embed(frames: Tensor, positions: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
        x = (centered(frames, positions.shape[-1]) + positions).half()
        return x, norm(x)

    packed = model._rollout._packed
    layers = [
        replace(each, attention_norm=half(each.attention_norm), mlp_norm=half(each.mlp_norm))
        for each in packed.layers
    ]
    model._rollout._packed = replace(packed, layers=layers, norm=half(packed.norm))
    model._rollout._embed = embed


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
ROWS = (
    Row("float16"),
    Row("bfloat16", {"precision": "bfloat16"}),
    Row("no CUDA graph", {"compute": "eager"}),
    Row("compiled", FUSED),
    Row("compiled, bfloat16", {**FUSED, "precision": "bfloat16"}),
    *(Row(f"compiled, {n} at once", {**FUSED, "candidates": n}) for n in (50, 300)),
    Row("GELU on its own", hook=lambda: replaced("linear_gelu", gelu_on_its_own)),
    Row("no padding (404)", {"pad_to": 1}),
    Row("padding to 416", {"pad_to": 16}),
    Row("flash attention", hook=attention(SDPBackend.FLASH_ATTENTION)),
    Row("cuDNN attention", hook=attention(SDPBackend.CUDNN_ATTENTION)),
    Row("efficient attention", hook=attention(SDPBackend.EFFICIENT_ATTENTION)),
    *(Row(f"{n} candidates at once", {"candidates": n}) for n in (50, 300)),
    Row("rolling cache", {"approximation": "rolling_cache"}),
    Row("float8", {"pad_to": 16}, lambda: replaced("functional", Float8())),
    Row("features in half precision", change=residual_in_half),
    Row("layers compiled whole", change=layers_compiled()),
    Row("compiled, tf32", {**FUSED, "precision": "tf32"}),
    Row("layers compiled whole, max-autotune",
        change=layers_compiled(mode="max-autotune-no-cudagraphs")),  # takes longest
)  # fmt: skip


def main() -> None:
    given = arguments()
    samples, iterations = (6, 5) if given.toy else (300, 5)
    plain = given.dino_wm()
    images = Problem.random(plain.spec, given.device)
    table = Table(
        "ablation",
        ["change", "iteration [ms]", "TFLOP/s", "prepared in [s]", "elites in common", "error"],
        given.out,
    )
    with torch.inference_mode():
        exact = Costs(plain, images)
        _, candidates = searched(planner_of(plain, samples, iterations), exact)
        wanted = elites_of(exact, candidates, elites(samples))
        flop = cost_of(lambda: exact(candidates[0])).flop
        for row in ROWS:
            try:
                found = measured(row, given, images, candidates, wanted)
                table.add(change=row.name, tflop_s=flop / found["iteration"] / 1e9, **found)
            except Exception as error:  # a card may not have it
                table.add(change=row.name, error=problem(error))


def measured(
    row: Row,
    given: Arguments,
    images: Problem,
    candidates: list[Tensor],
    wanted: list[set[int]],
) -> dict[str, Any]:
    device = given.device
    torch.compiler.reset()
    model = given.dino_wm(**{**BASE, **row.options})
    row.change(model)
    cost = Costs(model, images)  # encodes, which not every backend can
    begin = time.perf_counter()
    with row.hook():
        median_seconds(lambda: cost(candidates[0]), device, 1)
        prepared = time.perf_counter() - begin
        seconds = median_seconds(lambda: cost(candidates[0]), device, 7)
        common = agreement(elites_of(cost, candidates, len(wanted[0])), wanted)
    return {"iteration": 1e3 * seconds, "prepared_in": prepared, "elites_in_common": common}
