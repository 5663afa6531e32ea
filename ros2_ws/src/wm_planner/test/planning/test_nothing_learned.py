"""A search that cannot tell its candidates apart learns nothing, and knows it.

Candidates are judged as they reach the cost function, in order, whatever the planner does between.
"""

import math

import pytest
import torch
from torch import Tensor

from wm_planner.planning import StopReason, make_planner, shift

GUESS = torch.linspace(-1, 1, 12).view(1, 4, 3)
ZERO = torch.zeros(1, 4, 3)
SEARCHES = ["full", "mppi"]
SIZES = [(300, 5), (300, 30), (64, 10)]

both_ways = pytest.mark.usefixtures("host_or_device")


def planner(preset="full", **settings):
    return make_planner(preset, action_dim=3, horizon=4, **settings)


def flat(value=1.0, dtype=torch.float32):
    return lambda actions: torch.full(actions.shape[:2], value, dtype=dtype)


def noise(seed, deviation=1e-3, offset=0.0):
    generator = torch.Generator().manual_seed(seed)
    return lambda a: offset + deviation * torch.randn(a.shape[:2], generator=generator)


def candidates(seen) -> Tensor:
    """All candidates (B, n, H, A) in order, without the last mean."""
    return torch.cat(seen.iterations(), dim=1)


def first(seen) -> Tensor:
    return candidates(seen)[:, :300]


def last(seen) -> Tensor:
    return candidates(seen)[:, -150:]


def width(actions: Tensor) -> Tensor:
    """Return the (B,) typical deviation of candidates (B, n, H, A)."""
    return actions.std(dim=1).mean(dim=(1, 2))


def assert_as_wide(some: Tensor, others: Tensor) -> None:
    torch.testing.assert_close(width(some), width(others), rtol=0.15, atol=0.0)


@both_ways
@pytest.mark.parametrize("preset", SEARCHES)
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("value", [0.0, 1.0, -7e9])
def test_a_plan_of_a_flat_cost_is_the_first_guess(preset, warm, value):
    result = planner(preset).plan(flat(value), warm_start=GUESS if warm else None)
    assert result.learned == (False,)
    assert torch.equal(result.actions, GUESS if warm else ZERO)
    assert torch.equal(result.mean, result.actions)
    assert result.cost.item() == pytest.approx(value)


@both_ways
@pytest.mark.parametrize("preset", SEARCHES)
def test_a_flat_cost_is_searched_to_the_end_as_widely_as_at_the_beginning(preset, recorder):
    seen = recorder(flat())
    result = planner(preset, patience=2).plan(seen)
    assert (result.stop_reason, result.iterations) == (StopReason.ITERATIONS, 30)
    assert_as_wide(last(seen), first(seen))
    assert last(seen).mean(dim=1).abs().max() < 0.3


@both_ways
@pytest.mark.parametrize("preset", SEARCHES)
@pytest.mark.parametrize("impossible", [math.nan, math.inf])
def test_impossible_candidates_do_not_make_a_flat_cost_informative(preset, impossible, recorder):
    def cost(actions):
        return torch.where(actions[..., 0, 0] > 0.5, impossible, 2.0)

    seen = recorder(cost)
    result = planner(preset).plan(seen)
    assert result.learned == (False,)
    assert torch.equal(result.actions, ZERO)
    assert_as_wide(last(seen), first(seen))


@both_ways
def test_if_the_first_guess_is_impossible_the_plan_is_another_candidate():
    def cost(actions):
        return torch.where(actions[..., 0, 0] < 0.5, torch.inf, 2.0)

    result = planner().plan(cost)
    assert result.learned == (False,)
    assert result.actions[0, 0, 0] >= 0.5
    assert result.cost.item() == 2.0


@both_ways
@pytest.mark.parametrize(("samples", "iterations"), SIZES)
def test_hardly_any_new_planner_learns_from_noise(samples, iterations, recorder):
    fooled = 0
    for seed in range(20):
        seen = recorder(noise(seed))
        size = {"num_samples": samples, "iterations": iterations}
        result = planner(seed=seed, **size).plan(seen)
        assert result.iterations == iterations  # patience does not stop it
        fooled += result.learned[0]
        if not result.learned[0]:
            assert torch.equal(result.actions, ZERO)
            assert_as_wide(last(seen), first(seen))
    assert fooled <= 1


@both_ways
@pytest.mark.parametrize("size", [{"num_samples": 16}, {"num_samples": 30}])
def test_hardly_any_small_planner_learns_from_noise(size):
    fooled = 0
    for seed in range(20):
        small = make_planner("full", action_dim=1, horizon=2, iterations=10, seed=seed, **size)
        fooled += small.plan(noise(seed)).learned[0]
    assert fooled <= 1


@both_ways
def test_hardly_any_of_many_plans_learns_from_noise():
    solver, cost = planner(iterations=5), noise(0)
    assert sum(solver.plan(cost).learned[0] for _ in range(40)) <= 1


@both_ways
@pytest.mark.parametrize("offset", [1e2, 1e6, -1e9, 1e30])
def test_noise_beside_a_large_offset_teaches_nothing(offset):
    results = [planner(seed=seed).plan(noise(seed, offset=offset)) for seed in range(5)]
    assert sum(result.learned[0] for result in results) <= 1


@both_ways
@pytest.mark.parametrize("preset", SEARCHES)
def test_differences_of_the_last_place_teach_nothing(preset, recorder):
    def cost(actions):
        return 3.0 + 2.4e-7 * (actions[..., 0, 0] > 0)

    assert cost(torch.ones(1, 1, 4, 3)) > 3.0
    seen = recorder(cost)
    result = planner(preset).plan(seen)
    assert result.learned == (False,)
    assert_as_wide(last(seen), first(seen))


@both_ways
def test_noise_of_an_earlier_goal_does_not_hide_a_small_cost(bowl):
    solver, large = planner("online"), noise(0, deviation=1e3)
    solver.plan(lambda actions: 1e6 * actions.square().sum((-1, -2)) + large(actions))
    result = solver.plan(bowl(GUESS))
    assert result.learned == (True,)
    assert result.cost < 0.1 * bowl(GUESS)(ZERO.unsqueeze(1)).item()


@both_ways
def test_a_signal_beside_noise_is_followed(bowl):
    true = bowl(GUESS)
    start = true(ZERO.unsqueeze(1)).item()
    for seed in range(4):
        error = noise(seed, deviation=0.02 * start)
        result = planner("online", seed=seed).plan(lambda a, e=error: true(a) + e(a))
        assert result.learned == (True,)
        assert true(result.actions.unsqueeze(1)).item() < 0.3 * start


@both_ways
def test_one_better_candidate_is_enough_to_search_near_it(recorder):
    seen = recorder(lambda actions: (actions[..., 0, 0] <= 2.5).float())  # 0.6 % are better
    result = planner(patience=0).plan(seen)
    assert (first(seen)[0, :, 0, 0] > 2.5).sum() <= 5
    assert result.learned == (True,)
    assert result.cost.item() == 0.0
    assert (last(seen)[0, :, 0, 0] > 2.5).float().mean() > 0.6


@both_ways
def test_candidates_that_share_the_best_cost_are_told_from_the_others(recorder):
    seen = recorder(lambda actions: (actions[..., 0, 0] < 0.3).float())
    result = planner(patience=0).plan(seen)
    assert result.learned == (True,)
    assert result.cost.item() == 0.0
    assert (last(seen)[0, :, 0, 0] > 0.3).float().mean() > 0.75


@both_ways
def test_steps_of_a_cost_are_descended_farther_than_by_narrowing_blindly():
    generator = torch.Generator().manual_seed(9)
    target = 2.0 * torch.randn(5, 6, generator=generator)

    def cost(actions):
        return ((actions - target).square().sum((-1, -2)) / 8.0).floor() * 8.0

    reached = {}
    for preset, settings in (("full", {}), ("dino_wm", {"num_elites": 6})):
        size = {"num_samples": 64, "iterations": 10, "patience": 0, "action_dim": 6, "horizon": 5}
        plans = [make_planner(preset, seed=s, **size, **settings).plan(cost) for s in range(6)]
        reached[preset] = sum(plan.cost.item() for plan in plans)
    assert reached["full"] < 0.5 * reached["dino_wm"]


@both_ways
@pytest.mark.parametrize("preset", SEARCHES)
def test_a_warm_start_on_a_flat_cost_is_not_narrowed(preset, recorder):
    seen = recorder(flat())
    planner(preset).plan(seen, warm_start=GUESS)
    assert width(last(seen)) > 0.85 * width(first(seen))


@both_ways
def test_a_warm_start_on_a_flat_cost_widens_to_a_cold_start(recorder):
    cold, warm = recorder(flat()), recorder(flat())
    planner().plan(cold)
    planner().plan(warm, warm_start=GUESS)
    assert (width(first(warm)) < 0.9 * width(first(cold))).all()
    assert (width(last(warm)) > 0.95 * width(last(cold))).all()


@both_ways
def test_after_a_plan_that_learned_nothing_a_warm_start_is_as_wide_as_a_cold_one(bowl, recorder):
    widths = {}
    for name, cost in (("nothing", flat()), ("something", bowl(GUESS))):
        solver = planner("online")
        plan = solver.plan(cost)
        seen = recorder(flat())
        solver.plan(seen, warm_start=shift(plan.actions))
        widths[name] = width(first(seen)).item()
    seen = recorder(flat())
    planner("online").plan(seen)
    assert widths["nothing"] == pytest.approx(width(first(seen)).item(), rel=0.15)
    assert widths["something"] < 0.85 * widths["nothing"]


@both_ways
@pytest.mark.parametrize("preset", SEARCHES)
def test_each_problem_searches_as_it_does_alone(preset, bowl, recorder):
    def two(actions):
        return torch.cat([flat()(actions[:1]), bowl(GUESS)(actions[1:])])

    def plans(cost, batch):
        solver, seen = planner(preset, seed=3, patience=0), recorder(cost)
        plan = solver.plan(seen, batch=batch)
        again = solver.plan(seen, batch=batch, warm_start=shift(plan.actions))
        return (plan.learned, again.learned), candidates(seen)

    learned, tried = plans(two, 2)
    assert learned == ((False, True), (False, True))
    for problem, cost in enumerate((flat(), bowl(GUESS))):
        torch.testing.assert_close(tried[problem], plans(cost, 1)[1][0])


@both_ways
@pytest.mark.parametrize("preset", ["full", "online", "mppi", "dino_wm", "gradient", "cem_gd"])
def test_every_search_says_whether_it_learned(preset, bowl):
    assert planner(preset).plan(lambda a: 0.0 * a.sum((-1, -2)) + 3.0).learned == (False,)
    assert planner(preset).plan(bowl(GUESS)).learned == (True,)


@both_ways
def test_a_descent_in_which_all_tie_does_not_hide_what_its_search_learned():
    def cost(actions):
        return 1.0 + (actions[..., 0, 0] < 0.3) + 0.0 * actions.sum((-1, -2))

    descent = {"descent_sigma": 1e-3, "descent_samples": 2}
    result = planner("cem_gd", **descent).plan(cost)
    assert (result.learned, result.cost.item()) == ((True,), 1.0)


@pytest.mark.parametrize("preset", ["random", "mppi"])
def test_one_candidate_cannot_tie(preset):
    settings = {} if preset == "random" else {"num_samples": 1}
    assert planner(preset, **settings).plan(flat()).learned == (True,)


@pytest.mark.usefixtures("host_or_device")
def test_one_unit_of_rounding_moves_nothing():
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)

        def flat(actions, generator=generator):
            steps = (0.6 * torch.randn(actions.shape[:2], generator=generator)).round().clamp(-2, 2)
            return 1.0 + 0.999 * 2.0**-23 * steps

        planner = make_planner("full", action_dim=1, horizon=2, num_samples=16, iterations=10)
        result = planner.plan(flat)
        assert result.learned == (False,)
        assert bool((result.actions == 0).all())
        assert bool((result.mean == 0).all())


def test_a_descent_whose_plans_are_alike_learns_from_its_gradient():
    def cost(actions):
        return ((actions - 0.3) ** 2).sum((-1, -2))

    planner = make_planner("gradient", action_dim=1, horizon=2, num_samples=8, sigma=0.0)
    result = planner.plan(cost)
    assert result.learned == (True,)
    assert result.cost < 1e-3
    flat = planner.plan(lambda actions: 1.0 + 0.0 * actions.sum((-1, -2)))
    assert flat.learned == (False,)


@pytest.mark.parametrize("std", [math.inf, 1e6])
def test_a_prior_does_not_keep_a_warm_start_narrow_after_a_plan_that_learned_nothing(std):
    seen = []

    def flat(actions):
        if actions.shape[1] > 1:
            seen.append(actions[0, :, 0, 0].std().item())
        return torch.ones(actions.shape[:2])

    planner = make_planner("online", action_dim=1, horizon=4)
    planner.plan(flat)
    seen.clear()
    planner.plan(flat, warm_start=torch.zeros(1, 4, 1), prior=(0.0, std))
    assert seen[0] > 0.9


def test_noise_is_measured_anew_after_a_plan_that_learned_nothing():
    generator = torch.Generator().manual_seed(0)
    planner = make_planner("online", action_dim=1, horizon=2)
    loud = planner.plan(lambda a: 10 * torch.randn(a.shape[:2], generator=generator))
    assert loud.learned == (False,)
    result = planner.plan(lambda a: ((a - 0.5) ** 2).sum((-1, -2)), warm_start=torch.zeros(1, 2, 1))
    assert result.learned == (True,)
    assert result.cost < 0.05


@pytest.mark.parametrize("preset", ["online", "full", "mppi", "dino_wm", "cem_gd", "gradient"])
@pytest.mark.parametrize("inside_first", [True, False])
@pytest.mark.parametrize("deviation", [0.0, 0.2])
def test_a_planner_works_inside_and_outside_of_inference_mode(preset, inside_first, deviation):
    planner, error = make_planner(preset, action_dim=1, horizon=3), noise(0, deviation)
    for inside in (inside_first, not inside_first, inside_first):
        for dtype in (torch.float32, torch.float64):
            with torch.inference_mode(inside):
                planner.plan(lambda a, d=dtype: (((a - 0.5) ** 2).sum((-1, -2)) + error(a)).to(d))
