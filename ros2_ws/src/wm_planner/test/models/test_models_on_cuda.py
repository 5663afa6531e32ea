"""Models on fake CUDA tensors: what a CUDA graph replays uses nothing of the host.

The models are asked to use graphs, so that the encoder is captured as the cost is (``Scoring``).
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from fake_cuda import DEVICE, Watch, fake_cuda, on_device
from lewm_runs import small_spec
from small_dino_wm import make_spec, small_architecture
from torch import Tensor

from wm_planner.models.batch import observation_batch
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.goals import encode_goal, token_grid
from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.shared.compute import PRECISIONS
from wm_planner.models.shared.distances import distance_to_goal
from wm_planner.models.spec import ModelSpec, ObjectiveSpec
from wm_planner.planning import Objective, make_planner
from wm_planner.planning.chunks import CostFn
from wm_planner.types import Goal, Observation, Past
from wm_planner.worker.scoring import Scoring

Model = DinoWorldModel | LewmWorldModel
FAMILIES = {"dino_wm": DinoWorldModel, "lewm": LewmWorldModel}
HORIZON = 3
SEEN = Observation((np.zeros((40, 60, 3), np.uint8),), np.zeros(4))


def dino_wm(**sizes: Any) -> ModelSpec:
    return make_spec(small_architecture(**{"num_hist": 3, **sizes}), 32, 2)


def lewm(**sizes: Any) -> ModelSpec:
    return small_spec(**{"frames": 3, **sizes})


def made(spec: ModelSpec, **options: Any) -> Model:
    return FAMILIES[spec.family](spec, None, DEVICE, compute="graphs", **options)


def batch(model: Model, frames: int) -> ObservationBatch:
    steps = np.zeros((frames - 1, model.spec.model_action_dim))
    return observation_batch(SEEN, model.spec, model.device, Past((SEEN,) * (frames - 1), steps))


def goal(model: Model, *, masked: bool) -> Latent:
    grid = token_grid(model)
    weights = np.ones((1, *grid), np.float32) if masked and grid else None
    return encode_goal(model, Goal(SEEN, weights=weights))


def cost(watch: Watch, model: Model, frames: int, *, mode: str = "last") -> CostFn:
    """Encode frames and return what the planner calls, with a masked goal if they are several."""
    wanted, seen = goal(model, masked=frames > 1), batch(model, frames)
    with watch.captured(), torch.inference_mode():
        latent = model.encode(seen)
    return Scoring(model, Objective(mode=mode), captured=True).cost(latent, wanted)


def candidates(model: Model) -> Tensor:
    return torch.zeros(1, 5, HORIZON, model.spec.model_action_dim, device=DEVICE)


def check(found: Tensor, *shape: int) -> None:
    assert on_device(found)
    assert found.shape == shape


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("family", [dino_wm, lewm], ids=FAMILIES)
def test_encoder_and_cost_use_nothing_of_the_host(family: Any, precision: str) -> None:
    with fake_cuda() as watch:
        model = made(family(), precision=precision)
        for frames in (1, 2):
            with torch.inference_mode():
                check(cost(watch, model, frames)(candidates(model)), 1, 5)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("family", [dino_wm, lewm], ids=FAMILIES)
def test_gradients_use_nothing_of_the_host(family: Any, precision: str) -> None:
    with fake_cuda() as watch:
        model = made(family(), precision=precision)
        actions = candidates(model).requires_grad_()
        costs = cost(watch, model, 2)
        with watch.captured():
            (slope,) = torch.autograd.grad(costs(actions).sum(), actions)
        check(slope, *actions.shape)


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        (dino_wm(concat_dim=0, registers=2, mlp="swiglu"), {"precision": "float16"}),
        (dino_wm(repeats=(2, 3), feature_key="x_norm_clstoken"), {"candidates": 2}),
        (dino_wm(num_hist=2), {"approximation": "rolling_cache", "precision": "bfloat16"}),
        (lewm(norm="layer", width=6), {"precision": "float16", "candidates": 2}),
        (lewm(norm="none", frames=2), {"approximation": "rolling_cache"}),
    ],
    ids=["two tokens", "class token", "dino_wm rolls", "layer norm", "lewm rolls"],
)
def test_models_of_other_kinds_use_nothing_of_the_host(
    spec: ModelSpec, options: dict[str, Any]
) -> None:
    with fake_cuda() as watch, torch.inference_mode():
        model = made(spec, **options)
        check(cost(watch, model, 2, mode="mean")(candidates(model)), 1, 5)


@pytest.mark.parametrize("mode", ["last", "all", "mean"])
@pytest.mark.parametrize("metric", ["l2", "l1", "cos"])
def test_distances_use_nothing_of_the_host(metric: str, mode: str) -> None:
    with fake_cuda() as watch:
        frames, there = (torch.zeros(2, *x, 4, 6, device=DEVICE) for x in ((5, 3), (1,)))
        weights = torch.ones(2, 1, 4, device=DEVICE)
        for reduction, given in itertools.product(("mean", "sum"), (None, weights)):
            objective = ObjectiveSpec(metric=metric, reduction=reduction)
            with watch.captured():
                wanted = Latent(there, weights=given)
                far = distance_to_goal(Latent(frames), wanted, objective, mode)
                check(Objective(mode=mode)(far, far), 2, 5)


@pytest.mark.parametrize(
    ("family", "preset"), [(dino_wm, "gradient"), (dino_wm, "dino_wm"), (lewm, "online")]
)
def test_between_an_observation_and_reading_the_plan_nothing_waits(
    family: Any, preset: str
) -> None:
    with fake_cuda() as watch:
        model = made(family(), precision="bfloat16")
        planner = make_planner(
            preset,
            action_dim=model.spec.model_action_dim,
            horizon=HORIZON,
            device=DEVICE,
            iterations=2,
            num_samples=30,
        )
        scoring, wanted = Scoring(model, Objective(), captured=True), goal(model, masked=True)
        for frames in (1, 2):
            seen = batch(model, frames)  # sends the images
            watch.waits.clear()
            with torch.inference_mode():
                latent = model.encode(seen)
                distance = model.distance(latent, wanted)
                result = planner.plan(scoring.cost(latent, wanted))
            assert watch.waits == ["ending.check_end", "solver.plan"]
            check(distance, 1, 1)
            check(result.actions, 1, HORIZON, model.spec.model_action_dim)


def test_frames_are_decoded_on_the_device() -> None:
    with fake_cuda() as watch, torch.inference_mode():
        model = made(dino_wm())
        latent = model.encode(batch(model, 2))
        watch.waits.clear()
        images = model.decode(model.rollout(latent, candidates(model)))
        assert images is not None
        check(images, 1, 5, 2 + HORIZON, 32, 32, 3)
        assert watch.waits == []


def test_latent_models_use_nothing_of_the_host(spec: ModelSpec) -> None:
    spec.architecture = {"decoder_size": 16, "distance_weights": [1.0, 2.0, 0.5]}
    with fake_cuda() as watch, torch.inference_mode():
        model = LatentWorldModel(spec, None, DEVICE)
        seen = observation_batch(SEEN, spec, DEVICE)
        actions = torch.zeros(1, 5, HORIZON, spec.model_action_dim, device=DEVICE)
        with watch.captured():
            latent = model.encode(seen)
            rollout = model.rollout(latent, actions)
            check(model.distance(rollout, latent), 1, 5)
            images = model.decode(rollout)
        assert images is not None
        check(images, 1, 5, 1 + HORIZON, 16, 16, 3)
