"""Properties of every planner."""

import math

import pytest
import torch

from wm_planner.config import PRESETS
from wm_planner.planning import (
    BoundsError,
    CostShapeError,
    NoFiniteCostError,
    SettingsError,
    make_planner,
    shift,
)

SEARCHES = ["online", "full", "mppi", "dino_wm"]
ALL = [*SEARCHES, "gradient", "cem_gd"]
BOX = (-0.5, torch.tensor([0.25, 1.0]))


def target(batch=1, horizon=4, dims=2):
    return torch.linspace(-1, 1, batch * horizon * dims).view(batch, horizon, dims)


def inside(actions):
    return bool((actions >= -0.5).all() and (actions <= torch.tensor([0.25, 1.0])).all())


@pytest.mark.parametrize("preset", ALL)
def test_every_evaluated_and_returned_action_is_inside_the_bounds(preset, bowl, recorder):
    cost = recorder(bowl(3 * target(2)))
    planner = make_planner(preset, action_dim=2, horizon=4, bounds=BOX)
    result = planner.plan(cost, batch=2, warm_start=torch.full((2, 4, 2), 9.0))
    assert all(inside(actions) for actions in cost.actions)
    assert inside(result.actions)
    assert inside(result.mean)


@pytest.mark.parametrize("preset", ALL)
def test_bounds_without_width_give_that_action(preset, bowl):
    planner = make_planner(preset, action_dim=2, horizon=4, bounds=(0.3, 0.3))
    result = planner.plan(bowl(target()))
    torch.testing.assert_close(result.actions, torch.full((1, 4, 2), 0.3))
    again = planner.plan(bowl(target()), warm_start=shift(result.actions))
    torch.testing.assert_close(again.actions, result.actions)


@pytest.mark.parametrize("preset", ALL)
def test_one_open_side_of_the_box_is_allowed(preset, bowl):
    planner = make_planner(preset, action_dim=2, horizon=4, bounds=(0.0, math.inf))
    result = planner.plan(bowl(target()))
    assert bool((result.actions >= 0).all())


@pytest.mark.parametrize("preset", ALL)
def test_cost_in_the_result_is_the_cost_of_its_actions(preset, bowl):
    cost = bowl(target(3))
    result = make_planner(preset, action_dim=2, horizon=4).plan(cost, batch=3)
    torch.testing.assert_close(result.cost, cost(result.actions.unsqueeze(1))[:, 0])
    assert result.cost.shape == (3,)
    assert result.cost_history.shape == (result.iterations, 3)
    assert len(result.timings.iterations) == result.iterations


@pytest.mark.parametrize("preset", ["online", "full", "mppi", "gradient", "cem_gd"])
def test_best_candidate_ever_evaluated_is_returned(preset, bowl, recorder):
    cost = recorder(bowl(target()))
    result = make_planner(preset, action_dim=2, horizon=4).plan(cost)
    torch.testing.assert_close(result.cost, cost.everything()[1].amin(dim=1))


@pytest.mark.parametrize("preset", ALL)
def test_same_seed_gives_the_same_plans_and_reset_starts_again(preset, bowl):
    first, second = (make_planner(preset, action_dim=2, horizon=4, seed=5) for _ in range(2))
    plans = [first.plan(bowl(target())), first.plan(bowl(target()))]
    again = [second.plan(bowl(target())), second.plan(bowl(target()))]
    for one, other in zip(plans, again, strict=True):
        assert torch.equal(one.actions, other.actions)
    first.plan(bowl(target()), warm_start=shift(plans[0].actions))
    first.reset()
    assert torch.equal(first.plan(bowl(target())).actions, plans[0].actions)


@pytest.mark.parametrize("preset", ["online", "full", "mppi"])
def test_other_seeds_give_other_candidates(preset, bowl, recorder):
    seen = []
    for seed in (0, 1):
        cost = recorder(bowl(target()))
        make_planner(preset, action_dim=2, horizon=4, seed=seed).plan(cost)
        seen.append(cost.actions[0])
    assert not torch.equal(*seen)


@pytest.mark.parametrize("preset", ALL)
def test_global_generator_is_not_used(preset, bowl):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    make_planner(preset, action_dim=2, horizon=4).plan(bowl(target()))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("preset", ["online", "full", "mppi", "gradient", "cem_gd"])
def test_problem_of_a_batch_is_planned_as_it_is_alone(preset, bowl):
    targets = target(3)
    together = make_planner(preset, action_dim=2, horizon=4, bounds=BOX)
    results = [together.plan(bowl(targets), batch=3)]
    results.append(together.plan(bowl(targets), batch=3, warm_start=shift(results[0].actions)))
    for b in range(3):
        alone = make_planner(preset, action_dim=2, horizon=4, bounds=BOX)
        cost = bowl(targets[b : b + 1])
        cold = alone.plan(cost)
        warm = alone.plan(cost, warm_start=shift(cold.actions))
        for result, one in zip(results, (cold, warm), strict=True):
            torch.testing.assert_close(result.actions[b], one.actions[0])


@pytest.mark.parametrize("preset", [*SEARCHES, "gradient"])
@pytest.mark.parametrize("chunk", [1, 7, 64, 10_000])
def test_result_does_not_depend_on_the_chunk(preset, chunk, bowl):
    plans = [
        make_planner(preset, action_dim=2, horizon=4, iterations=4, chunk=size).plan(
            bowl(target(2)), batch=2
        )
        for size in (None, chunk)
    ]
    torch.testing.assert_close(plans[0].actions, plans[1].actions)


@pytest.mark.parametrize("preset", ALL)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_impossible_candidates_are_never_returned(preset, bad, bowl):
    def cost(actions):
        good = bowl(target())(actions)
        return torch.where(actions.sum((-1, -2)) > 0, bad, good)

    result = make_planner(preset, action_dim=2, horizon=4, seed=1).plan(cost)
    assert result.cost.isfinite().all()
    assert result.actions.sum() <= 0


@pytest.mark.parametrize("preset", ALL)
def test_search_survives_a_first_iteration_without_a_possible_candidate(preset, bowl):
    calls = []

    def cost(actions):
        first = sum(calls) < {"cem_gd": 128, "gradient": 8}.get(preset, 300)
        calls.append(actions.shape[1])
        values = bowl(target())(actions)
        return values * math.nan if first else values

    planner = make_planner(preset, action_dim=2, horizon=4)
    result = planner.plan(cost)
    assert result.cost.isfinite().all()
    assert result.cost_history[0].isinf().all()


@pytest.mark.parametrize("preset", ALL)
def test_plan_without_any_possible_candidate_fails_and_names_the_problem(preset, bowl):
    def cost(actions):
        values = bowl(target(3))(actions)
        values[1] = values[1] * math.nan
        return values

    with pytest.raises(NoFiniteCostError, match="problem 1") as caught:
        make_planner(preset, action_dim=2, horizon=4).plan(cost, batch=3)
    assert caught.value.problems == [1]


@pytest.mark.parametrize("preset", SEARCHES)
@pytest.mark.parametrize("wrong", [lambda c: c[0], lambda c: c[..., None], lambda c: 1.0])
def test_cost_of_another_shape_is_refused(preset, wrong, bowl):
    with pytest.raises(CostShapeError, match=r"\(2, \d+\)"):
        make_planner(preset, action_dim=2, horizon=4).plan(
            lambda a: wrong(bowl(target(2))(a)), batch=2
        )


@pytest.mark.parametrize(
    "bounds",
    [
        (1.0, -1.0),
        (math.nan, 1.0),
        ([0.0, 0.0, 0.0], 1.0),
        (0.0,),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (torch.zeros(2, 2), 1.0),
    ],
)
def test_bounds_that_leave_no_box_are_refused(bounds):
    with pytest.raises(BoundsError, match="bounds"):
        make_planner("online", action_dim=2, horizon=4, bounds=bounds)


@pytest.mark.parametrize(("name", "value"), [("action_dim", 0), ("horizon", 0), ("horizon", 2.5)])
def test_sizes_out_of_range_are_refused(name, value):
    with pytest.raises(SettingsError, match=name):
        make_planner("online", **{"action_dim": 2, "horizon": 4, name: value})


def test_batch_below_one_is_refused(bowl):
    with pytest.raises(SettingsError, match="batch"):
        make_planner("online", action_dim=2, horizon=4).plan(bowl(target()), batch=0)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_plan_leaves_no_graph_and_shares_no_memory(preset, bowl):
    weight = torch.ones((), requires_grad=True)
    planner = make_planner(preset, action_dim=2, horizon=4)
    first = planner.plan(lambda a: bowl(target())(a) * weight)
    kept = first.actions.clone()
    planner.plan(lambda a: bowl(-target())(a) * weight)
    assert torch.equal(first.actions, kept)
    assert not first.cost.requires_grad


@pytest.mark.parametrize("preset", SEARCHES)
def test_plan_works_in_inference_mode(preset, bowl):
    with torch.inference_mode():
        planner = make_planner(preset, action_dim=2, horizon=4)
        result = planner.plan(bowl(target()))
        planner.plan(bowl(target()), warm_start=shift(result.actions))
    assert result.cost.isfinite().all()
