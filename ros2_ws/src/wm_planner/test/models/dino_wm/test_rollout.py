"""Rollouts of every kind of model equal the literal restatement of upstream's rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import restated_dino_wm as restated
import torch

from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.planning import make_planner

Maker = Callable[..., DinoWorldModel]


def observe(frames: int, batch: int = 1, seed: int = 0) -> ObservationBatch:
    """``frames`` frames with the actions between them."""
    generator = torch.Generator().manual_seed(seed)
    return ObservationBatch(
        torch.randint(0, 256, (batch, frames, 40, 32, 3), generator=generator, dtype=torch.uint8),
        torch.randn(batch, frames, 4, generator=generator),
        torch.randn(batch, frames - 1, 4, generator=generator) if frames > 1 else None,
    )


def candidates(count: int, horizon: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, count, horizon, 4, generator=torch.Generator().manual_seed(9))


def check(model: DinoWorldModel, observation: ObservationBatch, actions: torch.Tensor) -> None:
    with torch.inference_mode():
        latent = model.encode(observation)
        rollout = model.rollout(latent, actions)
        for row in range(len(actions)):
            count = actions.shape[1]
            past = latent.actions[row : row + 1].cpu() if latent.actions is not None else None
            given = actions[row]
            if past is not None:
                given = torch.cat([past.expand(count, -1, -1), given], 1)
            visual, proprio = restated.rollout(
                on_the_cpu(model),
                model.architecture,
                model.spec.num_hist,
                latent.visual[row].cpu().expand(count, -1, -1, -1),
                latent.proprio[row].cpu().expand(count, -1, -1),
                given,
            )
            torch.testing.assert_close(rollout.visual[row].cpu(), visual, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(rollout.proprio[row].cpu(), proprio, rtol=1e-4, atol=1e-5)


def on_the_cpu(model: DinoWorldModel) -> dict[str, torch.Tensor]:
    return {name: tensor.cpu() for name, tensor in model.networks.state_dict().items()}


@pytest.mark.parametrize("num_hist", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("observed", [1, 3, 6])
def test_every_history_and_window(random_model: Maker, num_hist: int, observed: int) -> None:
    check(random_model(num_hist=num_hist), observe(observed), candidates(3, 4))


@pytest.mark.parametrize("concat_dim", [0, 1])
@pytest.mark.parametrize("repeats", [(1, 1), (3, 2)])
@pytest.mark.parametrize("feature_key", ["x_norm_patchtokens", "x_norm_clstoken"])
def test_every_layout_of_tokens(
    random_model: Maker, concat_dim: int, repeats: tuple[int, int], feature_key: str
) -> None:
    model = random_model(concat_dim=concat_dim, repeats=repeats, feature_key=feature_key)
    check(model, observe(2), candidates(3, 3))


def test_problems_of_a_batch_are_rolled_out_on_their_own(random_model: Maker) -> None:
    check(random_model(num_hist=3), observe(2, batch=3), candidates(2, 4, batch=3))


def test_horizon_of_one_step(random_model: Maker) -> None:
    check(random_model(num_hist=3), observe(1), candidates(2, 1))


def test_first_action_changes_the_first_predicted_frame_and_later_ones_do_not(
    model: DinoWorldModel, reference: dict[str, torch.Tensor]
) -> None:
    """An 'off-by-one fix' in circulation prepends zeros: plan[0] then does nothing at first."""
    actions = torch.zeros(1, 3, 3, 10)
    actions[:, 1, 0] = 1.0
    actions[:, 2, 1] = 1.0
    with torch.inference_mode():
        latent = model.encode(ObservationBatch(reference["obs_visual"], reference["obs_proprio"]))
        frames = model.rollout(latent, actions).visual[0]
    torch.testing.assert_close(frames[:, 0], latent.visual[0].expand(3, -1, -1), rtol=0, atol=0)
    assert (frames[0, 1] - frames[1, 1]).abs().max() > 0.01
    torch.testing.assert_close(frames[0, 1], frames[2, 1], rtol=0, atol=1e-6)
    assert (frames[0, 2] - frames[2, 2]).abs().max() > 0.01


def test_past_actions_matter(random_model: Maker) -> None:
    model, seen = random_model(num_hist=3), observe(3)
    with torch.inference_mode():
        latent = model.encode(seen)
        other = replace(latent, actions=latent.actions + 1.0)
        first, second = (model.rollout(some, candidates(1, 1)).visual for some in (latent, other))
    assert (first - second)[:, :, -1].abs().max() > 0.01


def test_gradients_reach_every_action(random_model: Maker) -> None:
    model = random_model(num_hist=2)
    latent, goal = model.encode(observe(1)), model.encode(observe(1, seed=5))
    actions = candidates(2, 4).requires_grad_()
    model.distance(model.rollout(latent, actions), goal).sum().backward()
    assert (actions.grad.abs().amax(-1) > 0).all()


def test_gradients_are_those_of_the_restatement(random_model: Maker) -> None:
    model = random_model(num_hist=2)
    latent = model.encode(observe(1))
    actions = candidates(1, 3).requires_grad_()
    model.rollout(latent, actions).visual[:, :, -1].square().mean().backward()
    same = actions.detach().clone().requires_grad_()
    visual, _ = restated.rollout(
        on_the_cpu(model), model.architecture, 2, latent.visual.cpu(), latent.proprio.cpu(), same[0]
    )
    visual[:, -1].square().mean().backward()
    torch.testing.assert_close(actions.grad, same.grad, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("observed", [1, 3])
@pytest.mark.parametrize("concat_dim", [0, 1])
def test_gradient_planner_lowers_the_cost_of_latents_made_in_inference_mode(
    random_model: Maker, observed: int, concat_dim: int
) -> None:
    model = random_model(num_hist=2, concat_dim=concat_dim)
    with torch.inference_mode():
        latent, goal = model.encode(observe(observed)), model.encode(observe(1, seed=5))
    planner = make_planner(
        "gradient", action_dim=4, horizon=3, num_samples=2, iterations=5, device=model.device
    )
    result = planner.plan(lambda actions: model.distance(model.rollout(latent, actions), goal))
    assert result.cost_history[-1, 0] < result.cost_history[0, 0]


@pytest.mark.parametrize("shape", [(1, 2, 3, 5), (2, 2, 3, 4), (2, 3, 4)])
def test_actions_of_another_shape_are_refused(random_model: Maker, shape: tuple[int, ...]) -> None:
    model = random_model()
    with pytest.raises(ValueError, match="actions must be"):
        model.rollout(model.encode(observe(1)), torch.zeros(shape))


def test_history_without_its_actions_is_refused(random_model: Maker) -> None:
    model = random_model()
    latent = model.encode(replace(observe(3), actions=None))
    with pytest.raises(ValueError, match="actions between them"):
        model.rollout(latent, candidates(1, 2))


def test_rollout_cannot_start_from_a_rollout(random_model: Maker) -> None:
    model = random_model()
    rolled = model.rollout(model.encode(observe(1)), candidates(1, 2))
    with pytest.raises(ValueError, match="what encode returned"):
        model.rollout(rolled, candidates(1, 2))


def test_latent_without_proprio_is_refused(random_model: Maker) -> None:
    model = random_model()
    with pytest.raises(ValueError, match="what encode returned"):
        model.rollout(Latent(model.encode(observe(1)).visual), candidates(1, 2))
