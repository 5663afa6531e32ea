"""Training of a LeWM: its loss, and that it writes what LeWM's own code writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from wm_planner.conversion.facts import read_facts
from wm_planner.conversion.registry import convert
from wm_planner.conversion.request import Request
from wm_planner.datasets import read
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.loading import load
from wm_planner.progress import Step
from wm_planner_sim.training import lewm
from wm_planner_sim.training.collect import Dataset
from wm_planner_sim.training.lewm import Schedule


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Three episodes of random images, of the size of the training's."""
    rng = np.random.default_rng(0)
    size = lewm.IMAGE_SIZE
    return Dataset(
        rng.integers(0, 256, (3, 6, size, size, 3), np.uint8),
        rng.normal(size=(3, 6, 3)).astype(np.float32),
        rng.normal(size=(3, 5, 3)).astype(np.float32) * 0.02,
    )


@pytest.fixture(scope="module")
def model(data: Dataset) -> LewmWorldModel:
    torch.manual_seed(0)
    made = LewmWorldModel(lewm.describe(data), None)
    lewm.initialize(made.networks)
    return made


def test_what_is_written_converts_to_the_same_model(
    tmp_path: Path, data: Dataset, model: LewmWorldModel
) -> None:
    torch.save(lewm.upstream_names(model.networks), tmp_path / "weights.pt")
    (tmp_path / "config.json").write_text(json.dumps(lewm.configuration()))
    lewm.write_data(tmp_path / "data.h5", data)
    facts = read_facts(
        None,
        {
            "control_rate": 5.0,
            "color_order": "rgb",
            "camera_crop": "center",
            "normalization": "population",
            "action": {"names": ["dx", "dy", "dz"], "units": ["m"] * 3, "frame": "panda_link0"},
        },
    )
    request = Request(tmp_path, tmp_path / "model", dataset=tmp_path / "data.h5")
    spec = convert(request, facts).spec
    loaded = load(tmp_path / "model", "cpu")
    assert isinstance(loaded, LewmWorldModel)
    weights, own = loaded.networks.state_dict(), model.networks.state_dict()
    assert weights.keys() == own.keys()
    assert all(torch.equal(weights[name], own[name]) for name in own)
    assert spec.architecture == model.spec.architecture
    np.testing.assert_allclose(spec.statistics.action.std, model.spec.statistics.action.std)


def test_episodes_are_written_as_they_were_recorded(tmp_path: Path, data: Dataset) -> None:
    lewm.write_data(tmp_path / "data.h5", data)
    written = read(tmp_path / "data.h5", "stable_worldmodel", normalization="population")
    assert written.lengths == [6, 6, 6]
    episode = written.episode(1)
    np.testing.assert_array_equal(episode.images, data.images[1])
    np.testing.assert_array_equal(episode.actions[:-1], data.actions[1])


def test_regularization_is_least_for_a_standard_normal_distribution() -> None:
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(512, 8, generator=generator)
    wanted = float(lewm.sigreg(normal, generator))
    for wrong in (torch.zeros(512, 8), 0.3 * normal, 3 * normal, normal + 1):
        assert float(lewm.sigreg(wrong, generator)) > 2 * wanted
    collapsed = (0.01 * normal).requires_grad_()
    lewm.sigreg(collapsed, generator).backward()
    assert collapsed.grad is not None
    assert float((collapsed.grad * collapsed.detach()).sum()) < 0  # the gradient spreads it


def test_a_training_tells_its_error_and_ends_in_evaluation_mode(
    data: Dataset, model: LewmWorldModel
) -> None:
    torch.set_num_threads(1)
    told: list[float | None] = []

    @contextmanager
    def progress(what: str, total: float | None = None) -> Iterator[Step]:
        told.append(total)
        yield lambda units=1: told.append(units)

    error = lewm.train(model, data, 0, Schedule(steps=3, batch=4), progress)
    assert np.isfinite(error)
    assert told == [3, 1, 1, 1]
    assert not model.networks.training
    assert not any(parameter.requires_grad for parameter in model.networks.parameters())


def test_equal_seeds_give_equal_weights(data: Dataset) -> None:
    made = []
    for _ in range(2):
        model = LewmWorldModel(lewm.describe(data), None)
        lewm.train(model, data, 3, Schedule(steps=2, batch=4))
        made.append(model.networks.state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
