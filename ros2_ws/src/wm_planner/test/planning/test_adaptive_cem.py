import pytest
import torch

from wm_planner.planning import NoFiniteCostError, SettingsError, make_planner, shift

TARGET = torch.linspace(-1, 1, 12).view(1, 4, 3)


def planner(**settings):
    return make_planner("full", action_dim=3, horizon=4, patience=0, **settings)


def spread(actions):
    """(H, A) standard deviation of the candidates of one call that do not look elsewhere."""
    return actions[0, : round(0.95 * actions.shape[1])].std(0)


def test_first_candidate_is_the_warm_start(bowl, recorder):
    cost = recorder(bowl(TARGET))
    planner().plan(cost, warm_start=0.3 * TARGET)
    torch.testing.assert_close(cost.actions[0][:, 0], 0.3 * TARGET, rtol=0, atol=0)


def test_result_is_never_worse_than_the_warm_start(bowl):
    result = planner(iterations=1).plan(bowl(TARGET), warm_start=TARGET)
    torch.testing.assert_close(result.actions, TARGET, rtol=0, atol=0)


def test_candidates_of_a_cold_start_spread_by_sigma(bowl, recorder):
    cost = recorder(bowl(TARGET))
    planner(sigma=0.4).plan(cost)
    torch.testing.assert_close(spread(cost.actions[0]), torch.full((4, 3), 0.4), atol=0.05, rtol=0)


def test_sigma_is_at_most_a_fraction_of_half_the_box(bowl, recorder):
    cost = recorder(bowl(TARGET))
    bounds = (torch.tensor([-0.1, -9.0, 0.0]), torch.tensor([0.1, 9.0, 2.0]))
    planner(bounds=bounds, sigma=1.0, box_fraction=0.5).plan(
        cost, warm_start=0.5 * torch.ones(1, 4, 3)
    )
    first = planner(bounds=bounds)
    torch.testing.assert_close(first._sigma, torch.tensor([0.05, 1.0, 0.5]).repeat(4))


def test_warm_start_is_narrow_for_planned_steps_and_wide_for_new_ones(bowl, recorder):
    for given, narrow in ((4, 3), (2, 2), (1, 1)):
        cost = recorder(bowl(TARGET))
        planner(warm_sigma=0.2, warm_tail_sigma=0.8).plan(cost, warm_start=TARGET[:, :given])
        deviations = spread(cost.actions[0]).mean(-1)
        torch.testing.assert_close(
            deviations[:narrow], torch.full((narrow,), 0.2), atol=0.04, rtol=0
        )
        torch.testing.assert_close(
            deviations[narrow:], torch.full((4 - narrow,), 0.8), atol=0.15, rtol=0
        )


def test_width_falls_to_final_sigma_without_learning(bowl, recorder):
    cost = recorder(bowl(TARGET))
    planner(learning_rate=0.0, final_sigma=0.1, iterations=10, haste=1.0).plan(cost)
    last = spread(cost.iterations()[-1]).mean().item()
    assert last == pytest.approx(0.1 ** (19 / 20), rel=0.1)


def test_covariance_narrows_where_the_cost_is_steep(recorder):
    def cost(actions):
        return 100 * actions[..., 0].square().sum(-1) + 0.01 * actions[..., 1:].sum((-1, -2))

    seen = recorder(cost)
    planner(iterations=12).plan(seen)
    steep, _, flat = spread(seen.iterations()[-1]).mean(0).tolist()
    assert steep < 0.2 * flat


def test_impossible_candidates_move_nothing(bowl, recorder):
    cost = recorder(lambda actions: torch.full(actions.shape[:2], torch.nan))
    with pytest.raises(NoFiniteCostError):
        planner(iterations=5).plan(cost, warm_start=0.3 * TARGET)
    last = cost.iterations()[-1][:, :142]  # without those that look elsewhere
    torch.testing.assert_close(last.mean(1), 0.3 * TARGET, atol=0.05, rtol=0)


def test_mean_follows_the_few_possible_candidates_only():
    def cost(actions):  # about 5 of 300 are possible
        return torch.where(actions[..., 0, 0] > 2.0, actions[..., 0, 0], torch.nan)

    result = planner(iterations=1, repulsion=0.0, draws="gaussian", seed=1).plan(cost)
    assert result.mean[0, 0, 0] > 0.1
    assert result.mean[0].abs().amax() == result.mean[0, 0, 0]


def test_full_covariance_beats_the_diagonal_on_a_narrow_valley():
    generator = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(12, 12, generator=generator))[0]
    weights = torch.logspace(-2, 2, 12)

    def cost(actions):
        return (((actions - 0.5).flatten(-2) @ rotation) ** 2 * weights).sum(-1)

    full, diagonal = (
        planner(covariance=kind).plan(cost).cost.item() for kind in ("full", "diagonal")
    )
    assert full < 0.5 * diagonal


def test_warm_start_takes_over_the_shape_of_the_last_covariance(recorder):
    def cost(actions):
        return 100 * (actions[..., 0] - 0.3).square().sum(-1) + actions[..., 1:].square().sum(
            (-1, -2)
        )

    narrowness = {}
    for carry in (0.0, 0.8):
        solver = planner(carry=carry)
        first = solver.plan(cost)
        seen = recorder(cost)
        solver.plan(seen, warm_start=shift(first.actions))
        deviations = spread(seen.actions[0])[:3].mean(0)
        narrowness[carry] = (deviations[0] / deviations[1]).item()
    assert narrowness[0.0] == pytest.approx(1.0, rel=0.2)
    assert narrowness[0.8] < 0.6


def test_widths_do_not_add_up_over_replans(recorder):
    bounds = (torch.tensor([-0.1, -9.0, -9.0]), torch.tensor([0.1, 9.0, 9.0]))
    solver = planner(bounds=bounds, learning_rate=0.0, warm_sigma=0.5, warm_tail_sigma=0.5)
    for _ in range(12):
        seen = recorder(lambda actions: actions.sum((-1, -2)))
        solver.plan(seen, warm_start=torch.zeros(1, 4, 3))
    deviations = spread(seen.actions[0]).mean(0)
    torch.testing.assert_close(deviations, torch.tensor([0.025, 0.5, 0.5]), atol=0.1, rtol=0.15)


def test_cold_start_and_reset_take_over_nothing(bowl):
    solver = planner(draws="gaussian")
    solver.plan(bowl(TARGET))
    solver.reset()
    warm = solver.plan(bowl(TARGET), warm_start=TARGET)
    new = planner(draws="gaussian").plan(bowl(TARGET), warm_start=TARGET)
    assert torch.equal(warm.actions, new.actions)


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_a_plan_that_fails_does_not_change_the_shape_for_the_next_one(steps, bowl):
    solvers = planner(draws="gaussian"), planner(draws="gaussian")
    plans = [solver.plan(bowl(TARGET)) for solver in solvers]
    calls = iter(range(9))
    with pytest.raises(ZeroDivisionError):
        solvers[0].plan(
            lambda actions: actions.sum((-1, -2)) / (1 // (5 - next(calls))),
            warm_start=TARGET[:, :steps],
        )
    factors = [solver._first_factor(1, 4, None) for solver in solvers]
    assert torch.equal(*factors)
    assert torch.equal(plans[0].actions, plans[1].actions)


def test_another_batch_size_takes_over_nothing(bowl):
    solver = planner()
    solver.plan(bowl(TARGET))
    both = TARGET.expand(2, -1, -1)
    solver.plan(bowl(both), batch=2, warm_start=both)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("num_samples", 1),
        ("num_elites", 301),
        ("num_elites", 0),
        ("iterations", 0),
        ("sigma", 0.0),
        ("sigma", float("inf")),
        ("box_fraction", 0.0),
        ("shape_fraction", 1.5),
        ("repulsion", -0.1),
        ("step", 0.0),
        ("broad", 1.1),
        ("broad_color", -0.1),
        ("widening", 0.9),
        ("learning_rate", 2.0),
        ("warm_learning_rate", -1.1),
        ("final_sigma", -0.1),
        ("haste", 0.0),
        ("draws", "sobol"),
        ("covariance", "block"),
        ("color", 9.0),
        ("warm_sigma", 0.0),
        ("warm_tail_sigma", float("nan")),
        ("carry", 1.1),
    ],
)
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(SettingsError, match=setting):
        planner(**{setting: value})


@pytest.mark.usefixtures("host_or_device")
def test_the_mean_goes_back_to_the_best_plan_seen_if_the_search_has_left_it(recorder):
    lucky = []

    def cost(actions):
        costs = 1.0 + actions.square().sum((-1, -2))
        if not lucky:
            lucky.append(actions[0, 20].clone())
            costs[0, 20] = 0.0  # and nowhere near it
        return costs

    seen = recorder(cost)
    planner(num_samples=64, iterations=10).plan(seen)
    before, after = (seen.iterations()[call][0, :29].mean(0) for call in (13, 14))  # a look between
    assert (before - lucky[0]).norm() > 0.3 * lucky[0].norm()
    assert (after - lucky[0]).norm() < 0.1 * lucky[0].norm()


def test_a_warm_start_filled_up_by_its_last_action_is_tried_with_zeros_too(bowl, recorder):
    warm = shift(TARGET + 0.1, 2)
    cost = recorder(bowl(TARGET))
    planner().plan(cost, warm_start=warm)
    rests = warm.clone()
    rests[:, 2:] = 0.0
    tried = (cost.actions[0] == rests.unsqueeze(1)).all(-1).all(-1)
    assert tried.sum() == 1
