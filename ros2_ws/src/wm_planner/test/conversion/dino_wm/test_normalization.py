"""The statistics are those of the training, or the conversion is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conversions import (
    MAZE,
    facts,
    write_statistics,
)
from dino_wm_runs import TrainingRun

from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.request import Converted, Request
from wm_planner.models import load_spec


def test_a_run_without_normalization_needs_no_dataset(tmp_path: Path) -> None:
    run = TrainingRun().write(tmp_path / "run")
    config = yaml.safe_load((run / "hydra.yaml").read_text())
    config["normalize_action"] = config["env"]["dataset"]["normalize_action"] = False
    (run / "hydra.yaml").write_text(yaml.safe_dump(config))
    request = Request(run, tmp_path / "model", tmp_path / "encoder.pth")
    converted = convert(request, facts(encoder_heads=2))
    statistics = load_spec(converted.directory).statistics
    assert (statistics.action.mean, statistics.action.std) == ([0.0, 0.0], [1.0, 1.0])
    assert statistics.provenance is not None
    assert statistics.provenance.formula == "normalize_action false: mean 0, std 1"
    other = Request(run, tmp_path / "other", tmp_path / "encoder.pth",
                    statistics=write_statistics(tmp_path, 2, 4))  # fmt: skip
    with pytest.raises(ConversionError, match="normalize_action is false"):
        convert(other, facts(encoder_heads=2))


def test_statistics_of_another_version_of_the_data_are_refused(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    """Trained with 8 numbers per action, normalized with 6: a real cause of bad plans."""
    with pytest.raises(ConversionError, match=r"of 6 action numbers, but .* trained with 8"):
        made(TrainingRun(action_dim=8), statistics=write_statistics(tmp_path, 6, 4))


def test_statistics_of_a_wrong_kind_name_the_kind(
    made: Callable[..., Converted], tmp_path: Path
) -> None:
    """Read as point_maze, the whole state is the proprio."""
    with pytest.raises(ConversionError, match=r"read as point_maze .* has statistics of 4 proprio"):
        made(TrainingRun(proprio_dim=3), dataset=MAZE, statistics=None)
