"""The reference run of upstream's own code is reproduced: ``test/data/dino_wm/README.md``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wm_planner.config import Config, ModelConfig, PlanningConfig
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.planning import Objective, make_planner
from wm_planner.types import Goal, Observation, Past
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import PlanOnce


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5, check_device=False)


@pytest.fixture(scope="module")
def start(model: DinoWorldModel, reference: dict[str, Tensor]) -> Latent:
    return model.encode(ObservationBatch(reference["obs_visual"], reference["obs_proprio"]))


@pytest.fixture(scope="module")
def goal(model: DinoWorldModel, reference: dict[str, Tensor]) -> Latent:
    return model.encode(ObservationBatch(reference["goal_visual"], reference["goal_proprio"]))


def test_encoded_observation_and_goal(start: Latent, goal: Latent, reference) -> None:
    close(start.visual, reference["z_obs_visual"])
    close(start.proprio, reference["z_obs_proprio"])
    close(goal.visual, reference["z_goal_visual"])
    close(goal.proprio, reference["z_goal_proprio"])


def test_embedded_actions(model: DinoWorldModel, reference) -> None:
    with torch.inference_mode():
        actions = reference["act"].to(model.device)
        close(model.networks.action_encoder(actions), reference["act_emb"])


def test_joined_tokens(model: DinoWorldModel, start: Latent, reference) -> None:
    with torch.inference_mode():
        first = model.networks.action_encoder(reference["act"][:, :1].to(model.device))
        frames = model.tokens.join(start.visual, start.proprio).expand(4, -1, -1, -1)
        close(model.tokens.with_action(frames, first), reference["z_encode"])


def test_prediction_of_one_frame(model: DinoWorldModel, reference) -> None:
    with torch.inference_mode():
        predicted = model.networks.predictor.predict(reference["z_encode"].to(model.device))
    close(predicted, reference["z_predict_1frame"])


def test_rollout_from_one_frame(model: DinoWorldModel, start: Latent, reference) -> None:
    with torch.inference_mode():
        rollout = model.rollout(start, reference["act"][None])
    close(rollout.visual[0], reference["rollout_visual"])
    close(rollout.proprio[0], reference["rollout_proprio"])


def test_rollout_from_three_frames(model: DinoWorldModel, reference) -> None:
    """The history's own actions are the first ten that the environment got."""
    past = model.spec.normalize_actions(reference["gt_env_actions"].reshape(1, 5, 10)[:, :2])
    history = ObservationBatch(
        reference["obs3_visual"], reference["obs3_proprio"], torch.from_numpy(past)
    )
    with torch.inference_mode():
        rollout = model.rollout(model.encode(history), reference["act"][None])
    close(rollout.visual[0], reference["rollout3_visual"])
    close(rollout.proprio[0], reference["rollout3_proprio"])


@pytest.mark.parametrize(
    ("name", "objective"),
    [
        ("obj_last_alpha0", Objective(alpha=0.0)),
        ("obj_last_alpha0.5", Objective(alpha=0.5)),
        ("obj_last_alpha1", Objective(alpha=1.0)),
        ("obj_all_alpha1_base2", Objective(mode="all", alpha=1.0, base=2.0)),
    ],
)
def test_objectives(
    model: DinoWorldModel, start: Latent, goal: Latent, reference, name: str, objective: Objective
) -> None:
    with torch.inference_mode():
        rollout = model.rollout(start, reference["act"][None])
        close(model.distance(rollout, goal, objective)[0], reference[name])


def test_whole_plan(model: DinoWorldModel, reference_run: Path) -> None:
    trace = dict(np.load(reference_run / "plan_trace.npz"))
    run = json.loads(str(trace["settings"]))
    observed, wanted = (
        model.encode(
            ObservationBatch(
                torch.from_numpy(trace[f"{name}_visual"]),
                torch.from_numpy(trace[f"{name}_proprio"]),
            )
        )
        for name in ("obs", "goal")
    )
    actions, losses = [], []

    def cost(candidates: Tensor) -> Tensor:
        costs = model.distance(model.rollout(observed, candidates), wanted)
        if candidates.shape[1] > 1:  # not the returned mean, which DINO-WM does not evaluate
            actions.append(candidates[0].clone())
            losses.append(costs[0].clone())
        return costs

    planner = make_planner(
        "dino_wm",
        action_dim=run["action_dim"],
        horizon=run["horizon"],
        seed=0,
        num_samples=run["samples"],
        num_elites=run["topk"],
        iterations=run["steps"],
        device=model.device,
    )
    with torch.inference_mode():
        result = planner.plan(cost)
    expected = {k: torch.from_numpy(v) for k, v in trace.items() if k != "settings"}
    close(torch.stack(actions), expected["sampled_actions"])
    close(torch.stack(losses), expected["sampled_losses"])
    close(torch.stack(losses).amin(-1).double(), expected["losses"])
    close(result.actions, expected["mu"])
    commands = model.spec.denormalize_actions(result.actions[0].cpu().numpy()).reshape(25, 2)
    np.testing.assert_allclose(commands, trace["env_actions"], atol=1e-5)


@pytest.mark.usefixtures("captures")
@pytest.mark.parametrize("compute", ["eager", "graphs"])
def test_engine_finds_upstreams_plan(
    model_directory: Path, reference_run: Path, device: str, compute: str
) -> None:
    trace = np.load(reference_run / "plan_trace.npz")
    run = json.loads(str(trace["settings"]))
    planning = PlanningConfig(
        preset="dino_wm",
        horizon=run["horizon"],
        num_samples=run["samples"],
        num_elites=run["topk"],
        iterations=run["steps"],
        budget=0.0,
    )
    config = Config(
        ModelConfig(str(model_directory), device, precision="float32", compute=compute), planning
    )
    start, goal = (
        Observation((trace[f"{name}_visual"][0, 0],), trace[f"{name}_proprio"][0, 0])
        for name in ("obs", "goal")
    )
    planned = Engine(config).answer(PlanOnce(0, start, Goal(goal)))
    np.testing.assert_allclose(
        planned.actions.reshape(trace["env_actions"].shape), trace["env_actions"], atol=1e-5
    )


def test_engine_costs_of_three_frames(model_directory: Path, reference, device: str) -> None:
    """From raw images, proprio and physical actions to the costs of upstream's own rollouts."""
    proprio = reference["obs3_proprio"][0].double().numpy()
    frames = [
        Observation((image.numpy(),), state)
        for image, state in zip(reference["obs3_visual"][0], proprio, strict=True)
    ]
    wanted = reference["goal_visual"][0, 0].numpy(), reference["goal_proprio"][0, 0].numpy()
    past = Past(tuple(frames[:2]), reference["gt_env_actions"][:10].double().numpy().reshape(2, 10))
    model = ModelConfig(str(model_directory), device, precision="float32", history="real")
    engine = Engine(Config(model))
    latent, goal = (
        engine._encode(frames[2], past),
        engine._encode(Observation((wanted[0],), wanted[1])),
    )
    with torch.inference_mode():
        costs = engine._scoring.cost(latent, goal)(reference["act"][None].to(device))
    far = (reference["rollout3_visual"][:, -1] - reference["z_goal_visual"][0]).square()
    states = (reference["rollout3_proprio"][:, -1] - reference["z_goal_proprio"][0]).square()
    close(costs[0], far.mean(dim=(1, 2)) + states.mean(dim=1))
