"""Plans for costs with noise."""

import pytest
import torch

from wm_planner.planning import adaptive_cem, make_planner
from wm_planner.planning.adaptive_stage import AdaptiveStage
from wm_planner.planning.noise import twins_of


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
    rows, others = twins_of(samples - spare, torch.device("cpu"))
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
    forgotten, back = [], torch.full((1, 1, 12), 0.25)
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
    table = torch.randn(60, 300, generator=torch.Generator().manual_seed(0))

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
