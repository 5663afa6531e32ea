"""The genuine LeWM run as a model, converted from each of its forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lewm_runs import DATA, LEWM_CLASS, convert_lewm, renamed_pickle, write_training
from torch import Tensor

from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.loading import load

FORMS = ("transformers 5", "transformers 4", "pickled", "pickled by le-wm", "in a training")


@pytest.fixture(scope="session")
def reference() -> dict[str, Tensor]:
    """What upstream computed, by the names of ``reference.npz``."""
    return {k: torch.from_numpy(v) for k, v in np.load(DATA / "reference.npz").items()}


@pytest.fixture(scope="session", params=FORMS)
def model_directory(request: pytest.FixtureRequest, tmp_path_factory) -> Path:
    """The run, converted from one of its forms."""
    folder: Path = tmp_path_factory.mktemp("lewm")
    run = {
        "transformers 5": DATA / "lewm",
        "transformers 4": DATA / "lewm_transformers4",
        "pickled": DATA / "lewm_object.ckpt",
    }.get(request.param)
    if request.param == "pickled by le-wm":
        run = renamed_pickle(
            folder / "toy_epoch_9_object.ckpt",
            (LEWM_CLASS, b"cjepa\nJEPA\n"),
            (b"cstable_worldmodel.wm.lewm.module\nPredictor\n", b"cmodule\nARPredictor\n"),
            (b"cstable_worldmodel.wm.lewm.module\n", b"cmodule\n"),
        )
    if request.param == "in a training":
        run = write_training(folder / "run")
    assert run is not None
    return convert_lewm(run, folder / "model").directory


@pytest.fixture(scope="session")
def model(model_directory: Path, device: str) -> LewmWorldModel:
    """The run, loaded as any model is, on every device."""
    loaded = load(model_directory, device)
    assert isinstance(loaded, LewmWorldModel)
    return loaded
