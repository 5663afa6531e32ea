"""Facts that the run lacks are asked for all at once, and checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from conversions import (
    BOMB,
    ENCODER,
    MAZE,
    RUN,
    facts,
)
from dino_wm_runs import TrainingRun

from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.facts import read_facts
from wm_planner.conversion.request import Converted, Request


def test_all_missing_facts_are_asked_for_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(Request(RUN, tmp_path / "out"), read_facts(None, {}))
    message = str(caught.value)
    for option in ("--encoder", "--dataset", "--statistics", "--control-rate", "--color-order",
                   "--action-names", "--action-units", "--action-frame", "--proprio-names",
                   "--proprio-units"):  # fmt: skip
        assert option in message
    template = message[message.index("control_rate:") :]
    assert yaml.safe_load(template).keys() == {"control_rate", "color_order", "action", "proprio"}
    (tmp_path / "meta.yaml").write_text(template)
    with pytest.raises(ConversionError, match="--action-frame"):  # filled in with nothing
        convert(Request(RUN, tmp_path / "out"), read_facts(tmp_path / "meta.yaml", {}))
    for blank, value in (("control_rate:", "10"), ("color_order:", "bgr"), ("frame:", "maze")):
        template = template.replace(blank, f"{blank} {value}", 1)
    template = template.replace("names:", "names: [fx, fy]", 1).replace(
        "units:", "units: [N, N]", 1
    )
    head, _, tail = template.partition("proprio:")
    tail = tail.replace("names:", "names: [x, y, vx, vy]").replace("units:", "units: [m, m, v, v]")
    (tmp_path / "meta.yaml").write_text(f"{head}proprio:{tail}\nencoder_heads: 3\n")
    told = read_facts(tmp_path / "meta.yaml", {"color_order": "rgb"})
    converted = convert(Request(RUN, tmp_path / "out", ENCODER, MAZE), told)
    assert converted.spec.image.color_order == "rgb"
    assert converted.spec.proprio.units == ["m", "m", "v", "v"]


def test_a_layout_of_the_dataset_names_the_numbers(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    data = tmp_path / "set"
    data.mkdir()
    torch.manual_seed(1)
    torch.save(torch.randn(4, 20, 2), data / "actions.pth")
    torch.save(torch.randn(4, 20, 4), data / "states.pth")
    layout = {"action": {"a0": "m", "a1": "m"}, "state": {f"p{i}": "m" for i in range(4)},
              "proprio": [f"p{i}" for i in range(4)], "epsilon": 0.0}  # fmt: skip
    (data / "layout.yaml").write_text(yaml.safe_dump(layout, sort_keys=False))
    converted = made(TrainingRun(), dataset=data, dataset_kind="franka", statistics=None)
    assert converted.spec.source["dataset_kind"] == "franka"
    layout["action"] = {"a1": "m", "a0": "m"}
    (data / "layout.yaml").write_text(yaml.safe_dump(layout, sort_keys=False))
    request = Request(
        tmp_path / "run", tmp_path / "other", tmp_path / "encoder.pth", data, "franka"
    )
    with pytest.raises(ConversionError, match="the dataset's layout says a1, a0"):
        convert(request, facts(encoder_heads=2, action={"names": ["a0", "a1"]}, proprio={}))
    told = facts(encoder_heads=2, action={"frame": "base"}, proprio={})
    assert convert(request, told).spec.action.names == ["a1", "a0"]


def test_facts_with_aliases_are_refused(tmp_path: Path) -> None:
    (tmp_path / "meta.yaml").write_bytes(BOMB + b"control_rate: *a59\n")
    with pytest.raises(ConversionError, match=r"meta\.yaml is not valid YAML: line 2: aliases"):
        read_facts(tmp_path / "meta.yaml", {})
