import pytest
import torch

from wm_planner.planning import adaptive_cem, make_planner
from wm_planner.planning.adaptive_stage import AdaptiveStage
from wm_planner.planning.draws import Draws, rotated
from wm_planner.planning.noise import Evidence, Noise, chi_squared, twins_of
from wm_planner.planning.reading import Reading
from wm_planner.planning.weights import RankWeights

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


class Calls:
    """Calls with the planner's draws and weights; costs fall along the first number, with noise."""

    def __init__(self, slope, seed=0, samples=100, dims=DIMS):
        self.slope, self.samples, self.dims = slope, samples, dims
        self.generator = torch.Generator().manual_seed(seed)
        sizes = {"iterations": 40, "samples": samples, "dims": dims, "means": ()}
        draws = Draws("mirrored_orthogonal", **sizes, generator=self.generator)
        self.draws = iter(rotated(*draws.next()))
        shares = {"elites": samples // 5, "shapers": samples // 2, "step": 1.2, "repulsion": 0.3}
        weights = RankWeights(samples, **shares, device=CPU).untied[0]
        self.weights = (weights - weights.mean()).view(1, -1)
        self.evidence = Evidence(torch.zeros(1, dims + 1, dims))

    def weigh(self, sure=False, twins=False):
        z = next(self.draws).clone()
        if twins:
            rows, others = twins_of(self.samples, CPU)
            z[rows] = z[others]
        costs = self.slope * z[:, 0] + torch.randn(self.samples, generator=self.generator)
        own = torch.zeros(1, self.dims + 1, self.dims)
        own[0, -1] = self.weights @ z[costs.argsort()]
        change = own.clone()
        directions = 3 * self.samples // 8
        told = self.evidence.weigh(change, self.weights, directions, torch.tensor([[[sure]]]))
        return bool(told), change, own


@pytest.mark.parametrize("twins", [True, False])
@pytest.mark.parametrize(("samples", "dims"), [(100, 12), (16, 100), (61, 30)])
def test_noise_is_hardly_ever_taken_for_a_direction(samples, dims, twins):
    fooled = 0
    for seed in range(60):
        calls = Calls(0.0, seed, samples, dims)
        fooled += calls.weigh(twins=twins)[0] + calls.weigh()[0]
    assert fooled <= 1


def test_few_draws_in_many_numbers_are_hardly_ever_taken_for_a_direction():
    calls = Calls(0.0, samples=61, dims=200)
    draws, generator = next(calls.draws), torch.Generator().manual_seed(0)
    rows, others = twins_of(61, CPU)
    draws[rows] = draws[others]
    orders = torch.stack([torch.randperm(61, generator=generator) for _ in range(200)])
    change = torch.zeros(200, 201, 200)
    change[:, -1] = (calls.weights @ draws[orders]).squeeze(1)
    sure = torch.zeros(200, 1, 1, dtype=torch.bool)
    weights = calls.weights.expand(200, -1)
    told = Evidence(change).weigh(change, weights, 3 * 61 // 8, sure)
    assert told.sum() <= 1


def test_noise_of_many_calls_is_hardly_ever_taken_for_a_direction():
    calls = [Calls(0.0, seed) for seed in range(30)]
    assert sum(each.weigh()[0] for each in calls for _ in range(40)) <= 1


def test_a_weak_slope_is_found_by_several_calls_together():
    numbers = []
    for seed in range(10):
        calls, number, told = Calls(-0.3, seed), 0, False
        total = torch.zeros(1, DIMS + 1, DIMS)
        while not told:
            told, change, own = calls.weigh()
            total, number = total + own, number + 1
            assert told or not change.any()
        torch.testing.assert_close(change, total / number)
        assert change[0, -1].argmax() == 0
        numbers.append(number)
    assert 2 < sum(numbers) / 10 < 15


def test_after_a_change_the_sum_begins_anew():
    calls = Calls(-3.0)
    assert calls.weigh()[0]
    calls.slope = 0.0
    assert not calls.weigh()[0]


def test_a_call_that_is_sure_counts_alone():
    calls = Calls(0.0)
    calls.weigh()
    told, change, own = calls.weigh(sure=True)
    assert told
    torch.testing.assert_close(change, own)


def test_what_was_seen_before_the_mean_moved_does_not_count():
    calls, told = Calls(-0.3), []
    for _ in range(20):
        calls.evidence.forget(torch.ones(1, 1, 1, dtype=torch.bool))
        told.append(calls.weigh()[0])
    assert sum(told) < 4


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize(("samples", "spare"), [(64, 3), (16, 1)])
def test_only_costs_with_noise_are_evaluated_twice_in_the_second_call(samples, spare, recorder):
    generator = torch.Generator().manual_seed(0)

    def cost(actions):
        costs = actions.square().sum((-1, -2))
        costs[1] += torch.randn(actions.shape[1], generator=generator)
        return costs

    seen = recorder(cost)
    make_planner("online", action_dim=6, horizon=5, num_samples=samples).plan(seen, batch=2)
    first, second = (actions.flatten(2) for actions in seen.actions[:2])
    probes = min(2, spare)
    assert torch.equal(first[:, -probes:], first[:, :probes])
    assert not first[:, 0].any()
    rows, others = twins_of(samples - spare, CPU)
    assert torch.equal(second[1, rows], second[1, others])
    assert (second[0, rows] - second[0, others]).abs().amax(-1).min() > 1e-3


def bowl(actions):
    return (actions - 0.5).square().sum((-1, -2))


def reached(preset, seed, deviation=0.3, **settings):
    generator = torch.Generator().manual_seed(seed)

    def cost(actions):
        return bowl(actions) + deviation * torch.randn(actions.shape[:2], generator=generator)

    planner = make_planner(preset, action_dim=3, horizon=4, seed=seed, patience=0, **settings)
    result = planner.plan(cost)
    return bowl(result.actions.unsqueeze(1)).item(), result.learned[0]


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize(
    ("samples", "iterations", "times"), [(300, 30, 0.6), (64, 10, 0.6), (64, 5, 0.6), (64, 2, 1.0)]
)
def test_beside_noise_the_search_ends_nearer_than_plain_cem(samples, iterations, times):
    size = {"num_samples": samples, "iterations": iterations}
    ours = [reached("full", seed, **size) for seed in range(12)]
    plain = [reached("dino_wm", seed, num_elites=samples // 10, **size) for seed in range(12)]
    assert all(learned for _, learned in ours)
    assert sum(cost for cost, _ in ours) < times * sum(cost for cost, _ in plain)


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize(("samples", "iterations"), [(16, 5), (64, 1), (64, 5), (300, 5)])
def test_little_noise_does_little_harm(samples, iterations):
    size = {"num_samples": samples, "iterations": iterations}
    costs = {
        deviation: sum(reached("full", seed, deviation, **size)[0] for seed in range(12))
        for deviation in (0.0, 1e-4)
    }
    assert costs[1e-4] < 2.0 * costs[0.0] + 12 * 1e-4


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize(
    ("where", "share"), [("anywhere", 0.3), ("on one side", 0.3), ("on one side", 0.8)]
)
def test_noise_beside_impossible_candidates_teaches_hardly_anything(where, share):
    fooled = 0
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)

        def cost(actions, generator=generator):
            costs = torch.randn(actions.shape[:2], generator=generator)
            side = torch.erf(actions[..., 0, 0] / 2**0.5) / 2 + 0.5
            chance = torch.rand(costs.shape, generator=generator) if where == "anywhere" else side
            return torch.where(chance < share, torch.nan, costs)

        size = {"num_samples": 64, "iterations": 10}
        fooled += (
            make_planner("full", action_dim=3, horizon=4, seed=seed, **size).plan(cost).learned[0]
        )
    assert fooled <= 1


@pytest.mark.usefixtures("host_or_device")
@pytest.mark.parametrize("samples", [64, 128])
def test_a_problem_beside_noise_searches_in_a_batch_as_it_does_alone(samples, recorder):
    def plan(problems):
        generators = [torch.Generator().manual_seed(problem) for problem in problems]
        sizes = torch.tensor([[0.0], [0.1], [1.0]])[problems]

        def cost(actions):
            noise = [torch.randn(actions.shape[1], generator=each) for each in generators]
            return bowl(actions) + sizes * torch.stack(noise)

        seen = recorder(cost)
        planner = make_planner("full", action_dim=2, horizon=5, num_samples=samples, patience=0)
        learned = [planner.plan(seen, batch=len(problems)).learned for _ in range(2)]
        return learned, seen.everything()[0]

    learned, together = plan([0, 1, 2])
    for problem in range(3):
        alone = plan([problem])
        assert [each[problem] for each in learned] == [each[0] for each in alone[0]]
        assert torch.equal(together[problem], alone[1][0])


def test_after_the_mean_went_back_the_evidence_begins_anew(monkeypatch):
    forgotten, back = [], torch.full((1, 1, DIMS), 0.25)
    monkeypatch.setattr(adaptive_cem, "better_seen", lambda *_: (torch.ones(1, 1, 1) > 0, back))
    monkeypatch.setattr(AdaptiveStage, "forget", lambda self, which: forgotten.append(which))
    reached("full", 0, num_samples=300, iterations=5)
    assert forgotten


@pytest.mark.usefixtures("host_or_device")
def test_noise_with_heavier_tails_seldom_teaches_anything():
    student = torch.distributions.StudentT(10.0)
    fooled = 0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for seed in range(10):
            planner = make_planner("full", action_dim=3, horizon=4, seed=seed)
            fooled += planner.plan(lambda actions: student.sample(actions.shape[:2])).learned[0]
    assert fooled <= 3


def test_beside_noise_patience_ends_at_the_same_iteration_on_a_gpu(request):
    table = normal(60, 300)

    def plans():
        found = []
        for seed in range(6):
            calls = iter(table.roll(seed, dims=1))
            stopping = {"patience": 1, "min_improvement": 0.001}
            planner = make_planner("full", action_dim=3, horizon=4, seed=seed, **stopping)
            result = planner.plan(lambda a, c=calls: bowl(a) + 0.5 * next(c)[: a.shape[1]])
            found.append((result.stopped_at, result.learned))
        return found

    at_once = plans()
    assert any(stopped < (30,) for stopped, _ in at_once)
    request.getfixturevalue("as_on_a_gpu")
    assert plans() == at_once
