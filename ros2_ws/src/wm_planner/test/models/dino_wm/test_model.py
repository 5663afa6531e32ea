"""Rules of the DINO-WM family besides its rollout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.loading import WeightsError
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.spec import ImageSpec, ProprioSpec, SpecError
from wm_planner.planning import Objective

Maker = Callable[..., DinoWorldModel]


@pytest.fixture
def seen(reference: dict[str, torch.Tensor]) -> ObservationBatch:
    return ObservationBatch(reference["obs_visual"], reference["obs_proprio"])


def test_networks_are_in_evaluation_mode_and_frozen(model: DinoWorldModel) -> None:
    assert not any(module.training for module in model.networks.modules())
    assert not any(parameter.requires_grad for parameter in model.networks.parameters())


def test_equal_inputs_give_equal_plans(model: DinoWorldModel, seen: ObservationBatch) -> None:
    actions = torch.ones(1, 2, 3, 10)
    first, second = (model.rollout(model.encode(seen), actions) for _ in range(2))
    torch.testing.assert_close(first.visual, second.visual, rtol=0, atol=0)


def test_encoder_input_equals_upstreams(
    model: DinoWorldModel, seen: ObservationBatch, reference
) -> None:
    given = []
    hook = model.networks.encoder.register_forward_pre_hook(lambda _, args: given.extend(args))
    try:
        model.encode(seen)
    finally:
        hook.remove()
    torch.testing.assert_close(given[0].cpu(), reference["encoder_input_196"], rtol=0, atol=1e-5)


def test_camera_images_of_any_size_are_taken(model: DinoWorldModel, seen: ObservationBatch) -> None:
    latent = model.encode(replace(seen, images=torch.zeros(1, 1, 480, 640, 3, dtype=torch.uint8)))
    assert latent.visual.shape == (1, 1, 196, 48)


def test_float_images_are_refused(model: DinoWorldModel, seen: ObservationBatch) -> None:
    with pytest.raises(ValueError, match="must be uint8"):
        model.encode(replace(seen, images=seen.images / 255.0))


def test_double_precision_proprio_is_taken(model: DinoWorldModel, seen: ObservationBatch) -> None:
    torch.testing.assert_close(
        model.encode(replace(seen, proprio=seen.proprio.double())).proprio,
        model.encode(seen).proprio,
    )


def test_missing_or_misshapen_proprio_is_refused(
    model: DinoWorldModel, seen: ObservationBatch
) -> None:
    for proprio in (None, seen.proprio[..., :3], seen.proprio.expand(1, 2, 4)):
        with pytest.raises(ValueError, match=r"proprio must be .* x, y, vx, vy"):
            model.encode(replace(seen, proprio=proprio))


def test_actions_that_do_not_fit_the_frames_are_refused(
    model: DinoWorldModel, seen: ObservationBatch
) -> None:
    with pytest.raises(ValueError, match="actions of a history"):
        model.encode(replace(seen, actions=torch.zeros(1, 1, 10)))


def test_model_trained_without_proprio_needs_none(
    random_model: Maker, seen: ObservationBatch
) -> None:
    model = random_model({"proprio": ProprioSpec()})
    latent = model.encode(replace(seen, proprio=None))
    bias = model.networks.proprio_encoder.patch_embed.bias
    torch.testing.assert_close(latent.proprio[0, 0], bias)
    assert model.distance(model.rollout(latent, torch.zeros(1, 2, 3, 4)), latent).shape == (1, 2)


def test_bgr_models_encode_and_decode_in_their_own_order(
    random_model: Maker, seen: ObservationBatch
) -> None:
    rgb = random_model()
    bgr = random_model({"image": ImageSpec(size=32, color_order="bgr")})
    swapped = replace(seen, images=seen.images.flip(-1))
    torch.testing.assert_close(bgr.encode(seen).visual, rgb.encode(swapped).visual)
    latent = rgb.encode(swapped)
    assert torch.equal(bgr.decode(latent), rgb.decode(latent).flip(-1))


def test_distance_of_a_goal_to_itself_is_zero(
    model: DinoWorldModel, seen: ObservationBatch
) -> None:
    latent = model.encode(seen)
    assert model.distance(latent, latent).tolist() == [[0.0]]


def test_mean_objective_counts_the_predicted_frames(
    model: DinoWorldModel, seen: ObservationBatch
) -> None:
    latent = model.encode(seen)
    rollout = model.rollout(latent, torch.ones(1, 2, 2, 10))
    frames = [
        model.distance(Latent(rollout.visual[:, :, [i]], rollout.proprio[:, :, [i]]), latent)
        for i in (1, 2)
    ]
    torch.testing.assert_close(
        model.distance(rollout, latent, Objective(mode="mean")), sum(frames) / 2
    )


def test_goal_of_another_batch_is_refused(model: DinoWorldModel, seen: ObservationBatch) -> None:
    latent = model.encode(seen)
    two = Latent(latent.visual.expand(2, -1, -1, -1), latent.proprio.expand(2, -1, -1))
    with pytest.raises(ValueError, match="a goal latent is"):
        model.distance(two, latent)


def test_decoded_frames_are_images(model: DinoWorldModel, seen: ObservationBatch) -> None:
    rollout = model.rollout(model.encode(seen), torch.ones(1, 2, 3, 10))
    images = model.decode(rollout)
    assert images.shape == (1, 2, 4, 224, 224, 3)
    assert images.dtype == torch.uint8


def test_decoded_values_are_scaled_to_bytes_and_clamped(
    random_model: Maker, seen: ObservationBatch
) -> None:
    model = random_model()
    latent = model.encode(seen)
    with torch.inference_mode():
        raw = 255 * (model.networks.decoder(latent.visual[0])[0] * 0.5 + 0.5)
    assert raw.min() < -1
    assert raw.max() > 256
    expected = raw.clamp(0, 255).permute(1, 2, 0)
    assert (model.decode(latent)[0, 0] - expected).abs().max() <= 0.51


def test_model_without_a_decoder_decodes_to_nothing(model: DinoWorldModel, seen) -> None:
    architecture = {**model.spec.architecture, "decoder": None}
    silent = DinoWorldModel(replace(model.spec, architecture=architecture), None, model.device)
    assert silent.decode(silent.encode(seen)) is None


def test_num_hist_must_be_the_predictors(model: DinoWorldModel) -> None:
    with pytest.raises(SpecError, match=r"predictor\.frames is 3, but num_hist is 2"):
        DinoWorldModel(replace(model.spec, num_hist=2), None)


def test_models_of_several_views_are_refused(model: DinoWorldModel) -> None:
    with pytest.raises(SpecError, match="takes one view"):
        DinoWorldModel(replace(model.spec, views=["front", "wrist"]), None)


def test_truncated_weights_are_refused_with_a_sentence(
    model: DinoWorldModel, model_directory: Path, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes((model_directory / "weights.safetensors").read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="cannot be read as safetensors"):
        DinoWorldModel(model.spec, path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("encoder.cls_token"), "encoder.cls_token is missing"),
        (lambda t: t.update(extra=torch.zeros(1)), "extra is not known"),
        (
            lambda t: t.update({"predictor.pos_embedding": torch.zeros(1, 196, 68)}),
            r"pos_embedding is \(1, 196, 68\), not \(1, 588, 68\)",
        ),
        (lambda t: t.clear(), "and .* more"),
    ],
    ids=["missing", "unknown", "another shape", "foreign"],
)
def test_weights_that_do_not_fit_are_named(
    model: DinoWorldModel, model_directory: Path, tmp_path: Path, change, says: str
) -> None:
    tensors = load_file(model_directory / "weights.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "weights.safetensors")
    with pytest.raises(WeightsError, match=says):
        DinoWorldModel(model.spec, tmp_path / "weights.safetensors")
