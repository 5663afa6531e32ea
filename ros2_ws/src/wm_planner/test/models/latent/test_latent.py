"""The latent family with untrained weights follows the protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.loading import WeightsError
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.spec import (
    ActionSpec,
    Calibration,
    CommandMapping,
    ImageSpec,
    ModelSpec,
    Moments,
    SpecError,
    Statistics,
    Training,
    WeightsFile,
)
from wm_planner.planning import Objective

SPEC = ModelSpec(
    name="tiny",
    family="latent",
    weights=WeightsFile(sha256="0"),
    image=ImageSpec(size=32),
    action=ActionSpec(
        ["dx", "dy", "dz"], ["m"] * 3, "panda_link0", [-0.05] * 3, [0.05] * 3,
        CommandMapping("relative", ["dx", "dy", "dz"]),
    ),
    statistics=Statistics(Moments([0.0] * 3, [0.03] * 3)),
    calibration=Calibration(0.01, 1.0, 0.1),
    training=Training(1, 1, 0),
    control_rate=5.0,
    architecture={"latent_dim": 4, "width": 4, "maps": 6, "hidden": 16, "decoder_size": 16},
)  # fmt: skip


@pytest.fixture
def model(device: str) -> LatentWorldModel:
    torch.manual_seed(0)
    return LatentWorldModel(SPEC, None, torch.device(device))


def image(batch: int = 1, frames: int = 1, height: int = 48, width: int = 64) -> ObservationBatch:
    generator = torch.Generator().manual_seed(batch + height)
    shape = (batch, frames, height, width, 3)
    return ObservationBatch(torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8))


def test_networks_are_in_evaluation_mode_and_frozen(model: LatentWorldModel) -> None:
    assert not any(module.training for module in model.networks.modules())
    assert not any(parameter.requires_grad for parameter in model.networks.parameters())


def test_shapes_follow_the_protocol(model: LatentWorldModel) -> None:
    latent = model.encode(image(batch=2))
    assert latent.visual.shape == (2, 1, 1, 4)
    rollout = model.rollout(latent, torch.zeros(2, 7, 5, 3))
    assert rollout.visual.shape == (2, 7, 6, 1, 4)
    assert model.distance(rollout, latent).shape == (2, 7)
    assert model.distance(latent, latent).shape == (2, 1)
    drawn = model.decode(rollout)
    assert drawn is not None
    assert drawn.shape == (2, 7, 6, 16, 16, 3)
    assert drawn.dtype == torch.uint8


def test_weights_say_how_much_each_number_counts_in_a_distance(model: LatentWorldModel) -> None:
    weights = [0.0, 1.0, 1.0, 2.0]
    spec = replace(SPEC, architecture={**SPEC.architecture, "distance_weights": weights})
    weighted = LatentWorldModel(spec, None, model.device)
    seen, goal = (Latent(torch.randn(2, 1, 1, 4, device=model.device)) for _ in range(2))
    squares = (seen.visual - goal.visual).square()[:, 0]
    expected = (squares * torch.tensor(weights, device=model.device)).sum(-1) / sum(weights)
    torch.testing.assert_close(weighted.distance(seen, goal), expected)
    torch.testing.assert_close(model.distance(seen, goal), squares.mean(-1))
    tiny = {**SPEC.architecture, "distance_weights": [w * 1e-60 for w in weights]}
    same = LatentWorldModel(replace(SPEC, architecture=tiny), None, model.device)
    torch.testing.assert_close(same.distance(seen, goal), expected)


@pytest.mark.parametrize(
    "weights",
    [[1.0] * 3, [1.0] * 5, [0.0] * 4, [-1.0, 1, 1, 1], [float("nan"), 1, 1, 1], [True, 1, 1, 1],
     ["1", 1, 1, 1], 1.0, {"a": 1}, [[1.0] * 4]],
)  # fmt: skip
def test_other_weights_are_refused(weights: object) -> None:
    def build() -> None:
        spec = replace(SPEC, architecture={**SPEC.architecture, "distance_weights": weights})
        LatentWorldModel(spec, None)

    with pytest.raises(SpecError, match=r"architecture\.distance_weights"):
        build()


def test_without_a_decoder_decode_returns_none() -> None:
    spec = replace(SPEC, architecture={**SPEC.architecture, "decoder_size": 0})
    model = LatentWorldModel(spec, None)
    assert model.decode(model.encode(image())) is None


def test_equal_inputs_give_equal_latents(model: LatentWorldModel) -> None:
    first, second = (model.encode(image()).visual for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_only_the_newest_image_is_encoded(model: LatentWorldModel) -> None:
    several = image(frames=3)
    newest = ObservationBatch(several.images[:, -1:])
    torch.testing.assert_close(model.encode(several).visual, model.encode(newest).visual)


def test_first_action_changes_the_first_predicted_frame_and_later_ones_do_not(
    model: LatentWorldModel,
) -> None:
    latent = model.encode(image())
    actions = torch.zeros(1, 3, 4, 3)
    actions[:, 1, 0] = 1.0
    actions[:, 2, 1] = 1.0
    frames = model.rollout(latent, actions).visual[0, :, :, 0]
    torch.testing.assert_close(frames[0, 0], latent.visual[0, 0, 0])
    assert not torch.allclose(frames[0, 1], frames[1, 1])
    torch.testing.assert_close(frames[0, 1], frames[2, 1])
    assert not torch.allclose(frames[0, 2], frames[2, 2])


def test_candidates_and_problems_do_not_influence_each_other(model: LatentWorldModel) -> None:
    latent = model.encode(image(batch=2))
    actions = torch.randn(2, 5, 3, 3, generator=torch.Generator().manual_seed(1))
    together = model.rollout(latent, actions).visual
    alone = model.rollout(Latent(latent.visual[1:]), actions[1:, 3:4]).visual
    torch.testing.assert_close(together[1, 3], alone[0, 0])


def test_gradients_reach_the_actions(model: LatentWorldModel) -> None:
    latent, goal = model.encode(image()), model.encode(image(height=64))
    actions = torch.zeros(1, 2, 3, 3, requires_grad=True)
    model.distance(model.rollout(latent, actions), goal).sum().backward()
    assert actions.grad is not None
    assert actions.grad.abs().sum() > 0


def test_distance_is_the_mean_squared_difference_of_the_last_frame(
    model: LatentWorldModel,
) -> None:
    frames = torch.zeros(1, 1, 2, 1, 4)
    frames[0, 0, 1, 0, 0] = 2.0
    goal = Latent(torch.zeros(1, 1, 1, 4))
    assert model.distance(Latent(frames), goal).item() == pytest.approx(1.0)


def test_objective_decides_which_frames_count(model: LatentWorldModel) -> None:
    frames = torch.zeros(1, 1, 3, 1, 4)
    frames[0, 0, 1] = 2.0
    goal = Latent(torch.zeros(1, 1, 1, 4))
    cost = model.distance(Latent(frames), goal, Objective(mode="mean"))
    assert cost.item() == pytest.approx(2.0)


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(1, 48, 64, 3, dtype=torch.uint8),
        torch.zeros(1, 1, 3, 48, 64, dtype=torch.uint8),
        torch.zeros(1, 1, 48, 64, 3),
    ],
    ids=["no time axis", "channels first", "float"],
)
def test_images_of_another_shape_or_type_are_refused(
    model: LatentWorldModel, images: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match="images must be uint8"):
        model.encode(ObservationBatch(images))


@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (2, 2, 3, 3), (2, 3, 3)])
def test_actions_of_another_shape_are_refused(
    model: LatentWorldModel, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="actions must be"):
        model.rollout(model.encode(image()), torch.zeros(shape))


def test_a_goal_of_another_batch_size_is_refused(model: LatentWorldModel) -> None:
    with pytest.raises(ValueError, match="a goal latent is"):
        model.distance(model.encode(image(batch=2)), model.encode(image()))


@pytest.mark.parametrize(
    "architecture",
    [
        {"color": 3},
        {"latent_dim": 0},
        {"latent_dim": "three"},
        {"hidden": 10**9},
        {"decoder_size": 12},
    ],
)
def test_an_impossible_architecture_is_refused(architecture: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        LatentWorldModel(replace(SPEC, architecture=architecture), None)


def test_a_history_is_refused() -> None:
    with pytest.raises(SpecError, match="one image"):
        LatentWorldModel(replace(SPEC, num_hist=3), None)


def test_saved_weights_give_equal_latents(model: LatentWorldModel, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(model.networks.state_dict(), path)
    torch.manual_seed(1)
    again = LatentWorldModel(SPEC, path, model.device)
    torch.testing.assert_close(again.encode(image()).visual, model.encode(image()).visual)


def test_weights_of_another_architecture_are_refused(
    model: LatentWorldModel, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(model.networks.state_dict(), path)
    other = replace(SPEC, architecture={**SPEC.architecture, "hidden": 32})
    with pytest.raises(WeightsError, match="does not fit"):
        LatentWorldModel(other, path)


def test_a_bgr_model_gets_bgr_images() -> None:
    torch.manual_seed(0)
    rgb = LatentWorldModel(SPEC, None)
    bgr = LatentWorldModel(replace(SPEC, image=ImageSpec(size=32, color_order="bgr")), None)
    bgr.networks.load_state_dict(rgb.networks.state_dict())
    seen = image()
    torch.testing.assert_close(
        bgr.encode(seen).visual, rgb.encode(ObservationBatch(seen.images.flip(-1))).visual
    )
