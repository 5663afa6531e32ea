"""Statistics files are read exactly or refused; nothing is filled in."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import recorded_datasets as recorded
import yaml

from wm_planner.datasets import (
    DatasetError,
    compare,
    read,
    read_statistics,
)
from wm_planner.models.spec import Statistics


@pytest.fixture
def statistics(tmp_path: Path) -> Statistics:
    return read(recorded.point_maze_numbers(tmp_path), "point_maze").statistics()


def as_npz(statistics: Statistics, path: Path) -> Path:
    content = asdict(statistics)
    arrays = {
        f"{group}_{key}": value
        for group in ("action", "proprio", "state", "provenance")
        for key, value in content[group].items()
    }
    np.savez(path, other=np.zeros(3), **arrays)
    return path


def test_yaml_is_read_back_exactly(statistics: Statistics, tmp_path: Path) -> None:
    (tmp_path / "statistics.yaml").write_text(yaml.safe_dump(asdict(statistics)))
    assert read_statistics(tmp_path / "statistics.yaml") == statistics


def test_json_is_read(statistics: Statistics, tmp_path: Path) -> None:
    (tmp_path / "statistics.json").write_text(json.dumps(asdict(statistics)))
    assert read_statistics(tmp_path / "statistics.json") == statistics


def test_npz_is_read(statistics: Statistics, tmp_path: Path) -> None:
    assert read_statistics(as_npz(statistics, tmp_path / "statistics.npz")) == statistics


def test_npz_without_provenance_is_refused(tmp_path: Path) -> None:
    reference = Path(__file__).parents[1] / "data" / "dino_wm" / "reference.npz"
    with pytest.raises(DatasetError, match="provenance needs"):
        read_statistics(reference)


def test_model_yaml_is_read(statistics: Statistics, tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(json.dumps({"name": "toy", "statistics": asdict(statistics)}))
    assert read_statistics(path) == statistics


def test_statistics_without_state_are_enough(statistics: Statistics, tmp_path: Path) -> None:
    content = {k: v for k, v in asdict(statistics).items() if k not in ("state", "sha256")}
    (tmp_path / "some.json").write_text(json.dumps(content))
    found = read_statistics(tmp_path / "some.json")
    assert found.state is None
    assert found.problem() == ""
    dataset = read(tmp_path, "point_maze")
    assert all("all" in match.parts for match in compare(found, dataset))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"action": None}, "no action"),
        ({"proprio": None}, "no proprio"),
        ({"action": {"mean": [0.0, 0.0]}}, "action needs mean and std"),
        ({"action": {"mean": [0.0], "std": [1.0, 2.0]}}, "1 means but 2"),
        ({"action": {"mean": [0.0], "std": [0.0]}}, "statistics.std is 0.0"),
        ({"action": {"mean": ["a"], "std": [1.0]}}, "action: could not convert"),
        ({"action": {"mean": [float("nan")], "std": [1.0]}}, "statistics.mean is nan"),
        ({"provenance": None}, "it lacks dataset"),
        ({"provenance": {"dataset": "mine"}}, "lacks dataset_sha256, episodes"),
        ({"reward": 3}, "do not have"),
        ({"sha256": "0" * 64}, "changed after the export"),
    ],
)
def test_missing_or_wrong_parts_are_refused(
    statistics: Statistics, tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    (tmp_path / "some.json").write_text(json.dumps({**asdict(statistics), **changes}))
    with pytest.raises(DatasetError, match=sentence):
        read_statistics(tmp_path / "some.json")


@pytest.mark.parametrize(
    ("group", "key", "value", "sentence"),
    [
        ("action", "mean", [10**400, 0.0], "a number has more than 300 digits"),
        ("action", "std", [True, 1.0], "action: True is no number"),
        ("proprio", "mean", None, "proprio: "),
        ("provenance", "split_seed", float("inf"), "split_seed must be a whole number, not inf"),
        ("provenance", "episodes", float("inf"), "episodes must be a whole number, not inf"),
        ("provenance", "steps", float("nan"), "steps must be a whole number, not nan"),
        ("provenance", "episodes", 3.9, "episodes must be a whole number, not 3.9"),
        ("provenance", "episodes", True, "episodes must be a whole number, not True"),
        ("provenance", "episodes", "many", "episodes must be a whole number, not 'many'"),
        ("provenance", "steps", 10**400, "a number has more than 300 digits"),
        ("provenance", "dataset", None, "dataset must be a text, not None"),
        ("provenance", "formula", ["mean"], "formula must be a text"),
        ("provenance", "split", "a\x1b[31m", "statistics.provenance.split is"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(
    statistics: Statistics, tmp_path: Path, group: str, key: str, value: object, sentence: str
) -> None:
    content = asdict(statistics)
    content[group][key] = value
    (tmp_path / "some.json").write_text(json.dumps(content).replace("Infinity", ".inf")
                                        .replace("NaN", ".nan"))  # fmt: skip
    with pytest.raises(DatasetError) as caught:
        read_statistics(tmp_path / "some.json")
    assert sentence in str(caught.value)


def test_empty_provenance_is_refused(statistics: Statistics, tmp_path: Path) -> None:
    content = asdict(statistics)
    content["provenance"]["formula"] = ""
    (tmp_path / "some.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="leaves out formula"):
        read_statistics(tmp_path / "some.json")


@pytest.mark.parametrize("name", ["some.yaml", "some.npz"])
@pytest.mark.parametrize("content", [b"", b"just text", b"\x80\x04\xff", b"PK\x03\x04 broken"])
def test_foreign_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match="some"):
        read_statistics(tmp_path / name)


def test_single_array_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "some.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DatasetError, match=r"some\.npz cannot be used: it is no \.npz"):
        read_statistics(tmp_path / "some.npz")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is missing"):
        read_statistics(tmp_path / "some.yaml")
