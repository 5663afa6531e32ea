"""The statistics of a LeWM training: from data, normalizers and scalers, or refused."""

from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from lewm_runs import DATA, EPISODES, PICKLED, convert_lewm, lewm_facts, refused

from wm_planner.conversion.errors import ConversionError
from wm_planner.models.spec import CONSTANTS, load_spec

STATISTICS = {"mean": [0.2181592434644699, 0.1630001813173294],
              "std": [0.9571216702461243, 1.3546024560928345]}  # fmt: skip


def test_the_deviation_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    sample, population = (
        convert_lewm(DATA / "lewm", tmp_path / n, lewm_facts(normalization=n)).spec.statistics
        for n in ("sample", "population")
    )
    ratio = np.array(sample.action.std) / population.action.std
    np.testing.assert_allclose(ratio, np.sqrt(6000 / 5999), rtol=1e-6)
    assert sample.provenance is not None
    assert "ddof 1" in sample.provenance.formula


def test_without_normalization_no_data_set_is_needed(tmp_path: Path) -> None:
    facts = lewm_facts(normalization="none")
    spec = convert_lewm(DATA / "lewm", tmp_path / "model", facts, dataset=None).spec
    assert (spec.statistics.action.mean, spec.statistics.action.std) == ([0, 0], [1, 1])
    assert spec.statistics.problem() == ""


class StandardScaler:
    """Pickled under the name of scikit-learn's class, with its attributes."""


StandardScaler.__module__ = "sklearn.preprocessing._data"


def scaler() -> StandardScaler:
    made = StandardScaler()
    made.mean_ = np.array(STATISTICS["mean"])  # type: ignore[attr-defined]
    made.var_ = np.array(STATISTICS["std"]) ** 2  # type: ignore[attr-defined]
    made.scale_ = np.array(STATISTICS["std"])  # type: ignore[attr-defined]
    made.n_samples_seen_ = np.int64(6000)  # type: ignore[attr-defined]
    return made


@pytest.fixture
def _scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pickle find the class under its name."""
    module = types.ModuleType("sklearn.preprocessing._data")
    module.StandardScaler = StandardScaler  # type: ignore[attr-defined]
    for name in ("sklearn", "sklearn.preprocessing"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "sklearn.preprocessing._data", module)


MEAN, STD = (torch.tensor(STATISTICS[name]) for name in ("mean", "std"))
CONTENTS = {
    "tensors by column": lambda: {
        "action": {"mean": MEAN[None], "std": STD[None]},
        "proprio": {"mean": torch.zeros(3), "std": torch.ones(3)},
    },
    "numbers by name": lambda: {"action_mean": MEAN.tolist(), "action_std": STD.tolist()},
    "variance": lambda: {"action": {"mean": MEAN, "var": STD**2}},
    "state dict": lambda: {"action.mean": MEAN, "action.std": STD, "proprio.mean": STD},
    "scaler of a prior": lambda: {
        "state_dict": {"net.0.weight": torch.randn(4, 4)}, "action_scaler": scaler(),
    },
    "the only scaler": lambda: {"net.0.weight": torch.randn(4, 4), "scaler": scaler()},
    "scaler by name": lambda: {"scaler_mean": MEAN, "scaler_scale": STD, "horizon": 3},
}  # fmt: skip


@pytest.mark.usefixtures("_scikit_learn")
@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("protocol", [2, 4])
def test_statistics_of_a_normalizer_or_a_scaler(
    tmp_path: Path, content: str, protocol: int
) -> None:
    file = tmp_path / "statistics.pt"
    torch.save(CONTENTS[content](), file, pickle_protocol=protocol)
    made = convert_lewm(PICKLED, tmp_path / "model", dataset=None, statistics=file)
    found = made.spec.statistics
    np.testing.assert_allclose(found.action.mean, STATISTICS["mean"], rtol=1e-6)
    np.testing.assert_allclose(found.action.std, STATISTICS["std"], rtol=1e-6)
    assert found.provenance is not None
    assert found.provenance.split == CONSTANTS
    assert "statistics.pt" in found.provenance.formula
    load_spec(made.directory)  # they are trusted: where they come from is recorded


def test_a_normalizer_beside_the_checkpoint_is_used(tmp_path: Path) -> None:
    run = Path(shutil.copytree(DATA / "lewm", tmp_path / "run"))
    torch.save({"action": {"mean": MEAN + 1, "std": STD}}, run / "normalizer.pt")
    made = convert_lewm(run, tmp_path / "model", lewm_facts(normalization=""), dataset=None)
    np.testing.assert_allclose(made.spec.statistics.action.mean, (MEAN + 1).tolist())


def test_statistics_may_be_a_yaml_without_proprio(tmp_path: Path) -> None:
    file = tmp_path / "statistics.yaml"
    file.write_text(
        "action: {mean: [1, 2], std: [3, 4]}\n"
        "provenance: {dataset: d, dataset_sha256: s, split: all, split_seed: -1, episodes: 3, "
        "steps: 90, formula: f}\n"
    )
    made = convert_lewm(DATA / "lewm", tmp_path / "model", dataset=None, statistics=file)
    assert made.spec.statistics.action.mean == [1, 2]


@pytest.mark.usefixtures("_scikit_learn")
def test_a_scaler_that_leaves_the_mean_does(tmp_path: Path) -> None:
    made, file = scaler(), tmp_path / "prior.pt"
    made.with_mean, made.with_std = False, True  # type: ignore[attr-defined]
    torch.save({"scaler": made}, file)
    action = convert_lewm(
        PICKLED, tmp_path / "model", dataset=None, statistics=file
    ).spec.statistics.action
    assert action.mean == [0, 0]
    np.testing.assert_allclose(action.std, STATISTICS["std"])


def test_a_file_of_statistics_counts_beside_a_part_of_the_data(tmp_path: Path) -> None:
    """A user may have the statistics of all data, and the images of a few episodes."""
    file = tmp_path / "normalizer.pt"
    torch.save({"action": {"mean": MEAN, "std": STD}}, file)
    made = convert_lewm(
        DATA / "lewm", tmp_path / "model", dataset=EPISODES, statistics=file, calibrate=True
    )
    np.testing.assert_allclose(made.spec.statistics.action.mean, STATISTICS["mean"], rtol=1e-6)
    assert made.spec.calibration is not None
    assert "it is a part of the training's data, or other data" in " ".join(made.warnings)
    few = convert_lewm(DATA / "lewm", tmp_path / "few", dataset=EPISODES).warnings
    assert "The statistics are of 2 episodes" in " ".join(few)
    whole = convert_lewm(DATA / "lewm", tmp_path / "whole").warnings
    assert not any("statistics" in warning for warning in whole)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "found: none"),
        ({"action": {"mean": torch.zeros(2)}}, "found: none"),
        ({"proprio": {"mean": torch.zeros(2), "std": torch.ones(2)}}, "found: proprio"),
        ({"reaction": {"mean": torch.zeros(2), "std": torch.ones(2)}}, "found: reaction"),
        ({"action": {"mean": [10**400, 1], "std": [1.0, 1.0]}}, "found: none"),
        ({"action": {"mean": torch.zeros(2), "std": torch.ones(3)}}, "found: none"),
        ({"a": {"mean": torch.zeros(2), "std": torch.ones(2)},
          "b": {"mean": torch.zeros(2), "std": torch.full((2,), 2.0)}}, "found: a, b"),
        ({"action": {"mean": torch.zeros(2), "std": torch.zeros(2)}}, "statistics.std"),
        ({"action": {"mean": torch.zeros(2), "std": torch.full((2,), torch.inf)}}, "statistics"),
        ({"action": {"mean": torch.zeros(10), "std": torch.ones(10)}}, "of one environment step"),
    ],
)  # fmt: skip
def test_a_normalizer_without_statistics_of_actions(tmp_path: Path, content, words: str) -> None:
    torch.save(content, tmp_path / "normalizer.pt")
    file = tmp_path / "normalizer.pt"
    refused(DATA / "lewm", tmp_path / "model", words, dataset=None, statistics=file)


def test_no_normalization_contradicts_a_normalizer(tmp_path: Path) -> None:
    run = Path(shutil.copytree(DATA / "lewm", tmp_path / "run"))
    torch.save({"action": {"mean": torch.zeros(2), "std": torch.ones(2)}}, run / "normalizer.pt")
    facts = lewm_facts(normalization="none")
    with pytest.raises(ConversionError, match="says that actions were not normalized, but"):
        convert_lewm(run, tmp_path / "model", facts, dataset=None)
