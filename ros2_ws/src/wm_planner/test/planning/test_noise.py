import pytest
import torch

from wm_planner.planning import make_planner
from wm_planner.planning.draws import Draws
from wm_planner.planning.noise import Evidence, Noise, lowest_share, twins_of
from wm_planner.planning.reading import Reading

EPS = torch.finfo(torch.float32).eps
CPU = torch.device("cpu")
DIMS = 12


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def begun(costs, *, on_host=True):
    noise = Noise()
    noise.begin(costs, EPS, costs.numpy() if on_host else None)
    return noise


def measured(deviation, pairs=30, seed=0, batch=1):
    noise = begun(torch.tensor([[3.0, 9.0, 3.0 + deviation]] * batch))
    noise.measure(*(deviation * normal(2, batch, pairs, seed=seed)))
    return noise


@pytest.mark.parametrize("on_host", [True, False], ids=["host", "device"])
def test_noise_is_there_if_the_first_guess_costs_twice_something_else(on_host):
    costs = torch.tensor([[3.0, 7.0, 3.1], [3.0, 7.0, 3.0], [torch.inf, 7.0, 3.0]])
    noise = begun(costs, on_host=on_host)
    assert noise.seen
    assert noise.deviation.flatten().tolist() == [torch.inf, 0.0, 0.0]


@pytest.mark.parametrize("last", [3.0, 3.0000002])
def test_without_noise_nothing_is_measured(last):
    assert not begun(torch.tensor([[3.0, 7.0, last]])).seen


def test_rounding_is_no_noise_where_the_host_would_have_to_wait():
    noise = begun(torch.tensor([[3.0, 7.0, 3.0000002]]), on_host=False)
    assert noise.deviation == 0.0
    assert not noise.seen


def test_there_may_be_noise_until_the_device_has_said_that_there_is_none(monkeypatch):
    monkeypatch.setattr(Reading, "arrived", lambda self: False)
    noise = begun(torch.tensor([[3.0, 7.0, 3.0]]), on_host=False)
    assert noise.seen
    monkeypatch.undo()
    assert not noise.seen


def test_the_deviation_is_that_of_the_noise():
    assert measured(0.1, pairs=2000).deviation.item() == pytest.approx(0.1, rel=0.05)


def test_a_problem_without_noise_stays_without():
    noise = begun(torch.tensor([[3.0, 7.0, 3.1], [3.0, 7.0, 3.0]]))
    noise.measure(*normal(2, 2, 20))
    assert noise.deviation[0] > 0.5
    assert noise.deviation[1] == 0.0


@pytest.mark.parametrize("impossible", [torch.inf, torch.nan])
def test_pairs_of_which_one_is_impossible_do_not_count(impossible):
    first, second = 0.1 * normal(2, 1, 2000)
    second[0, ::2] = impossible
    noise = begun(torch.tensor([[3.0, 9.0, 3.1]]))
    noise.measure(first, second)
    assert noise.deviation.item() == pytest.approx(0.1, rel=0.1)


def test_noise_that_shows_in_the_first_call_only_is_not_forgotten():
    noise = begun(torch.tensor([[3.0, 9.0, 3.1]]))
    noise.measure(torch.ones(1, 30), torch.ones(1, 30))
    assert noise.deviation > 0.0


def test_the_fewer_pairs_the_more_a_cost_must_differ():
    margins = [
        (noise.margin() / noise.deviation).item()
        for noise in (measured(0.1, pairs) for pairs in (4, 30, 1000))
    ]
    assert margins == sorted(margins, reverse=True)
    assert margins[0] > 20
    assert margins[-1] < 8


def test_no_chi_squared_variable_is_far_below_its_lowest_share():
    squares = normal(4000, 30).square()
    assert (squares.mean(dim=1) < lowest_share(30, 2.5)).float().mean() < 0.01
    assert (squares.mean(dim=1) > lowest_share(30, -2.5)).float().mean() < 0.01
    assert (squares.mean(dim=1) < lowest_share(30, 1.0)).float().mean() > 0.1


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


def test_before_noise_is_measured_nothing_exceeds_it():
    noise = begun(torch.tensor([[3.0, 9.0, 3.1]]))
    ranked = torch.linspace(0, 1e9, 64).view(1, -1)
    assert not noise.exceeded(ranked)
    assert not (ranked < noise.outlier(ranked)).any()
    assert noise.margin() == torch.inf
    assert noise.outlier(torch.full((1, 64), torch.inf)) == -torch.inf


@pytest.mark.parametrize("searching", [8, 15, 61, 142, 285])
def test_twins_are_other_rows_and_stay_mirrored(searching):
    rows, others = twins_of(searching, CPU)
    assert len(rows) >= searching // 2 - 2
    assert not set(rows.tolist()) & set(others.tolist())
    generator = torch.Generator().manual_seed(0)
    draws = (
        Draws(
            "mirrored_orthogonal",
            iterations=1,
            samples=searching,
            dims=DIMS,
            generator=generator,
            means=(),
        )
        .next(rotate=False)[0][0]
        .clone()
    )
    draws[rows] = draws[others]
    opposite = (draws.unsqueeze(0) + draws.unsqueeze(1)).abs().amax(-1) < 1e-5
    assert opposite.any(dim=1).sum() >= searching - 3


class Pull:
    """Calls of which the costs fall along the first draw, beside noise."""

    def __init__(self, slope, seed=0):
        self.slope, self.generator = slope, torch.Generator().manual_seed(seed)
        self.evidence = Evidence(torch.zeros(1, DIMS + 1, DIMS))
        self.weights = torch.linspace(1, -1, 100).view(1, -1)

    def weigh(self, sure=False):
        z = torch.randn(100, DIMS, generator=self.generator)
        costs = self.slope * z[:, 0] + torch.randn(100, generator=self.generator)
        ranked = z[costs.argsort()]
        change = torch.zeros(1, DIMS + 1, DIMS)
        change[0, -1] = self.weights @ ranked
        own = change.clone()
        told = self.evidence.weigh(change, self.weights, torch.tensor([[[sure]]]))
        return bool(told), change, own


def test_noise_is_hardly_ever_taken_for_a_direction():
    fooled = sum(Pull(0.0, seed).weigh()[0] for seed in range(100))
    calls = [Pull(0.0, seed) for seed in range(40)]
    fooled += sum(pull.weigh()[0] for pull in calls for _ in range(30))
    assert fooled <= 1


def test_a_weak_slope_is_found_by_several_calls_together():
    calls = []
    for seed in range(10):
        pull, number = Pull(-0.4, seed), 0
        told, total = False, torch.zeros(1, DIMS + 1, DIMS)
        while not told:
            told, change, own = pull.weigh()
            total, number = total + own, number + 1
            if not told:
                assert not change.any()
        torch.testing.assert_close(change, total / number)
        assert change[0, -1].argmax() == 0
        calls.append(number)
    assert 1 < sum(calls) / 10 < 15
    assert not torch.equal(pull.weigh()[1], total / number)  # it begins anew


def test_a_call_that_is_sure_counts_alone():
    pull = Pull(0.0)
    pull.weigh()
    told, change, own = pull.weigh(sure=True)
    assert told
    torch.testing.assert_close(change, own)


def test_what_was_seen_before_the_mean_moved_does_not_count():
    pull, calls = Pull(-0.4), []
    for _ in range(60):
        pull.evidence.forget(torch.ones(1, 1, 1, dtype=torch.bool))
        calls.append(pull.weigh()[0])
    assert sum(calls) < 20


@pytest.mark.usefixtures("host_or_device")
def test_only_costs_with_noise_are_evaluated_twice_in_the_second_call(recorder):
    generator = torch.Generator().manual_seed(0)

    def cost(actions):
        costs = actions.square().sum((-1, -2))
        costs[1] += torch.randn(actions.shape[1], generator=generator)
        return costs

    seen = recorder(cost)
    make_planner("online", action_dim=6, horizon=5, num_samples=64).plan(seen, batch=2)
    first, second = (actions.flatten(2)[:, :61] for actions in seen.actions[:2])
    assert not first[:, [0, 60]].any()
    assert first[:, 1:60].abs().amax(-1).min() > 0
    rows, others = twins_of(61, CPU)
    assert torch.equal(second[1, rows], second[1, others])
    assert (second[0, rows] - second[0, others]).abs().amax(-1).min() > 1e-3


def bowl(actions):
    return (actions - 0.5).square().sum((-1, -2))


def reached(preset, seed, **settings):
    generator = torch.Generator().manual_seed(seed)

    def cost(actions):
        return bowl(actions) + 0.3 * torch.randn(actions.shape[:2], generator=generator)

    planner = make_planner(preset, action_dim=3, horizon=4, seed=seed, patience=0, **settings)
    result = planner.plan(cost)
    return bowl(result.actions.unsqueeze(1)).item(), result.learned[0]


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize(("samples", "iterations", "times"), [(300, 30, 2.5), (64, 10, 3.0)])
def test_beside_noise_the_search_ends_about_as_near_as_plain_cem(samples, iterations, times):
    size = {"num_samples": samples, "iterations": iterations}
    ours = [reached("full", seed, **size) for seed in range(12)]
    plain = [reached("dino_wm", seed, num_elites=samples // 10, **size) for seed in range(12)]
    assert all(learned for _, learned in ours)
    assert sum(cost for cost, _ in ours) < times * sum(cost for cost, _ in plain)
