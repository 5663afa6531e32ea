"""Rules of the architecture settings in ``model.yaml``."""

from __future__ import annotations

import pytest

from wm_planner.models.dino_wm.architecture import Architecture
from wm_planner.models.spec import SpecError


@pytest.fixture
def content(model) -> dict:
    return model.architecture.to_dict()


def test_architecture_survives_plain_data(content) -> None:
    assert Architecture.from_dict(content).to_dict() == content


def test_decoder_may_be_absent(content) -> None:
    assert Architecture.from_dict({**content, "decoder": None}).decoder is None


@pytest.mark.parametrize(
    ("part", "key", "value", "says"),
    [
        ("encoder", "feature_key", "x_prenorm", "encoder.feature_key"),
        ("encoder", "mlp", "relu", "encoder.mlp"),
        ("encoder", "registers", -1, "encoder.registers"),
        ("encoder", "heads", 5, "multiple of heads"),
        ("encoder", "color", 1, "architecture.encoder: .*'color'"),
        ("predictor", "depth", 0, "predictor.depth"),
        ("predictor", "depth", "six", "predictor.depth"),
        ("predictor", "mlp_dim", 10**9, "predictor.mlp_dim must be a whole number from 1 to"),
        ("predictor", "width", 70, "predictor.width is 70.* give 68"),
        ("predictor", "tokens", 198, "predictor.tokens is 198.* give 196"),
        ("decoder", "quantize", "no", "decoder.quantize"),
        ("decoder", "emb_dim", 40, "decoder.emb_dim is 40"),
    ],
)
def test_wrong_setting_is_refused_by_name(content, part, key, value, says) -> None:
    content[part][key] = value
    with pytest.raises(SpecError, match=says):
        Architecture.from_dict(content)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"concat_dim": 2}, "concat_dim must be 0 or 1"),
        ({"concat_dim": 0}, "with concat_dim 0"),
        ({"num_action_repeat": 0}, "num_action_repeat"),
        ({"proprio_emb_dim": True}, "proprio_emb_dim"),
        ({"predictor": None}, "architecture.predictor must be a mapping"),
        ({"layers": 3}, "architecture: .*'layers'"),
    ],
)
def test_contradiction_is_refused(content, change, says) -> None:
    with pytest.raises(SpecError, match=says):
        Architecture.from_dict({**content, **change})


@pytest.mark.parametrize("part", ["encoder", "predictor", "concat_dim"])
def test_missing_part_is_named(content, part) -> None:
    del content[part]
    with pytest.raises(SpecError, match=part):
        Architecture.from_dict(content)


def test_missing_setting_is_named(content) -> None:
    del content["predictor"]["dim_head"]
    with pytest.raises(SpecError, match=r"architecture\.predictor: .*'dim_head'"):
        Architecture.from_dict(content)
