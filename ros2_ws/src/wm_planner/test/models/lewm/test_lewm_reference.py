"""The reference run of upstream's own code is reproduced: ``test/data/lewm/README.md``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from lewm_runs import DATA
from torch import Tensor

from wm_planner.config import Config, ModelConfig, PlanningConfig
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.planning import make_planner
from wm_planner.types import Goal, Observation, Past
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import PlanOnce, PlanRequest, SetGoal


def close(actual: Tensor, expected: Tensor) -> None:
    """Agree within 1e-5 of the largest value."""
    within = 1e-5 * float(expected.abs().max())
    torch.testing.assert_close(actual.cpu(), expected, rtol=0, atol=within)


def observed(model: LewmWorldModel, images: Tensor) -> Latent:
    return model.encode(ObservationBatch(images[:, None]))


@pytest.mark.parametrize("shape", ["images", "rect", "big"])
def test_preprocessed_images(model: LewmWorldModel, reference, shape: str) -> None:
    close(model._preprocess(reference[f"{shape}_raw"][None])[0], reference[f"{shape}_pre"])


def test_tokens_of_the_encoder(model: LewmWorldModel, reference) -> None:
    tokens = model.networks.encoder(reference["images_pre"].to(model.device))
    close(tokens, reference["encoder_tokens"])


@pytest.mark.parametrize(
    ("shape", "name"), [("images", "emb"), ("rect", "rect_emb"), ("big", "big_emb")]
)
def test_latents(model: LewmWorldModel, reference, shape: str, name: str) -> None:
    close(observed(model, reference[f"{shape}_raw"]).visual[:, 0, 0], reference[name])


def test_normalized_and_embedded_actions(model: LewmWorldModel, reference) -> None:
    blocks = model.spec.normalize_actions(reference["actions_raw"].reshape(8, 10))
    close(torch.from_numpy(blocks).float(), reference["action_blocks"])
    embedded = model.networks.action_encoder(reference["action_blocks"].to(model.device))
    close(embedded, reference["act_emb"])


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_prediction_of_each_window(model: LewmWorldModel, reference, frames: int) -> None:
    latents, actions = (
        reference[name][None, :frames].to(model.device) for name in ("emb", "act_emb")
    )
    with torch.inference_mode():
        predicted = model.networks.pred_proj(model.networks.predictor.predict(latents, actions))
    close(predicted[0], reference[f"predict_{frames}"])


def test_rollouts_and_costs_of_two_problems_at_once(model: LewmWorldModel, reference) -> None:
    start, goal = (
        observed(model, reference["images_raw"][reference[f"{name}_index"]])
        for name in ("start", "goal")
    )
    close(goal.visual[:, 0], reference["goal_emb"])
    with torch.inference_mode():
        rollout = model.rollout(start, reference["candidates"].to(model.device))
        close(rollout.visual[:, :, :, 0], reference["rollout"])
        close(model.distance(rollout, goal), reference["cost"])


def test_rollout_from_three_frames(model: LewmWorldModel, reference) -> None:
    """The sequence begins with the actions that led from frame to frame."""
    sequence = reference["history_sequence"]
    history = ObservationBatch(reference["images_raw"][None, :3], actions=sequence[:, 0, :2])
    with torch.inference_mode():
        candidates = sequence[:, :, 2:].to(model.device)
        rollout = model.rollout(model.encode(history), candidates)
    close(rollout.visual[:, :, :, 0], reference["history_rollout"])


def test_whole_plan(model: LewmWorldModel, reference) -> None:
    trace = dict(np.load(DATA / "plan_trace.npz"))
    run = json.loads(str(trace["settings"]))
    start, goal = (observed(model, reference["images_raw"][i : i + 1]) for i in (0, 5))
    actions, costs = [], []

    def cost(candidates: Tensor) -> Tensor:
        found = model.distance(model.rollout(start, candidates), goal)
        if candidates.shape[1] > 1:  # not the returned mean, which upstream does not evaluate
            actions.append(candidates[0].cpu())
            costs.append(found[0].cpu())
        return found

    planner = make_planner(
        "dino_wm",
        action_dim=model.spec.model_action_dim,
        horizon=run["horizon"],
        seed=run["seed"],
        num_samples=run["num_samples"],
        num_elites=run["topk"],
        iterations=run["n_steps"],
        device=model.device,
    )
    with torch.inference_mode():
        result = planner.plan(cost)
    expected = {k: torch.from_numpy(v) for k, v in trace.items() if k != "settings"}
    close(torch.stack(actions), expected["candidates"])
    close(torch.stack(costs), expected["costs"])
    close(result.actions[0], expected["actions"])
    commands = model.spec.denormalize_actions(result.actions[0].cpu().numpy()).reshape(25, 2)
    np.testing.assert_allclose(commands, trace["actions_env"], atol=1e-4)


@pytest.mark.usefixtures("captures")
@pytest.mark.parametrize("compute", ["eager", "graphs"])
def test_engine_finds_upstreams_plan(
    model_directory: Path, reference, device: str, compute: str
) -> None:
    trace = np.load(DATA / "plan_trace.npz")
    run = json.loads(str(trace["settings"]))
    planning = PlanningConfig(
        preset="dino_wm",
        horizon=run["horizon"],
        num_samples=run["num_samples"],
        num_elites=run["topk"],
        iterations=run["n_steps"],
        seed=run["seed"],
        budget=0.0,
    )
    config = Config(
        ModelConfig(str(model_directory), device, precision="float32", compute=compute), planning
    )
    start, goal = (Observation((reference["images_raw"][i].numpy(),)) for i in (0, 5))
    planned = Engine(config).answer(PlanOnce(0, start, Goal(goal), seed=run["seed"]))
    np.testing.assert_allclose(planned.actions.reshape(25, 2), trace["actions_env"], atol=1e-4)


def test_engine_plans_from_three_frames(model_directory: Path, reference, device: str) -> None:
    """From raw images and physical actions to the costs of upstream's own rollouts."""
    frames = [Observation((image.numpy(),), stamp=0.0) for image in reference["images_raw"]]
    past = Past(tuple(frames[:2]), reference["actions_raw"][:10].double().numpy().reshape(2, 10))
    config = Config(ModelConfig(str(model_directory), device, precision="float32", history="real"))
    engine = Engine(config)
    engine.warm_up()
    candidates = reference["history_sequence"][:, :, 2:].to(device)
    latent, goal = engine._encode(frames[2], past), engine._encode(frames[8])
    with torch.inference_mode():
        costs = engine._scoring.cost(latent, goal)(candidates)
    last = reference["history_rollout"][:, :, -1]
    close(costs, (last - reference["emb"][8]).square().sum(dim=-1))
    engine.set_goal(SetGoal(1, Goal(frames[8])))
    planned = engine.answer(PlanRequest(1, frames[2], past=past))
    alone = engine.answer(PlanRequest(1, frames[2]))
    assert (planned.frames, alone.frames) == (3, 1)
    assert planned.distance == pytest.approx(alone.distance, rel=1e-5)
    assert not np.allclose(planned.actions, alone.actions)
