"""Distances of latents: each metric, as a literal computation gives it."""

from __future__ import annotations

import itertools

import pytest
import torch

from wm_planner.models.protocol import Latent
from wm_planner.models.shared.distances import distance_to_goal, squared_distance
from wm_planner.models.spec import ObjectiveSpec, SpecError


def given() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, 3, 4, 5, 6), torch.randn(2, 1, 1, 5, 6)


@pytest.mark.parametrize(("metric", "reduction"), itertools.product(("l2", "l1"), ("mean", "sum")))
def test_l1_and_l2(metric: str, reduction: str) -> None:
    frames, goal = given()
    found = squared_distance(frames, goal, ObjectiveSpec(metric=metric, reduction=reduction))
    for b, n, t in itertools.product(range(2), range(3), range(4)):
        apart = frames[b, n, t] - goal[b, 0, 0]
        whole = apart.square().sum() if metric == "l2" else apart.abs().sum()
        whole = whole / 30 if reduction == "mean" else whole
        expected = whole if metric == "l2" else whole**2
        torch.testing.assert_close(found[b, n, t], expected)


def test_cosine_is_of_whole_latents() -> None:
    frames, goal = given()
    found = squared_distance(frames, goal, ObjectiveSpec(metric="cos"))
    one, other = frames[1, 2, 3].flatten(), goal[1, 0, 0].flatten()
    expected = 1 - one @ other / (one.norm() * other.norm())
    torch.testing.assert_close(found[1, 2, 3], expected)
    itself = squared_distance(goal, goal, ObjectiveSpec(metric="cos"))
    assert itself.min() >= 0  # its root must exist
    torch.testing.assert_close(itself, torch.zeros(2, 1, 1))


@pytest.mark.parametrize("metric", ["l2", "l1", "cos"])
def test_gradients_reach_the_frames(metric: str) -> None:
    frames, goal = given()
    frames.requires_grad_()
    squared_distance(frames, goal, ObjectiveSpec(metric=metric)).sum().backward()
    assert frames.grad is not None
    assert frames.grad.abs().min() > 0


def test_only_the_last_frame_is_computed_where_only_it_counts() -> None:
    frames, goal = given()
    goal = Latent(goal[:, 0])
    assert distance_to_goal(Latent(frames), goal, ObjectiveSpec(), "last").shape == (2, 3, 1)
    assert distance_to_goal(Latent(frames), goal, ObjectiveSpec(), "all").shape == (2, 3, 4)
    encoded = Latent(frames[:, 0])
    assert distance_to_goal(encoded, goal, ObjectiveSpec(), "last").shape == (2, 1, 1)


@pytest.mark.parametrize(
    ("metric", "reduction", "expected"),
    [("l2", "mean", 1), ("l2", "sum", 30**0.5), ("l1", "mean", 1), ("l1", "sum", 30)],
)
def test_distance_of_latents_that_differ_by_one(
    metric: str, reduction: str, expected: float
) -> None:
    objective = ObjectiveSpec(metric=metric, reduction=reduction)
    apart = squared_distance(torch.zeros(5, 6), torch.ones(5, 6), objective).sqrt()
    assert objective.distance_of_spread(30) == pytest.approx(float(apart)) == expected
    assert ObjectiveSpec(metric="cos").distance_of_spread(30) is None


@pytest.mark.parametrize("wrong", [{"metric": "l3"}, {"reduction": "max"}])
def test_unknown_metrics_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SpecError, match=r"objective\.(metric|reduction) must be one of"):
        ObjectiveSpec(**wrong)


@pytest.mark.parametrize(
    "objective",
    [ObjectiveSpec(metric=m, reduction=r) for m in ("l2", "l1") for r in ("mean", "sum")]
    + [ObjectiveSpec(metric="cos")],
    ids=lambda objective: f"{objective.metric}-{objective.reduction}",
)
def test_tokens_count_by_their_weights(objective: ObjectiveSpec) -> None:
    frames, goal = given()
    weights = torch.tensor([0.0, 1.0, 0.0, 0.5, 0.25])
    found = squared_distance(frames, goal, objective, weights)
    # A token of weight 0.5 counts as two of four, so that the same tokens, repeated, are as far.
    chosen = [1, 1, 1, 1, 3, 3, 4]
    repeated = squared_distance(frames[..., chosen, :], goal[..., chosen, :], objective)
    if objective.reduction == "sum":  # of as many tokens as there are
        repeated = repeated * (5 / 7) ** (2 if objective.metric == "l1" else 1)
    torch.testing.assert_close(found, repeated)
    torch.testing.assert_close(
        squared_distance(frames, goal, objective, torch.ones(5)),
        squared_distance(frames, goal, objective),
    )


def test_the_weights_of_the_goal_count_in_each_problem() -> None:
    frames, goal = given()
    weights = torch.rand(2, 1, 5)
    found = distance_to_goal(
        Latent(frames), Latent(goal[:, 0], weights=weights), ObjectiveSpec(), "all"
    )
    for b in range(2):
        expected = squared_distance(frames[b], goal[b, 0], ObjectiveSpec(), weights[b, 0])
        torch.testing.assert_close(found[b], expected)
