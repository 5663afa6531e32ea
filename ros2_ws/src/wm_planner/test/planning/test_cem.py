import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wm_planner.planning import SettingsError, make_planner

TRACE = Path(__file__).parents[1] / "data" / "dino_wm" / "plan_trace.npz"


def restated(cost, generator, *, batch, horizon, dims, samples, elites, steps, sigma=1.0, mu=None):
    """DINO-WM's rule, problem by problem and step by step; cost(b, actions (S, H, A)) -> (S,)."""
    means = torch.zeros(batch, horizon, dims)
    if mu is not None:
        means[:, : mu.shape[1]] = mu
    deviations = sigma * torch.ones(batch, horizon, dims)
    for _ in range(steps):
        for b in range(batch):
            draws = torch.randn(samples, horizon, dims, generator=generator)
            actions = draws * deviations[b] + means[b]
            actions[0] = means[b]
            order = torch.argsort(cost(b, actions))[:elites]
            means[b] = actions[order].mean(dim=0)
            deviations[b] = actions[order].std(dim=0)
    return means


def test_dino_wm_preset_reproduces_the_recorded_run_of_dino_wm():
    trace = np.load(TRACE)
    run = json.loads(str(trace["settings"]))
    seen = []

    def cost(actions):
        if actions.shape[1] == 1:  # the returned mean, which DINO-WM does not evaluate
            return torch.zeros(1, 1)
        seen.append(actions.clone())
        return torch.from_numpy(trace["sampled_losses"][len(seen) - 1])[None]

    planner = make_planner(
        "dino_wm",
        action_dim=run["action_dim"],
        horizon=run["horizon"],
        seed=0,
        num_samples=run["samples"],
        num_elites=run["topk"],
        iterations=run["steps"],
    )
    result = planner.plan(cost)
    np.testing.assert_array_equal(torch.cat(seen).numpy(), trace["sampled_actions"])
    np.testing.assert_allclose(result.actions.numpy(), trace["mu"], atol=1e-6)
    np.testing.assert_allclose(torch.stack(seen)[1:, 0, 0].numpy(), trace["mus"][:-1, 0], atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(
    batch=st.integers(1, 3),
    horizon=st.integers(1, 6),
    dims=st.integers(1, 7),
    samples=st.integers(8, 60),
    steps=st.integers(1, 6),
    warm=st.integers(0, 6),
    sigma=st.floats(0.3, 2.0),
    seed=st.integers(0, 999),
)
def test_dino_wm_preset_equals_the_restated_rule(
    batch, horizon, dims, samples, steps, warm, sigma, seed
):
    target = torch.randn(batch, horizon, dims, generator=torch.Generator().manual_seed(seed))
    mu = 0.5 * target[:, : min(warm, horizon)]
    elites = max(2, samples // 4)

    def each(b, actions):
        return ((actions - target[b]) ** 2).sum((-1, -2)) + actions.sin().sum((-1, -2))

    def cost(actions):
        return torch.stack([each(b, actions[b]) for b in range(batch)])

    expected = restated(
        each,
        torch.Generator().manual_seed(seed),
        batch=batch,
        horizon=horizon,
        dims=dims,
        samples=samples,
        elites=elites,
        steps=steps,
        sigma=sigma,
        mu=mu,
    )
    planner = make_planner(
        "dino_wm",
        action_dim=dims,
        horizon=horizon,
        seed=seed,
        num_samples=samples,
        num_elites=elites,
        iterations=steps,
        sigma=sigma,
    )
    result = planner.plan(cost, batch=batch, warm_start=mu)
    torch.testing.assert_close(result.actions, expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(result.cost, cost(expected.unsqueeze(1))[:, 0])


def test_first_candidate_is_the_mean(bowl, recorder):
    cost = recorder(bowl(torch.zeros(1, 3, 2)))
    mean = torch.full((1, 3, 2), 0.7)
    make_planner("dino_wm", action_dim=2, horizon=3).plan(cost, warm_start=mean)
    torch.testing.assert_close(cost.actions[0][:, 0], mean, rtol=0, atol=0)


def test_short_warm_start_is_completed_by_zeros_or_by_repeating(bowl, recorder):
    warm = torch.tensor([[[0.5, -0.5]]])
    for pad, last in (("zero", [0.0, 0.0]), ("repeat", [0.5, -0.5])):
        cost = recorder(bowl(torch.zeros(1, 3, 2)))
        make_planner("dino_wm", action_dim=2, horizon=3, pad=pad).plan(cost, warm_start=warm)
        assert cost.actions[0][0, 0].tolist() == [[0.5, -0.5], last, last]


def test_warm_start_is_left_as_it_is(bowl):
    warm = torch.ones(1, 3, 2)
    make_planner("dino_wm", action_dim=2, horizon=3).plan(bowl(-warm), warm_start=warm)
    assert bool((warm == 1).all())


def test_best_returns_the_best_candidate_instead_of_the_mean(bowl, recorder):
    cost = recorder(bowl(torch.ones(2, 3, 2)))
    planner = make_planner("dino_wm", action_dim=2, horizon=3, returns="best", iterations=3)
    result = planner.plan(cost, batch=2)
    torch.testing.assert_close(result.cost, cost.everything()[1].amin(1))


def test_best_candidate_is_returned_if_the_mean_is_impossible():
    def cost(actions):  # impossible near the middle, where the mean of the elites falls
        middle = actions.abs().amax((-1, -2))
        return torch.where(middle < 0.5, torch.nan, middle)

    planner = make_planner(
        "dino_wm", action_dim=1, horizon=1, iterations=1, num_samples=400, num_elites=100
    )
    result = planner.plan(cost)
    assert result.actions.abs().item() >= 0.5
    assert result.cost.item() == pytest.approx(result.actions.abs().item())


def test_impossible_candidates_are_no_elites():
    def cost(actions):  # 3 of 300 possible in the mean
        return torch.where(actions.amax((-1, -2)) < -2.3, torch.ones(()), torch.inf)

    planner = make_planner("dino_wm", action_dim=1, horizon=1, iterations=1, seed=3)
    assert planner.plan(cost).mean.item() < -2.3


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("num_elites", 301),
        ("num_elites", 1),
        ("sigma", 0.0),
        ("sigma", float("nan")),
        ("iterations", 0),
        ("returns", "worst"),
        ("pad", "mirror"),
        ("patience", -1),
        ("min_improvement", -1.0),
        ("chunk", 0),
        ("memory_limit", 0),
    ],
)
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(SettingsError, match=setting):
        make_planner("dino_wm", action_dim=2, horizon=3, **{setting: value})
