import pytest
import torch

from wm_planner.planning.draws import Draws
from wm_planner.planning.noise import Noise, chi_squared, twins_of
from wm_planner.planning.reading import Reading

EPS = torch.finfo(torch.float32).eps
CPU = torch.device("cpu")
DIMS = 12


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def begun(*problems, on_host=True, dtype=torch.float32):
    """Take a first call whose last two costs are those of the first two candidates."""
    costs, noise = torch.tensor(problems, dtype=dtype), Noise()
    noise.begin(costs, 2, EPS, costs.numpy() if on_host else None)
    return noise


def measured(deviation, pairs=30, seed=0, batch=1, dtype=torch.float32):
    same = [30 * deviation, 40 * deviation, 0.0, 31 * deviation, 39 * deviation]
    noise = begun(*[same] * batch, dtype=dtype)
    noise.measure(*(deviation * normal(2, batch, pairs, seed=seed).to(dtype)), EPS)
    return noise


@pytest.mark.parametrize("on_host", [True, False], ids=["host", "device"])
def test_noise_is_there_if_a_candidate_costs_something_else_the_second_time(on_host):
    noise = begun(
        [3.0, 4.0, 7.0, 3.1, 4.0],
        [3.0, 4.0, 7.0, 3.0, 4.1],
        [3.0, 4.0, 7.0, 3.0, 4.0],
        [torch.inf, 4.0, 7.0, torch.inf, 4.0],
        [torch.inf, 4.0, 7.0, torch.inf, 4.1],
        [3.0, 4.0, 7.0, torch.inf, 4.0],
        on_host=on_host,
    )
    assert noise.seen
    assert noise.noisy.flatten().tolist() == [True, True, False, False, True, False]
    assert torch.equal(noise.doubtful, noise.noisy)
    assert torch.equal(noise.deviation > 0, noise.noisy)


@pytest.mark.parametrize("on_host", [True, False], ids=["host", "device"])
def test_noise_that_impossible_candidates_hide_shows_in_the_second_call(on_host):
    inf = torch.inf
    noise = begun([inf, 4.0, 7.0, inf, inf], [inf, 4.0, 7.0, 3.0, inf], on_host=on_host)
    assert noise.seen
    assert noise.doubtful.all()
    assert not noise.noisy.any()
    costs = normal(1, 20).expand(2, -1)
    new = noise.measure(costs, costs + torch.tensor([[0.1], [0.0]]), EPS)
    assert new.flatten().tolist() == noise.noisy.flatten().tolist() == [True, False]
    assert noise.seen
    assert noise.deviation[0].item() == pytest.approx(0.1 / 2**0.5, rel=1e-3)


@pytest.mark.parametrize("on_host", [True, False], ids=["host", "device"])
@pytest.mark.parametrize("again", [3.0, 3.0000002, torch.inf])
def test_without_noise_nothing_is_measured(again, on_host):
    assert not begun([3.0, 4.0, 7.0, again, 4.0], on_host=on_host).seen


def test_there_may_be_noise_until_the_device_has_said_that_there_is_none(monkeypatch):
    monkeypatch.setattr(Reading, "arrived", lambda self: False)
    noise = begun([3.0, 4.0, 7.0, 3.0, 4.0], on_host=False)
    assert noise.seen
    assert not noise.noisy
    monkeypatch.undo()
    assert not noise.seen


@pytest.mark.parametrize("size", [1.0, 1e-20, 1e30])
def test_the_deviation_is_that_of_the_noise(size):
    assert measured(0.1 * size, pairs=2000).deviation.item() == pytest.approx(0.1 * size, rel=0.05)


def test_a_problem_without_noise_stays_without():
    noise = begun([3.0, 4.0, 7.0, 3.1, 4.0], [3.0, 4.0, 7.0, 3.0, 4.0])
    noise.measure(*normal(2, 2, 20), EPS)
    assert noise.deviation[0] > 0.5
    assert noise.deviation[1] == 0.0


@pytest.mark.parametrize("impossible", [torch.inf, torch.nan])
def test_pairs_of_which_one_is_impossible_do_not_count(impossible):
    first, second = 0.1 * normal(2, 1, 2000)
    second[0, 20:] = impossible
    noise, other = (begun([3.0, 4.0, 9.0, 3.1, 4.1]) for _ in range(2))
    noise.measure(first, second, EPS)
    other.measure(first[:, :20], second[:, :20], EPS)
    torch.testing.assert_close(noise.deviation, other.deviation)
    torch.testing.assert_close(noise.margin(), other.margin())


def test_noise_that_shows_in_the_first_call_only_is_not_forgotten():
    noise = begun([3.0, 4.0, 9.0, 3.1, 4.0])
    noise.measure(torch.ones(1, 30), torch.ones(1, 30), EPS)
    assert noise.deviation > 0.0


def test_the_fewer_pairs_the_more_a_cost_must_differ():
    margins = [
        (noise.margin() / noise.deviation).item()
        for noise in (begun([3.0, 4.0, 9.0, 3.1, torch.inf]), measured(0.1, 4), measured(0.1, 999))
    ]
    assert margins == sorted(margins, reverse=True)
    assert margins[0] == pytest.approx(7.5 * 128)
    assert margins[-1] == pytest.approx(7.5, rel=0.1)


@pytest.mark.parametrize("degrees", [3, 30])
def test_a_percentile_of_chi_squared_is_that_of_sums_of_squares(degrees):
    squares = normal(20_000, degrees).square().mean(dim=1)
    for deviations, share in ((-2.5, 0.0062), (-1.0, 0.159), (1.0, 0.841), (2.5, 0.9938)):
        below = squares < chi_squared(torch.tensor(degrees), deviations)
        assert below.float().mean() == pytest.approx(share, abs=0.006)


def test_noise_does_not_exceed_itself():
    noise = measured(0.1, pairs=30, batch=500)
    ranked = (0.1 * normal(500, 64, seed=1)).sort(dim=1).values
    assert noise.exceeded(ranked).float().mean() < 0.01
    assert (ranked[:, :1] < noise.outlier(ranked)).float().mean() < 0.01


def test_costs_that_differ_more_than_noise_exceed_it_with_or_without_impossible_ones():
    noise = measured(0.1, batch=2)
    costs = 0.3 * normal(2, 64, seed=1)
    costs[1, ::4] = torch.inf
    assert noise.exceeded(costs.sort(dim=1).values).all()
    costs[:, ::2] = torch.inf
    costs[:, 1::2] = 0.1 * normal(2, 32, seed=2)
    assert not noise.exceeded(costs.sort(dim=1).values).any()
    assert not noise.exceeded(torch.full((2, 64), torch.inf)).any()


def test_one_cost_far_below_the_others_is_no_noise():
    noise = measured(0.1)
    costs = 0.1 * normal(1, 64, seed=1)
    assert not (costs < noise.outlier(costs.sort(dim=1).values)).any()
    costs[0, 9] = -3.0
    ranked = costs.sort(dim=1).values
    assert (costs < noise.outlier(ranked)).nonzero().tolist() == [[0, 9]]
    assert not noise.exceeded(ranked)


def test_one_pair_shows_the_noise_only_roughly():
    noise = begun([3.0, 4.0, 9.0, 3.1, torch.inf])
    assert not noise.exceeded(torch.linspace(0, 20, 64).view(1, -1))
    assert noise.exceeded(torch.linspace(0, 90, 64).view(1, -1))
    assert noise.outlier(torch.full((1, 64), torch.inf)) == -torch.inf


@pytest.mark.parametrize("searching", [8, 15, 61, 63, 142, 285])
def test_twins_are_other_rows_and_stay_mirrored(searching):
    rows, others = twins_of(searching, CPU)
    assert len(rows) == len(others) == 2 * (searching // 8)
    assert not set(rows.tolist()) & set(others.tolist())
    generator = torch.Generator().manual_seed(0)
    kind, sizes = "mirrored_orthogonal", {"iterations": 2, "samples": searching, "dims": DIMS}
    draws = Draws(kind, **sizes, generator=generator).next(rotate=False)[0][1].clone()
    draws[rows] = draws[others]
    opposite = (draws.unsqueeze(0) + draws.unsqueeze(1)).abs().amax(-1) < 1e-5
    assert opposite.any(dim=1).sum() >= searching - searching % 2
