"""Planners on fake CUDA tensors: the host waits for the device to read the plan, not before.

``Watch.waits`` has every function that waits, in order, so it is compared as a whole.
"""

import time

import pytest
import torch
from fake_cuda import DEVICE, fake_cuda, on_device

from wm_planner.config import PRESETS
from wm_planner.planning import StopReason, make_planner

SIZES = {"full": 11, "dino_wm": 6, "mppi": 6, "gradient": 6}
"""Iterations of long searches: enough for all their stages."""
READ = ["ending.check_end", "solver.plan"]
"""The plan is read, and whether it learned anything."""
REFINED = [*READ, "warm_start.check", "reading.numbers", *READ]
"""A descent begins with the plan that was found, and may stop early."""


def made(preset, patience=0, **settings):
    if preset in SIZES:
        settings = {"iterations": SIZES[preset], **settings}
    if preset not in ("cem_gd", "random"):
        settings["patience"] = patience
    return make_planner(preset, action_dim=2, horizon=3, device=DEVICE, **settings)


def costs(watch, batch=1, dtype=torch.float32):
    goal = torch.ones(batch, 1, 3, 2, device=DEVICE)

    def cost(actions):
        found = (actions - goal).square().sum((-1, -2)).to(dtype)
        watch.calls += 1
        return found

    return cost


def is_on_the_device(result):
    return all(on_device(x) for x in vars(result).values() if isinstance(x, torch.Tensor))


@pytest.mark.parametrize(
    "plans",
    [
        [{}, {"warm_start": torch.zeros(1, 2, 2)}],
        [{"batch": 2, "warm_start": torch.zeros(2, 3, 2), "prior": (0.0, [1.0, 2.0])}],
    ],
    ids=["cold, then warm", "with a prior"],
)
@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_waits_for_the_device_before_the_plan_is_read(preset, plans):
    with fake_cuda() as watch, torch.inference_mode(len(plans) == 1):
        planner = made(preset, bounds=(-1.0, [1.0, 2.0]))
        for given in plans:
            watch.waits.clear()
            result = planner.plan(costs(watch, given.get("batch", 1)), **given)
            assert watch.waits == (REFINED if preset == "cem_gd" else READ)
            assert is_on_the_device(result)
            assert result.candidates.shape[2:] == (3, 2)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_search_with_a_deadline_that_may_be_canceled_does_not_wait(preset):
    with fake_cuda() as watch:
        planner = made(preset)
        for allowed in (10**6, 3):
            watch.waits.clear()
            last = watch.calls + allowed
            result = planner.plan(
                costs(watch),
                deadline=time.monotonic() + 10**6,
                cancel=lambda last=last: watch.calls >= last,
            )
            canceled = preset != "random" and allowed == 3
            assert (result.stop_reason is StopReason.CANCELED) == canceled
            assert watch.waits == (REFINED if preset == "cem_gd" and not canceled else READ)


@pytest.mark.parametrize("preset", SIZES)
def test_early_stopping_waits_only_for_the_last_iteration(preset):
    with fake_cuda() as watch:
        planner = made(preset, patience=2)
        watch.waits.clear()
        result = planner.plan(costs(watch))
        assert result.stop_reason is StopReason.CONVERGED
        assert (result.iterations, result.stopped_at) == (4, (3,))
        assert watch.waits == ["reading.numbers", *READ]


@pytest.mark.parametrize("preset", SIZES)
def test_nothing_more_waits_if_problems_of_a_batch_stop_at_different_iterations(preset):
    with fake_cuda() as watch:
        planner = made(preset, patience=2)
        watch.waits.clear()
        # Of the pairs that are read, one for each problem, only the first falls.
        watch.number = lambda x: 1.0 if x.storage_offset() % 2 else -float(watch.calls)
        result = planner.plan(costs(watch, 2), batch=2)
        assert result.stopped_at == (SIZES[preset], 3)
        assert watch.waits == ["reading.numbers", *READ]
        assert is_on_the_device(result)


@pytest.mark.parametrize("preset", ["online", "random"])
def test_a_search_too_short_to_stop_early_does_not_wait_for_its_costs(preset):
    with fake_cuda() as watch:
        planner = make_planner(preset, action_dim=2, horizon=3, device=DEVICE)
        watch.waits.clear()
        planner.plan(costs(watch))
        assert watch.waits == READ


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("preset", ["online", "full"])
def test_numbers_that_arrive_meanwhile_are_no_wait(preset, noise):
    with fake_cuda() as watch:
        planner = made(preset)
        watch.waits.clear()
        watch.behind = False
        watch.number = lambda x: 1.0 if on_device(x) else float(noise)
        planner.plan(costs(watch, 2), batch=2)
        assert planner._ties.noise.seen == noise
        assert watch.waits == READ


@pytest.mark.parametrize(
    ("settings", "dtype"),
    [
        ({"chunk": 100}, torch.float64),
        ({"draws": "gaussian", "covariance": "diagonal"}, torch.bfloat16),
        ({"num_samples": 7}, torch.float64),
        ({"iterations": 1}, torch.int64),
    ],
    ids=str,
)
def test_other_settings_and_costs_of_other_types_do_not_wait(settings, dtype):
    with fake_cuda() as watch:
        planner = made("online", **settings)
        watch.waits.clear()
        assert is_on_the_device(planner.plan(costs(watch, dtype=dtype)))
        assert watch.waits == READ


def test_what_is_given_on_the_device_is_read_first():
    with fake_cuda() as watch:
        planner, plan = made("mppi"), torch.zeros(1, 3, 2, device=DEVICE)
        watch.waits.clear()
        planner.plan(costs(watch), warm_start=plan, prior=(plan, plan + 1))
        assert watch.waits == ["warm_start.check", "prior.read", *READ]
