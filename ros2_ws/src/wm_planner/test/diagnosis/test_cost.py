"""Counted operations and memory, and measured times."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from wm_planner.diagnosis import cost
from wm_planner.diagnosis.cost import busy_seconds, cost_of, matmul_rate, seconds


@pytest.mark.parametrize("pretend", [False, True])
def test_product_takes_two_flop_a_multiplication_and_holds_its_result(pretend: bool) -> None:
    a, b = torch.randn(20, 30), torch.randn(30, 40)
    counted = cost_of(lambda: a @ b, pretend=pretend)
    assert counted.flop == 2 * 20 * 30 * 40
    assert counted.peak == 4 * 20 * 40


@pytest.mark.parametrize("pretend", [False, True])
def test_fused_attention_is_counted(pretend: bool) -> None:
    q, k = torch.randn(2, 3, 16, 8), torch.randn(2, 3, 48, 8)
    counted = cost_of(lambda: scaled_dot_product_attention(q, k, k), pretend=pretend)
    assert counted.flop == 2 * (2 * 2 * 3 * 16 * 48 * 8)


@pytest.mark.parametrize("pretend", [False, True])
def test_peak_leaves_out_freed_tensors_views_and_inputs(pretend: bool) -> None:
    given = torch.zeros(100)

    def call() -> torch.Tensor:
        for _ in range(3):
            result = given.view(10, 10) + 1.0
            result = result.t()[:5]
        return result

    assert cost_of(call, pretend=pretend).peak == 2 * 400  # one is made before the last is freed


def test_nothing_is_computed_on_fake_tensors() -> None:
    huge = torch.empty(10**6, 10**6, device="meta")
    assert cost_of(lambda: huge @ huge).flop == 2 * 10**18


@pytest.mark.parametrize("measure", [seconds, busy_seconds])
def test_time_on_a_gpu_is_that_of_the_call_and_its_work_alone(
    measure: Callable[..., float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, queued = SimpleNamespace(now=0.0), [5.0]

    def wait(device: torch.device) -> None:
        clock.now += sum(queued)
        queued.clear()

    monkeypatch.setattr(torch.cuda, "synchronize", wait)
    monkeypatch.setattr(cost, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    monkeypatch.setattr(cost.time, "process_time", pytest.fail, raising=False)
    assert measure(lambda: queued.append(3.0), torch.device("cuda")) == 3.0


def test_rate_is_positive() -> None:
    assert matmul_rate(torch.device("cpu")) > 0


@pytest.mark.parametrize("pretend", [False, True])
def test_operations_leave_out_views_and_new_memory(pretend: bool) -> None:
    given, memory = torch.zeros(4, 6), torch.zeros(4, 6)

    def call() -> None:
        torch.empty(3)
        first, _ = given.split(2)
        one = torch.nn.functional.linear(first[None], torch.ones(3, 6), torch.ones(3))
        memory.copy_(given).add_(1.0)
        torch.mul(given, 2.0, out=memory)
        assert one.view(-1).shape == (6,)

    # two of ones and their product, a copy, a sum and a product
    assert cost_of(call, pretend=pretend).operations == 6
