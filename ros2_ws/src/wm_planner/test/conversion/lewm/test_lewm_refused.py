"""What is no LeWM training, or lacks something, ends in a sentence, and no directory is made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from lewm_runs import (
    DATA,
    EPISODES,
    LEWM_CLASS,
    NUMBERS,
    PICKLED,
    REFUSALS,
    convert_lewm,
    lewm_facts,
    refused,
    renamed_pickle,
    state_dict,
    write_configured,
    write_training,
)

from wm_planner.conversion.errors import ConversionError


def set_entry(key: str, value: Any) -> Callable[[Any], Any]:
    def change(config: Any) -> Any:
        part, name = key.split(".")
        return {**config, part: {**config[part], name: value}}

    return change


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("encoder.patch_size", 16, "encoder.patch_size is 16, but the checkpoint's tensors say 14"),
        ("encoder.image_size", 224, "encoder.image_size is 224"),
        ("encoder.layer_norm_eps", 1e-6, "layer_norm_eps 1e-06; only 1e-12"),
        ("encoder.hidden_act", "relu", "hidden_act 'relu'; only 'gelu'"),
        ("encoder.num_attention_heads", 5, "multiple of heads"),
        ("predictor.num_frames", 4, "predictor.num_frames is 4"),
        ("predictor.heads", 5, "no 5 heads of 16"),
        ("predictor.heads", -1, "no -1 heads"),
        ("predictor.dim_head", 8, "no 4 heads of 8"),
        ("predictor.depth", 6, "predictor.depth is 6"),
        ("action_encoder.emb_dim", 1, "action_encoder.emb_dim is 1"),
        ("action_encoder.input_dim", 99, "action_encoder.input_dim is 99"),
        ("projector.output_dim", 99, "projector.output_dim is 99"),
        ("pred_proj.input_dim", 99, "pred_proj.input_dim is 99"),
        ("projector.act_fn", {"_target_": "torch.nn.SiLU"}, "projector.act_fn is torch.nn.SiLU"),
        ("pred_proj.norm_fn", "torch.nn.LayerNorm", "pred_proj.norm_fn is torch.nn.LayerNorm"),
    ],
)
def test_a_configuration_of_another_training(
    tmp_path: Path, key: str, value: Any, words: str
) -> None:
    run = write_configured(tmp_path / "run", set_entry(key, value))
    refused(run, tmp_path / "model", words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b"[1, 2]", "describes no LeWM model"),
        (b'{"encoder": {}}', "describes no LeWM model"),
        (b'{"predictor": {"heads": 4}}', "--encoder-heads"),
        (b'{"predictor": {"heads": "4"}, "encoder": {"size": 3}}', "--predictor-heads"),
        (b'{"predictor": {"heads": 1' + b"0" * 5000 + b"}}", "is not valid JSON"),
    ],
)
def test_an_unusable_configuration(tmp_path: Path, content: bytes, words: str) -> None:
    run = write_configured(tmp_path / "run", lambda config: config)
    (run / "config.json").write_bytes(content)
    refused(run, tmp_path / "model", words)


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda tensors: tensors.pop(name)


def put(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda tensors: tensors.update({name: value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("predictor.pos_embedding"), "no tensors predictor.pos_embedding"),
        (without("projector.net.3.bias"), "lacks the tensor projector.net.3.bias"),
        (
            without("encoder.encoder.layer.1.attention.attention.key.bias"),
            r"lacks .*1\.attn\.qkv",
        ),
        (without("encoder.embeddings.cls_token"), "lacks the tensor encoder.cls_token"),
        (without("action_encoder.patch_embed.weight"), "lacks the tensor action_encoder"),
        (put("high_level.predictor.pos_embedding", torch.zeros(1, 3, 48)), "2 tensors predictor"),
        (put("decoder.weight", torch.zeros(3)), "has a tensor decoder.weight that LeWM's"),
        (put("encoder.layernorm.bias", torch.zeros(47)), r"of shape \(47,\) instead of \(48,\)"),
        (put("encoder.layernorm.bias", torch.full((48,), torch.nan)), "not finite"),
        (put("encoder.layernorm.bias", torch.zeros(48, dtype=torch.bool)), "no real numbers"),
        (put("encoder.layernorm.bias", torch.zeros(48, dtype=torch.int64)), "no real numbers"),
        (put("predictor.pos_embedding", torch.zeros(3)), r"of shape \(3,\)"),
        (put("encoder.embeddings.position_embeddings", torch.zeros(1, 18, 48)), "of shape"),
        (put("projector.net.1.running_var", torch.zeros(0)), "of shape"),
        (put("action_encoder.patch_embed.weight", torch.zeros(10, 7, 1)), "takes 7 action numbers"),
        (put("action_encoder.patch_embed.weight", torch.zeros(10, 10, 3)), "instead of"),
        (put("encoder.layers.0.attention.q_proj.bias", torch.zeros(48)), "under two names"),
    ],
)
def test_tensors_of_another_model(tmp_path: Path, change, words: str) -> None:
    run = write_configured(tmp_path / "run", lambda config: config)
    tensors = state_dict()
    change(tensors)
    torch.save(tensors, run / "weights.pt")
    refused(run, tmp_path / "model", words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((LEWM_CLASS, b"cother\nModel\n"), None),  # the name alone decides nothing
        ((b"X\t\x00\x00\x00projector", b"X\t\x00\x00\x00projectos"), "part projectos"),
        ((b"X\t\x00\x00\x00predictor", b"X\t\x00\x00\x00predictos"), "no world models in it"),
        ((b"GELUActivation", b"ReLUActivation"), "ReLUActivation as encoder.encoder.layer.0"),
        ((b"activation\nGELU\n", b"activation\nSiLU\n"), "SiLU as .*net.2, where LeWM has GELU"),
        ((b"activation\nSiLU\n", b"activation\nGELU\n"), "GELU as .*, where LeWM has SiLU"),
        ((b"batchnorm\nBatchNorm1d\n", b"instancenorm\nInstanceNorm1d\n"), "InstanceNorm1d as"),
        ((b"X\x04\x00\x00\x00none", b"X\x04\x00\x00\x00tanh"), "tanh as approximate of"),
    ],
)
def test_a_pickled_model_of_another_kind(tmp_path: Path, change, words: str | None) -> None:
    path = renamed_pickle(tmp_path / "a_object.ckpt", change)
    if words is None:
        convert_lewm(path, tmp_path / "model")
    else:
        refused(path, tmp_path / "model", words)


@pytest.mark.parametrize("content", [torch.zeros(3), [1, 2], {"a": 1}, {"state_dict": {"a": 1}}])
def test_a_file_without_weights(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "weights.pt")
    refused(tmp_path / "weights.pt", tmp_path / "model", r"no weights of a LeWM model|no tensors")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "is no training that is known"),
        (["a.ckpt", "b.ckpt"], "has a.ckpt, b.ckpt: choose one with --checkpoint"),
        (["weights.pt", "a_object.ckpt"], "choose one with --checkpoint"),
        (["normalizer.pt", "prior_head_a.pt"], "is no training that is known"),
    ],
)
def test_which_checkpoint_is_not_guessed(tmp_path: Path, names: list[str], words: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in names:
        shutil.copy(DATA / "lewm/weights.pt", run / name)
    refused(run, tmp_path / "model", words)


def test_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    refused(
        DATA / "lewm", tmp_path / "model", "has no checkpoint 7; it has weights.pt", checkpoint="7"
    )
    refused(PICKLED, tmp_path / "model", "leave out --checkpoint", checkpoint="7")
    refused(tmp_path / "no.ckpt", tmp_path / "model", "is no training that is known")


def test_everything_missing_is_asked_for_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        convert_lewm(
            DATA / "lewm",
            tmp_path / "model",
            lewm_facts(camera_crop="", normalization="", control_rate=None, action={}),
            dataset=None,
        )
    question = str(caught.value)
    for option in ("--dataset FILE", "--control-rate", "--action-names", "--camera-crop",
                   "--normalization"):  # fmt: skip
        assert option in question
    assert "camera_crop:" in question  # in the file to fill in
    assert "proprio" not in question


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"camera_crop": "left"}, "--camera-crop is left: give square"),
        ({"camera_crop": "640x480:400,0,480,480"}, "does not lie in an image of 640x480"),
        ({"camera_crop": "0x0:0,0,0,0"}, "does not lie in an image"),
        ({"normalization": "minmax"}, "--normalization is minmax: give population, sample, none"),
        ({"camera_crop": "squash"}, "--camera-crop is squash: give square, center, or a part"),
        ({"proprio": {"names": ["x"], "units": ["m"]}}, "proprio was given"),
        ({"encoder_heads": 4}, "--encoder-heads is 4, but the files say 3"),
        (
            {"action": {"names": ["a", "b", "c"], "units": ["m"] * 3, "frame": "f"}},
            "no whole number",
        ),
        ({"action": {"names": ["a"], "units": ["m"], "frame": "f"}}, "of 2 action numbers"),
        ({"action": {"names": ["a", "b"], "units": ["m"], "frame": "f"}}, "action.units has 1"),
        ({"epochs": -5}, "training.epochs is -5"),
        ({"license": {"name": "a\nb"}}, "license.name is"),
    ],
)
def test_impossible_facts(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(REFUSALS, match=words):
        convert_lewm(DATA / "lewm", tmp_path / "model", lewm_facts(**changes))
    assert not (tmp_path / "model").exists()


def test_an_encoder_is_not_needed(tmp_path: Path) -> None:
    refused(DATA / "lewm", tmp_path / "model", "holds its encoder", encoder=PICKLED)


def test_images_that_are_not_square_are_no_training_of_the_published_rule(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "wide.h5", "w") as content, h5py.File(EPISODES) as genuine:
        for name in ("action", "ep_len", "ep_offset"):
            content[name] = genuine[name][()]
        content["pixels"] = np.zeros((82, 48, 64, 3), np.uint8)
    refused(DATA / "lewm", tmp_path / "model", "are not square", dataset=tmp_path / "wide.h5")


def test_calibration_needs_images(tmp_path: Path) -> None:
    refused(
        DATA / "lewm", tmp_path / "model", "has no column pixels", dataset=NUMBERS, calibrate=True
    )


def test_an_encoder_of_another_size(tmp_path: Path) -> None:
    def larger(config: Any) -> Any:
        return {**config, "encoder": {"size": "base", "patch_size": 14}}

    words = "has the size base, 768 features, but the checkpoint's has 48"
    refused(write_configured(tmp_path / "run", larger), tmp_path / "model", words)


def test_an_encoder_without_sizes(tmp_path: Path) -> None:
    def by_size(config: Any) -> Any:
        return {**config, "encoder": {"size": "tiny", "patch_size": 14}}

    run = write_configured(tmp_path / "run", by_size)
    torch.save(
        state_dict() | {"encoder.embeddings.cls_token": torch.tensor(1.0)}, run / "weights.pt"
    )
    refused(run, tmp_path / "model", "192 features, but the checkpoint's has 0")


def test_networks_that_lewm_does_not_have_are_no_less_refused_in_a_training(tmp_path: Path) -> None:
    path = write_training(tmp_path / "run")
    content = torch.load(path)
    content["state_dict"]["model.proprio_encoder.weight"] = torch.zeros(3)
    torch.save(content, path)
    refused(path, tmp_path / "model", "has a tensor proprio_encoder.weight that LeWM's")


def test_a_checkpoint_of_dino_wm_is_told_from_one(tmp_path: Path) -> None:
    maze = DATA.parent / "dino_wm/outputs/tiny/checkpoints"
    refused(maze, tmp_path / "model", "for DINO-WM, the directory that has hydra.yaml")


def test_a_configuration_that_is_no_file_is_not_left_out(tmp_path: Path) -> None:
    run = write_configured(tmp_path / "run", lambda config: config)
    (run / "config.json").unlink()
    (run / "config.json").symlink_to(tmp_path / "nowhere")
    refused(run, tmp_path / "model", "config.json cannot be read")


def test_a_kind_of_data_set_of_another_family(tmp_path: Path) -> None:
    refused(DATA / "lewm", tmp_path / "model", "trains on stable_worldmodel", dataset_kind="wall")
