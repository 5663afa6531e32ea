"""What cannot be converted ends in one sentence, and no directory is made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversions import (
    BOMB,
    DATA,
    ENCODER,
    ERRORS,
    LATEST,
    MAZE,
    RUN,
    facts,
    replace_file,
    set_config,
    set_img_size,
    set_num_hist,
    write_statistics,
)
from dino_wm_runs import TrainingRun

from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.request import Converted, Request
from wm_planner.files.errors import FileFormatError


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: (run / "hydra.yaml").unlink(), "hydra.yaml cannot be read"),
        (replace_file("hydra.yaml", b"a: [1"), "is not valid YAML"),
        (replace_file("hydra.yaml", b"\xff\xfe"), "is not valid YAML"),
        (replace_file("hydra.yaml", b"- 1"), "not a mapping"),
        (replace_file("hydra.yaml", b"hydra: {run: {dir: x}}"), "one of Hydra's own files"),
        (replace_file("hydra.yaml", b"img_size: ${size}"), "one of Hydra's own files"),
        (replace_file("hydra.yaml", b"img_size: 224"), "lacks encoder._target_"),
        (
            set_config("frameskip", 3),
            "frameskip is 3, but the checkpoint's action encoder takes 10",
        ),
        (set_config("frameskip", "5"), "unusable value '5' for frameskip"),
        (set_config("frameskip", [[0]]), "unusable value [[0]] for frameskip"),
        (set_config("num_hist", 5), "model.num_hist is 3, but num_hist is 5"),
        (set_config("img_size", 256), "transform.img_size is 224, but img_size is 256"),
        (set_config("env.dataset.transform.img_size", 64), "img_size is 64, but img_size is 224"),
        (set_config("model.image_size", 64), "model.image_size is 64, but img_size is 224"),
        (set_config("concat_dim", 2), "hydra.yaml says concat_dim is 2"),
        (replace_file("hydra.yaml", BOMB), "aliases (*) are not read"),
        (replace_file("hydra.yaml", b"[" * 5000), "nested too deeply"),
        (set_num_hist(5), "make 5 x 196 positions, but the checkpoint's predictor has 588"),
        (set_num_hist(2), "make 2 x 196 positions"),
        (set_img_size(256), "make 3 x 256 positions"),
        (set_img_size(8), "hydra.yaml says img_size is 8"),
        (set_config("concat_dim", 0), "is not the encoder of this run"),
        (set_config("num_action_repeat", 2), "is not the encoder of this run"),
        (set_config("encoder.feature_key", "x_norm_clstoken"), "make 3 x 1 positions"),
        (set_config("action_emb_dim", 12), "action_emb_dim is 12"),
        (
            set_config("predictor.heads", 16),
            "predictor.heads is 16, but the predictor's heads is 4",
        ),
        (set_config("predictor.depth", 6), "different runs"),
        (set_config("predictor.dim_head", 64), "different runs"),
        (set_config("decoder.channel", 384), "decoder.channel is 384"),
        (set_config("encoder._target_", "models.encoder.resnet.resnet18"), "only DINOv2 encoders"),
        (set_config("encoder.name", "dinov2_vitz14"), "known are dinov2_vits14"),
        (
            set_config("encoder.name", "dinov2_vits14_reg"),
            "4: give dinov2_vits14_reg4_pretrain.pth",
        ),
        (set_config("encoder.feature_key", "x_prenorm"), "feature_key is x_prenorm"),
        (set_config("model.train_encoder", True), "official weights would be the wrong ones"),
        (
            set_config("env.dataset.transform._target_", "my.transform"),
            "image transform my.transform",
        ),
        (set_config("env.dataset._target_", "my.data"), "whose rule is not known"),
        (lambda run: (run / LATEST).unlink(), "it has no checkpoint at all"),
        (replace_file(LATEST, b""), "is empty"),
        (replace_file(LATEST, ENCODER), "is no checkpoint of DINO-WM"),
        (replace_file(LATEST, MAZE / "actions.pth"), "not a checkpoint of DINO-WM"),
        (replace_file(LATEST, DATA / "reference.npz"), "a zip archive, but not one of torch.save"),
    ],
)
def test_a_wrong_run_gives_an_error_and_no_directory(
    tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    damage(run)
    with pytest.raises(ERRORS) as caught:
        convert(Request(run, tmp_path / "out", ENCODER, MAZE), facts())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("changes", "told", "words"),
    [
        ({"encoder": RUN / LATEST}, {}, "holds a checkpoint of a training, not named tensors"),
        ({"encoder": MAZE / "actions.pth"}, {}, "not named tensors"),
        ({"encoder": Path("missing.pth")}, {}, "cannot be read"),
        ({"checkpoint": "40"}, {}, "has no model_40.pth; it has model_latest.pth"),
        ({"checkpoint": "../hydra.pth"}, {}, "it has model_latest.pth"),
        ({"dataset": None, "statistics": Path("missing.yaml")}, {}, "missing.yaml is missing"),
        ({"statistics": Path("statistics.yaml")}, {}, "exclude each other"),
        ({"dataset": RUN}, {}, "actions.pth is missing"),
        ({"dataset_kind": "maze"}, {}, "must be one of"),
        ({"calibrate": True}, {}, "the dataset's images"),
        ({"output": Path("nowhere/out")}, {}, "is no directory"),
        ({}, {"action": {"names": ["a"], "units": ["N"], "frame": "maze"}}, "names has 1 entries"),
        ({}, {"proprio": {"names": ["x", "y"], "units": ["m", "m"]}}, "4 proprio numbers"),
        ({}, {"proprio": {"names": []}}, "4 proprio numbers"),
        ({}, {"control_rate": -1.0}, "control_rate is -1.0; it must be"),
        ({}, {"control_rate": 0.0}, "control_rate is 0.0; it must be"),
        ({}, {"color_order": "rbg"}, "color_order must be rgb or bgr"),
        ({}, {"encoder_heads": 5}, "multiple of heads"),
        ({}, {"action": {"names": ["a", "b"], "units": ["N", "N"], "frame": "maze",
                         "command": {"mode": "relative", "position": ["a", "b", "c"]}}}, "lacks"),
    ],
)  # fmt: skip
def test_a_wrong_option_gives_an_error_and_no_directory(
    tmp_path: Path, changes: dict[str, Any], told: dict[str, Any], words: str
) -> None:
    wanted = {"output": tmp_path / "out", "encoder": ENCODER, "dataset": MAZE, **changes}
    with pytest.raises(ERRORS) as caught:
        convert(Request(RUN, **wanted), facts(**told))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_positions_that_fit_by_chance_are_refused(tmp_path: Path) -> None:
    """Four frames of one token beside a configuration of one frame of four."""
    run = TrainingRun(num_hist=4, feature_key="x_norm_clstoken").write(tmp_path / "run")
    set_num_hist(1)(run)
    set_config("encoder.feature_key", "x_norm_patchtokens")(run)
    request = Request(run, tmp_path / "model", tmp_path / "encoder.pth",
                      statistics=write_statistics(tmp_path, 2, 4))  # fmt: skip
    with pytest.raises(ConversionError, match=r"make 4 tokens .* masks frames of 1"):
        convert(request, facts(encoder_heads=2))


def test_a_renamed_checkpoint_is_refused(made: Callable[..., Converted]) -> None:
    with pytest.raises(ConversionError, match="holds epoch 7, not 40"):
        made(TrainingRun(file="model_40.pth"), checkpoint="model_40.pth")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    run = TrainingRun()
    directory = run.write(tmp_path / "run")
    run.modules["predictor"].pos_embedding.data[0, 1, 2] = float("nan")
    run.save(directory / LATEST)
    request = Request(directory, tmp_path / "out", tmp_path / "encoder.pth",
                      statistics=write_statistics(tmp_path, 2, 4))  # fmt: skip
    with pytest.raises(FileFormatError, match=r"predictor\.pos_embedding holds numbers that are"):
        convert(request, facts(encoder_heads=2))
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]
