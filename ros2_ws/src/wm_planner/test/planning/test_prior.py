"""A prior from outside, multiplied with the planner's own first distribution."""

import math

import pytest
import torch

from wm_planner.planning import PriorError, SettingsError, make_planner, shift
from wm_planner.planning.prior import fuse, read

SEARCHES = ["online", "full", "mppi", "dino_wm"]
ALL = [*SEARCHES, "gradient", "cem_gd"]
TARGET = torch.linspace(-1, 1, 24).view(3, 4, 2)
MEAN = torch.linspace(-0.9, 0.7, 24).view(3, 4, 2)
STD = torch.linspace(0.1, 2.0, 24).view(3, 4, 2)
OWN = {"online": 0.8, "full": 0.8, "mppi": 0.8, "dino_wm": 0.8, "gradient": 0.8}
WARM = {"online": (0.6, 1.4), "full": (0.6, 1.4), "mppi": (0.5, 0.5), "dino_wm": (1.0, 1.0)}


def planner(preset, **settings):
    return make_planner(preset, action_dim=2, horizon=4, **settings)


def product(mean, own):
    """Mean and deviation of N(mean, own**2) times N(MEAN, STD**2), in the words of the paper."""
    precision = 1 / own**2 + 1 / STD**2
    return (mean / own**2 + MEAN / STD**2) / precision, precision.rsqrt()


def searched(candidates):
    """The candidates (B, N, H, A) of one call without the share that looks elsewhere."""
    return candidates[:, : round(0.95 * candidates.shape[1])]


@pytest.mark.parametrize("preset", SEARCHES)
def test_first_candidates_come_from_the_product_of_both_gaussians(preset, bowl, recorder, device):
    cost = recorder(bowl(TARGET.to(device)))
    search = planner(preset, sigma=OWN[preset], num_samples=2000, iterations=2, device=device)
    search.plan(cost, batch=3, prior=(MEAN.to(device), STD))
    mean, deviation = product(torch.zeros(3, 4, 2), torch.tensor(OWN[preset]))
    first = searched(cost.actions[0].cpu())
    torch.testing.assert_close(first[:, 0], mean)
    torch.testing.assert_close(first.std(dim=1), deviation, rtol=0.1, atol=0)
    torch.testing.assert_close(first.mean(dim=1), mean, rtol=0, atol=0.1)


@pytest.mark.parametrize("preset", SEARCHES)
def test_a_prior_is_multiplied_with_the_warm_start(preset, bowl, recorder):
    cost, warm = recorder(bowl(TARGET)), 0.5 * TARGET
    search = planner(preset, sigma=0.8, num_samples=2000, iterations=2)
    search.plan(cost, batch=3, warm_start=warm, prior=(MEAN, STD))
    planned, new = WARM[preset]
    own = 0.8 * torch.tensor([planned, planned, planned, new])[:, None]
    mean, deviation = product(warm, own)
    first = searched(cost.actions[0])
    torch.testing.assert_close(first[:, 0], mean)
    torch.testing.assert_close(first.std(dim=1), deviation, rtol=0.1, atol=0)


def test_the_starts_of_a_descent_come_from_the_product(bowl, recorder):
    cost = recorder(bowl(TARGET))
    planner("gradient", sigma=0.8, num_samples=2000, iterations=1).plan(
        cost, batch=3, prior=(MEAN, STD)
    )
    mean, deviation = product(torch.zeros(3, 4, 2), torch.tensor(0.8))
    torch.testing.assert_close(cost.actions[0][:, 0].detach(), mean)
    torch.testing.assert_close(cost.actions[0].detach().std(dim=1), deviation, rtol=0.1, atol=0)


def test_the_search_of_cem_gd_takes_the_prior(bowl, recorder):
    cost = recorder(bowl(TARGET))
    planner("cem_gd").plan(cost, batch=3, prior=(MEAN, STD))
    mean, _ = product(torch.zeros(3, 4, 2), torch.tensor(1.0))
    torch.testing.assert_close(cost.actions[0][:, 0], mean)


def test_random_actions_are_drawn_from_the_product():
    search = make_planner("random", action_dim=1, horizon=5000, seed=1)
    own = search.plan(lambda a: a.sum((-1, -2))).actions.std().item()
    deviation = own / math.sqrt(3)
    search.reset()
    given = search.plan(
        lambda a: a.sum((-1, -2)), prior=(0.8, deviation), warm_start=torch.ones(1, 5000, 1)
    )
    assert given.actions.mean().item() == pytest.approx(0.6, abs=0.05)
    assert given.actions.std().item() == pytest.approx(own / 2, rel=0.05)


def test_the_width_of_mppi_falls_from_that_of_the_prior(bowl, recorder):
    cost = recorder(bowl(TARGET[:1]))
    planner("mppi", sigma=1.0, iterations=4, final_sigma=0.1, num_samples=2000).plan(
        cost, prior=(0.0, STD[:1])
    )
    widths = [actions.std(dim=1) for actions in cost.iterations()]
    torch.testing.assert_close(
        widths[3] / widths[0], torch.full((1, 4, 2), 0.1**0.75), rtol=0.1, atol=0
    )


@pytest.mark.parametrize("preset", [*ALL, "random"])
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_a_prior_that_knows_nothing_changes_nothing(preset, warm, bowl):
    guess = TARGET if warm else None
    without, given = planner(preset), planner(preset)
    for _ in range(2):
        expected = without.plan(bowl(TARGET), batch=3, warm_start=guess)
        result = given.plan(bowl(TARGET), batch=3, warm_start=guess, prior=(MEAN, math.inf))
        assert torch.equal(result.actions, expected.actions)
        assert torch.equal(result.mean, expected.mean)


@pytest.mark.parametrize("preset", ALL)
def test_a_problem_of_a_batch_gets_its_own_prior_as_it_would_alone(preset, bowl):
    together = planner(preset)
    results = [together.plan(bowl(TARGET), batch=3, prior=(MEAN, STD))]
    warm = shift(results[0].actions)
    results.append(together.plan(bowl(TARGET), batch=3, warm_start=warm, prior=(MEAN, STD)))
    for b in range(3):
        alone, one = planner(preset), slice(b, b + 1)
        cost, prior = bowl(TARGET[one]), (MEAN[one], STD[one])
        cold = alone.plan(cost, prior=prior)
        again = alone.plan(cost, warm_start=shift(cold.actions), prior=prior)
        torch.testing.assert_close(results[0].actions[b], cold.actions[0])
        torch.testing.assert_close(results[1].actions[b], again.actions[0])


@pytest.mark.parametrize("preset", ALL)
def test_the_mean_of_the_product_is_clamped(preset, bowl, recorder):
    cost = recorder(bowl(TARGET))
    planner(preset, bounds=(-0.2, 0.1)).plan(cost, batch=3, prior=(9.0, 0.01))
    first = cost.actions[0].detach()
    torch.testing.assert_close(first[:, 0], torch.full((3, 4, 2), 0.1))
    assert bool((first < 0.1).any())  # drawn around the side of the box, not around 9


@pytest.mark.parametrize("preset", ALL)
def test_a_prior_is_left_as_it_is(preset, bowl):
    mean, std = MEAN.clone(), STD.clone()
    planner(preset).plan(bowl(TARGET), batch=3, prior=(mean, std))
    assert torch.equal(mean, MEAN)
    assert torch.equal(std, STD)


@pytest.mark.parametrize("preset", SEARCHES)
def test_a_prior_is_taken_in_inference_mode(preset, bowl):
    expected = planner(preset).plan(bowl(TARGET), batch=3, prior=(MEAN, STD)).actions
    with torch.inference_mode():
        result = planner(preset).plan(bowl(TARGET), batch=3, prior=(MEAN, STD))
        torch.testing.assert_close(result.actions, expected)


@pytest.mark.parametrize(
    "side", [0.5, [0.5, 0.25], MEAN[0].abs(), MEAN[:1].abs(), MEAN[0].abs().double().numpy()]
)
def test_numbers_are_spread_over_the_plan(side, device):
    mean, std = read((side, side), (3, 4, 2), torch.device(device))
    expected = torch.as_tensor(side, dtype=torch.float32).expand(3, 4, 2).reshape(3, 1, 8)
    for given in (mean, std):
        torch.testing.assert_close(given.cpu(), expected)


def test_extreme_widths_leave_the_surer_side():
    own = torch.tensor([0.0, 0.0, 1.0, 1.0, 1e-30, 1e30])
    prior = torch.tensor([1.0, math.inf, math.inf, 1e-30, 1.0, 1.0]).view(1, 1, 6)
    mean, widths = fuse(torch.full((1, 1, 6), 2.0), own, (torch.full((1, 1, 6), 5.0), prior))
    assert mean[0, 0].tolist() == [2.0, 2.0, 2.0, 5.0, 2.0, 5.0]
    assert widths.isfinite().all()
    assert widths[0, 0, :3].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (0.5, "a float, not a pair"),
        ((0.0, 1.0, 2.0), "not a pair"),
        ((MEAN[0, :3], 1.0), r"mean that does not fit \(3, 4, 2\)"),
        ((0.0, torch.ones(2, 4, 2)), "standard deviation that does not fit"),
        ((torch.ones(1, 3, 4, 2), 1.0), "mean that does not fit"),
        (("left", 1.0), "mean that does not fit"),
        ((math.nan, 1.0), "mean with NaN or infinity"),
        ((math.inf, 1.0), "mean with NaN or infinity"),
        ((1e300, 1.0), "mean with NaN or infinity"),  # of float32
        ((0.0, 0.0), "NaN or not above 0"),
        ((0.0, [1.0, -1.0]), "NaN or not above 0"),
        ((0.0, math.nan), "NaN or not above 0"),
    ],
)
def test_a_prior_that_does_not_fit_is_refused(prior, words, bowl):
    with pytest.raises(PriorError, match=f"^prior .*{words}.*; give ") as caught:
        planner("online").plan(bowl(TARGET), batch=3, prior=prior)
    assert isinstance(caught.value, SettingsError)
