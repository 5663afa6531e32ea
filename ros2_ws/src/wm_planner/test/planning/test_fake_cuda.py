"""What the watch over fake CUDA tensors notices, one case each."""

import pytest
import torch
from fake_cuda import DEVICE, HostError, fake_cuda, gradient
from torch.nn.functional import scaled_dot_product_attention

from wm_planner.planning.reading import Reading, sent

WAITS = {
    "numbers": lambda x: x.tolist(),
    "bool": lambda x: bool(x.isfinite().all()),
    "equal": lambda x: x.equal(x),
    "to the host": lambda x: x.cpu(),
    "to the host, nowhere pinned": lambda x: torch.zeros(3).copy_(x, non_blocking=True),
    "from the host": lambda x: torch.tensor([1.0, 2.0], device=DEVICE),
    "a number from the host": lambda x: torch.tensor(1.0, device=DEVICE),
    "from the host, not pinned": lambda x: torch.zeros(3).to(DEVICE, non_blocking=True),
    "over": lambda x: x.copy_(torch.zeros(3)),
    "index": lambda x: x[torch.tensor([0, 1])],
    "index to write": lambda x: x.__setitem__([0, 1], 0.0),
    "a single number to write": lambda x: x.__setitem__(0, 1.0),
    "where": lambda x: torch.where(x > 0, x, torch.tensor(1.0)),
}
GOES_ON = {
    "part": lambda x: x[1:],
    "part to write": lambda x: x.__setitem__(slice(2), 1.0),
    "where": lambda x: torch.where(x > 0, x, 1.0),
    "times a number of the host": lambda x: x * torch.tensor(2.0),
    "sent": lambda x: sent(torch.zeros(3), DEVICE),
    "being read": lambda x: Reading(x.view(1, 3)),
}


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("case", WAITS)
def test_what_waits_is_noticed(case, inference):
    with fake_cuda() as watch, torch.inference_mode(inference):
        x = torch.zeros(3, device=DEVICE)
        WAITS[case](x)
        assert watch.waits == ["a test"]
        with watch.captured(), pytest.raises(HostError):
            WAITS[case](x)


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("case", GOES_ON)
def test_what_does_not_wait_is_no_wait(case, inference):
    with fake_cuda() as watch, torch.inference_mode(inference):
        GOES_ON[case](torch.zeros(3, device=DEVICE))
        assert watch.waits == []


def test_reading_waits_for_the_last_call_of_a_cost_only():
    with fake_cuda() as watch:
        reading = Reading(torch.zeros(1, 3, device=DEVICE))
        assert not reading.arrived()
        assert reading.numbers() == [[1.0, 1.0, 1.0]]
        assert watch.waits == ["reading.numbers"]
        watch.calls += 1
        reading.numbers()
        watch.calls -= 1
        watch.behind = False
        assert reading.arrived()
        reading.numbers()
        assert watch.waits == ["reading.numbers"]


def test_tensors_of_two_devices_do_not_mix():
    with fake_cuda(), pytest.raises(RuntimeError, match="devices"):
        torch.zeros(3, device=DEVICE) + torch.zeros(3)


def test_generators_make_numbers_of_their_own_device():
    with fake_cuda():
        generator = torch.Generator("cpu")
        torch.randn(3, generator=generator)
        with pytest.raises(AssertionError):
            torch.randn(3, generator=generator, device=DEVICE)
        generator = torch.Generator(DEVICE)
        torch.empty(3, device=DEVICE).normal_(generator=generator)
        with pytest.raises(AssertionError):
            torch.randn(3, generator=generator)


@pytest.mark.parametrize("make", [lambda: torch.zeros(3), lambda: torch.arange(2)])
def test_nothing_that_is_captured_makes_tensors_of_the_host(make):
    with fake_cuda() as watch, watch.captured(), pytest.raises(HostError):
        make()


def test_gradients_are_those_of_torch():
    x = torch.linspace(-1.0, 1.0, 24).view(1, 2, 3, 4).requires_grad_()
    first, second = x.unbind(1)
    q, k, v = (scaled_dot_product_attention(x, x.sin(), x + 1), first * second, x[:, :1])
    value = (torch.cat([q, x.split(1, dim=1)[1]], dim=1).square().sum() * k.sum()) + v.exp().mean()
    (expected,) = torch.autograd.grad(value, x, retain_graph=True)
    torch.testing.assert_close(gradient(value, x)[0], expected)
