"""Converted runs of all kinds, and small random models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import small_dino_wm
from conversions import facts, write_statistics
from dino_wm_runs import TrainingRun

from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.request import Converted, Request
from wm_planner.models.dino_wm.model import DinoWorldModel


@pytest.fixture
def random_model(tmp_path: Path) -> Callable[..., DinoWorldModel]:
    """Make a small model whose every tensor is random; see ``small_dino_wm``."""
    return partial(small_dino_wm.random_model, tmp_path)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Converted]:
    """Convert a run that is written with the given settings, with its statistics in a file."""

    def make(run: TrainingRun, **changes: Any) -> Converted:
        directory = run.write(tmp_path / "run")
        names = [f"a{i}" for i in range(run.action_dim)]
        state = [f"p{i}" for i in range(run.proprio_dim)]
        given = {
            "action": {"names": names, "units": ["m"] * len(names), "frame": "base"},
            "proprio": {"names": state, "units": ["m"] * len(state)},
            "encoder_heads": 0 if run.encoder_inside else 2,
        }
        request = {
            "encoder": None if run.encoder_inside else tmp_path / "encoder.pth",
            **changes,
        }
        if "statistics" not in request:
            request["statistics"] = write_statistics(tmp_path, run.action_dim, run.proprio_dim)
        output = request.pop("output", tmp_path / "model")
        return convert(Request(directory, output, **request), facts(**given))

    return make
