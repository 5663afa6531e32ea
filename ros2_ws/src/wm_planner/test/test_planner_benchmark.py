"""The families of the planner benchmark keep what the report says of them."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
PACKAGE = Path(__file__).parents[1] / "wm_planner"
sys.path.append(str(BENCHMARKS))

from planner import stats  # noqa: E402
from planner.families import BOX, FAMILIES, Problems, first_draws  # noqa: E402
from planner.families.altered import Altered, Noisy  # noqa: E402
from planner.families.contact import RADIUS, Contact  # noqa: E402
from planner.families.hand import STEP  # noqa: E402
from planner.families.sparse import Sparse  # noqa: E402
from planner.families.wall import DISTANCE, Wall  # noqa: E402
from planner.measures import Record, follow, plan_cell  # noqa: E402
from planner.rules import Rule, dino_wm, one_by_one, own_rules  # noqa: E402
from planner.summary import Results  # noqa: E402

OURS = next(rule for rule in own_rules() if rule.ours)
SIZES = [
    (name, label)
    for name, family in FAMILIES.items()
    for sizes in family.groups().values()
    for label in sizes
]
RANDOM = """
_make = make_planner
def make_planner(preset, *, action_dim, horizon, bounds, seed, **settings):
    return _make("random", action_dim=action_dim, horizon=horizon, bounds=bounds, seed=seed)
"""
"""Added to a copy of the package, so that all its planners are random."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make(name: str, label: str, seed: int, count: int) -> Problems:
    sizes = {k: v for group in FAMILIES[name].groups().values() for k, v in group.items()}
    return sizes[label](seed, count)


def of(*families: str) -> list[tuple[str, str]]:
    return [size for size in SIZES if size[0] in families]


def telling(problems: Problems) -> float:
    """The share of first draws that tell something."""
    return problems.telling(first_draws(problems, 2000)).float().mean().item()


@pytest.mark.parametrize(("name", "label"), SIZES)
def test_a_problem_costs_the_same_alone_and_among_others(name: str, label: str) -> None:
    few, many = make(name, label, 101, 2), make(name, label, 101, 3)
    actions = first_draws(many, 5)
    costs = many.cost(actions)
    assert costs.shape == (3, 5)
    assert costs.isfinite().all()
    torch.testing.assert_close(few.cost(actions[:2]), costs[:2])
    alone = make(name, label, 101, 3).one(1)
    torch.testing.assert_close(alone.cost(actions[1:2]), costs[1:2])
    assert not torch.equal(costs, make(name, label, 102, 3).cost(actions)) or name == "sparse"


@pytest.mark.parametrize(("name", "label"), of("contact, far"))
def test_about_986_of_1000_first_draws_touch_nothing(name: str, label: str) -> None:
    assert telling(make(name, label, 101, 48)) == pytest.approx(0.014, abs=0.002)


@pytest.mark.parametrize(("name", "label"), of("contact, near"))
def test_many_first_draws_touch_a_near_block(name: str, label: str) -> None:
    assert telling(make(name, label, 101, 48)) > 0.1


@pytest.mark.parametrize(("name", "label"), of("sparse"))
def test_about_7_of_1000_first_draws_meet_the_reward(name: str, label: str) -> None:
    problems = make(name, label, 101, 48)
    assert telling(problems) == pytest.approx(0.007, abs=0.001)
    assert set(problems.cost(first_draws(problems, 2000)).unique().tolist()) == {0.0, 1.0}


def steps(moves: list[Tensor], problems: Contact | Wall | Sparse) -> Tensor:
    """A plan (1, H, A) of straight lines, of as few steps as the box surely allows."""
    longest = 0.99 * BOX * STEP
    counts = [math.ceil(move.norm() / longest) for move in moves]
    each = [move / n for move, n in zip(moves, counts, strict=True) for _ in range(n)]
    assert len(each) <= problems.horizon
    each += [torch.zeros(2)] * (problems.horizon - len(each))
    return (torch.stack(each) / STEP @ problems.mix[0].T).unsqueeze(0)


def solution(problem: Problems) -> Tensor:
    """A plan (1, H, A) that solves one problem with a hand."""
    if isinstance(problem, Contact):
        push = problem.goal[0] - problem.block[0]
        behind = problem.block[0] - (RADIUS + 1e-3) * push / push.norm()
        return steps([behind, push + 1e-3 * push / push.norm()], problem)
    if isinstance(problem, Wall):
        middle, half = problem.middle.item(), problem.half.item()
        end = middle - math.copysign(half + 0.01, middle)
        corner = torch.tensor([DISTANCE / 2 - 1e-3, end])
        return steps([corner, problem.goal[0] - corner], problem)
    assert isinstance(problem, Sparse)
    return steps([problem.goal[0]], problem)


@pytest.mark.parametrize(
    ("name", "label"),
    of("contact, far", "contact, near", "sparse", "two ways, narrow", "two ways, wide"),
)
def test_every_problem_with_a_hand_can_be_solved(name: str, label: str) -> None:
    problems = make(name, label, 101, 24)
    plans = torch.cat([solution(problems.one(b)) for b in range(24)])
    solved = problems.solved(problems.judge(plans))
    assert solved is not None
    assert solved.all()
    idle = problems.solved(problems.judge(torch.zeros_like(plans)))
    assert idle is not None
    assert not idle.any()


def plain_cem(name: str, budget: tuple[int, int], count: int):
    rule = Rule("plain CEM", dino_wm())
    return plan_cell(FAMILIES[name], "tuned sizes", budget, rule, [101], count)


def test_the_mean_of_plain_cem_passes_a_narrow_wall_but_no_wide_one() -> None:
    narrow = plain_cem("two ways, narrow", (300, 20), 16)
    wide = plain_cem("two ways, wide", (300, 20), 24)
    assert sum(narrow.solved) >= 12
    assert sum(wide.solved) <= 4


def test_plain_cem_ends_in_one_of_several_minima() -> None:
    def left(name: str) -> list[float]:
        """Cost after 9000 rollouts over that of doing nothing."""
        found = plain_cem(name, (300, 30), 8).costs
        sizes = list(FAMILIES[name].tuned.values())
        idle = []
        for size in sizes:
            problems = size(101, max(2, 8 // len(sizes)))
            zeros = torch.zeros(len(problems), problems.horizon, problems.actions)
            idle += problems.judge(zeros).tolist()
        return sorted(a / b for a, b in zip(found, idle, strict=True))

    minima, smooth = left("minima"), left("smooth, white goals")
    assert minima[len(minima) // 2] > 0.05
    assert smooth[-1] < 0.05


@pytest.mark.parametrize(("name", "label"), of("noisy"))
def test_noise_has_its_size_and_plans_are_judged_without(name: str, label: str) -> None:
    problems = make(name, label, 101, 2)
    assert isinstance(problems, Noisy)
    plans = first_draws(problems, 1).expand(-1, 4000, -1, -1)
    costs = problems.cost(plans)
    torch.testing.assert_close(costs.std(dim=1), problems.size[:, 0], rtol=0.05, atol=0)
    assert torch.equal(problems.judge(plans[:, 0]), problems.inner.judge(plans[:, 0]))
    signal = problems.true_cost(first_draws(problems, 2000)).std(dim=1)
    share = float(label.split()[1].rstrip(","))
    torch.testing.assert_close(problems.size[:, 0], share * signal, rtol=0.2, atol=0)


@pytest.mark.parametrize(("name", "label"), of("plateaus"))
def test_costs_in_steps_are_multiples_of_a_step(name: str, label: str) -> None:
    problems = make(name, label, 101, 2)
    assert isinstance(problems, Altered)
    costs = problems.cost(first_draws(problems, 500)) / problems.size
    torch.testing.assert_close(costs, costs.round(), rtol=1e-4, atol=0)
    assert 10 < len(costs[0].round().unique()) < 500
    solved = problems.solved(torch.tensor([1.0, 2.0]) * problems.size[:, 0])
    assert solved is not None
    assert solved.tolist() == [True, False]


def test_plans_are_judged_as_they_are_executed() -> None:
    problems = make("smooth, white goals", "tanh", 101, 2)
    plans = 3 * torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(problems.judge(plans), problems.judge(plans.clamp(-BOX, BOX)))
    assert not torch.equal(problems.judge(plans), problems.cost(plans.unsqueeze(1))[:, 0])


def test_the_best_candidate_is_the_best_of_all_that_were_evaluated() -> None:
    problems = make("minima", "frequency 3", 101, 3)
    seen: list[Tensor] = []

    class Seen(type(problems)):  # type: ignore[misc]
        def cost(self, actions: Tensor) -> Tensor:
            seen.append(super().cost(actions))
            return seen[-1]

    watched = Seen(**vars(problems))
    plans = dino_wm(best=True)(watched, (64, 5), 0)(watched, None)
    assert len(seen) == 5
    torch.testing.assert_close(problems.judge(plans), torch.cat(seen, dim=1).amin(dim=1))
    mean = dino_wm()(problems, (64, 5), 0)(problems, None)
    assert (problems.judge(mean) > problems.judge(plans)).all()


def test_our_planner_plans_for_each_problem_as_if_it_were_alone() -> None:
    size = FAMILIES["contact, near"].tuned["5 steps of 6"]
    many = OURS.start(size(101, 3), (64, 2), 101)(size(101, 3), None)
    few = OURS.start(size(101, 2), (64, 2), 101)(size(101, 2), None)
    torch.testing.assert_close(many[:2], few)
    random = one_by_one("random", lambda budget: {})(size(101, 3), (1, 1), 101)
    plans = random(size(101, 3), None)
    assert not torch.equal(plans[0], plans[1])


def test_a_receding_horizon_moves_on_with_the_first_action() -> None:
    problems = FAMILIES["contact, near"].loops["5 steps of 6"](101, 2)
    still = Rule("still", lambda problems, budget, seed: lambda now, warm: torch.zeros(2, 5, 6))
    assert torch.equal(follow(problems, still, (1, 1), 0), problems.error().expand(20, 2))
    seen: list[Tensor] = []

    def search(now: Problems, warm: Tensor | None) -> Tensor:
        seen.append(now.hand)
        if warm is not None:
            return warm
        return torch.cat([solution(now.one(b)) for b in range(2)])

    errors = follow(problems, Rule("once", lambda *_: search), (1, 1), 0)
    assert problems.solved(errors[-1]).all()
    assert not torch.equal(seen[0], seen[1])


def test_intervals_are_those_of_the_textbook() -> None:
    assert stats.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert stats.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    values = torch.randn(200, generator=torch.Generator().manual_seed(1)).exp().tolist()
    low, high = stats.interval(values)
    mean = stats.geometric_mean(values)
    assert high / mean == pytest.approx(math.exp(1.96 / math.sqrt(200)), rel=0.03)
    assert mean / low == pytest.approx(math.exp(1.96 / math.sqrt(200)), rel=0.03)
    assert stats.ratios([1e-12, 4.0], [2.0, 2.0], 1e-3) == [5e-4, 2.0]


def test_the_best_peer_is_chosen_in_each_cell() -> None:
    def record(rule: str, *costs: float) -> Record:
        marks = tuple(cost < 1.0 for cost in costs)
        return Record("plan", "contact, near", "tuned sizes", (64, 5), rule, costs, marks)

    ours, worse, better = record(OURS.name, 1.0, 1.0), record("a", 9.0, 0.9), record("b", 0.5, 8.0)
    results = Results([ours, worse, better])
    compared = results.compare(ours.cell, ["a", "b"])
    assert compared is not None
    assert (compared.other, compared.ratios) == ("b", [2.0, 0.125])
    solved = results.compare_solved(ours.cell, ["a"])
    assert solved is not None
    assert (solved.other, solved.ours, solved.others, solved.total) == ("a", 0, 1, 2)
    assert results.compare(ours.cell, ["c"]) is None
    assert Record.read(json.loads(json.dumps(worse.values()))) == worse


@pytest.mark.slow
def test_another_checkout_runs_with_its_own_planners(tmp_path: Path) -> None:
    copy = tmp_path / "ros2_ws/src/wm_planner/wm_planner"
    shutil.copytree(PACKAGE, copy)
    with (copy / "planning/__init__.py").open("a") as file:
        file.write(RANDOM)
    raw = tmp_path / "raw.json"
    done = _run("--quick", "--only", "sparse", "--against", str(tmp_path), "--raw", str(raw))
    assert done.returncode == 0, done.stdout + done.stderr
    solved = {
        (record["rule"], tuple(record["budget"])): sum(record["solved"])
        for record in json.loads(raw.read_text())
    }
    assert solved["full / online", (300, 30)] > solved["full / online (before)", (300, 30)]
    assert "## Solved, to before" in done.stdout
    nowhere = _run("--quick", "--only", "sparse", "--against", str(tmp_path / "nowhere"))
    assert nowhere.returncode != 0
    assert "give a checkout" in nowhere.stderr


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "planner.py"), "--no-peers", *arguments]
    return subprocess.run(command, capture_output=True, text=True)
