"""``load_spec`` reads all of ``model.yaml`` or refuses it with a reason."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from wm_planner.models import ModelSpec, SpecError, StatisticsError, load_spec
from wm_planner.models.spec import CONSTANTS


def _edit(path: Path, keys: str, value: Any) -> None:
    """Set a dotted key of a YAML file; ``None`` deletes it."""
    content = yaml.safe_load(path.read_text())
    *parents, last = keys.split(".")
    place = content
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    path.write_text(yaml.safe_dump(content))


def test_a_saved_spec_loads_unchanged(spec: ModelSpec, tmp_path: Path) -> None:
    spec.save(tmp_path)
    assert load_spec(tmp_path) == spec


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        ("action.frame", None, "action.frame"),
        ("color", "red", "color"),
        ("frameskip", "many", "frameskip"),
        ("frameskip", 0, "frameskip is 0; it must be a number from 1 to 1000"),
        ("num_hist", -1, "num_hist is -1; it must be"),
        ("action.lower", [0.1, -0.05, -0.05], "action.lower must be below action.upper"),
        ("action.lower", [0.1], "action.lower has 1 entries"),
        ("action.command.position", ["dx", "dy", "dw"], "['dw']"),
        ("action.command.position", ["dx", "dx", "dy"], "names a number twice"),
        ("action.command.joints", ["a", "b"], "one for each of action.command.joints"),
        ("action.command.joints", ["a", "a", "b"], "names a joint twice"),
        ("action.command.joints", ["a", "b", "c"], "needs rad"),
        ("action.command.mode", "velocity", "needs m/s"),
        ("action.command.mode", "sideways", "sideways"),
        ("action.units", ["mm", "m", "m"], "needs m; ['dx']"),
        ("action.upper", [float("inf"), 0.1, 0.1], "action.upper is inf; it must be a number"),
        ("control_rate", float("nan"), "control_rate is nan; it must be"),
        ("calibration.latent_limit", 0.0, "latent_limit"),
        ("image.channel_mean", [0.1, 0.2], "image.channel_mean must be three numbers"),
        ("image.channel_mean", [0.1, 0.2, 0.3], "channel_std must be given together"),
        ("image.camera_aspect", -1.0, "image.camera_aspect is -1.0; it must be"),
        ("statistics.action.std", [0.0, 1.0, 1.0], "statistics.std is 0.0; it must be"),
        ("statistics.action.mean", [0.0, 1.0], "2 means but 3"),
        ("proprio.names", ["x"], "1 names but 0 units"),
        ("proprio", {"names": ["x"], "units": ["m"]}, "one mean and std for each proprio.names"),
        ("views", ["wrist", "wrist"], "must name at least one camera, each only once"),
        ("calibration.noise_floor", 1.0, "must be below calibration.typical_distance"),
        ("calibration.noise_floor", 0.06, "below calibration.noise_floor (0.06)"),
        ("calibration.latent_limit", 1e4, "calibration.latent_limit is 10000.0; it must be"),
        ("calibration.distance_per_motion", 1e6, "calibration.distance_per_motion is 1000000.0"),
        ("calibration.latent", {"mean": [0.0], "std": [0.01]}, "any image would count as the goal"),
        ("calibration.typical_dist", 1.0, "did you mean typical_distance?"),
        ("contol_rate", 5.0, "did you mean control_rate?"),
        ("image.color_order", "rbg", "rbg"),
        ("name", "x\n[FATAL] forged \x1b[31mred", r"name is 'x\n[FATAL] forged \x1b[31mred'"),
        ("name", "", "name must have from 1 to 256 characters"),
        ("family", "x" * 300, "family must have from 1 to 256 characters"),
        ("action.frame", "base\u202e", "action.frame is"),
        ("action.names", ["dx", "dy", "d\tz"], "action.names.2 is"),
        ("action.names", ["dx", "dy", " "], "action.names has an empty name"),
        ("action.units", ["m", "m", ""], "action.units has an empty name"),
        ("action.command.joints", ["a", "b", ""], "action.command.joints has an empty name"),
        ("action.names", ["a"] * 1001, "action.names has 1001 entries; at most 1000"),
        ("training.command_line", "train\rme", "training.command_line is"),
        ("statistics.sha256", "\x00", "statistics.sha256 is"),
        ("statistics.provenance.formula", "mean\nstd", "statistics.provenance.formula is"),
        ("proprio.units", ["m" * 300], "proprio.units"),
        ("proprio", {"names": ["x", "x"], "units": ["m", "m"]}, "proprio.names (x, x) has a name"),
        ("weights.sha256", "x" * 64, "weights.sha256 must be 64 hexadecimal digits"),
        ("weights.sha256", "0" * 10**6, "weights.sha256"),
        ("weights.file", "../../etc/passwd", "weights.file must be the name of a file"),
        ("weights.file", "/etc/passwd", "weights.file must be the name of a file"),
        ("weights.file", "", "weights.file must be the name of a file"),
        ("weights.file", "x" * 300, "weights.file must be the name of a file"),
        ("views", [""], "views has an empty name"),
        ("views", ["a b"], "views has 'a b', which cannot be the name of a topic"),
        ("views", ["/clock"], "views has '/clock'"),
        ("views", ["x" * 200] * 900, "each only once"),
        ("architecture", {"a\nb": 1}, r"a name in architecture is 'a\nb'"),
        ("source", {"note": "a\x1b[2J"}, "source.note is"),
        ("source", {"day": datetime.date(2024, 1, 1)}, "source.day is '<date>'"),
    ],
)
def test_a_wrong_entry_is_named(
    spec: ModelSpec, tmp_path: Path, keys: str, value: Any, words: str
) -> None:
    path = spec.save(tmp_path)
    _edit(path, keys, value)
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2000


def test_a_reference_is_text(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    path = spec.save(tmp_path)
    for keys in ("name", "statistics.provenance.formula", "source.note"):
        _edit(path, keys, "${oc.env:SECRET}")
    loaded = load_spec(tmp_path, allow_unverified_statistics=True)
    assert loaded.name == loaded.statistics.provenance.formula == "${oc.env:SECRET}"
    assert loaded.source["note"] == "${oc.env:SECRET}"
    _edit(path, "control_rate", "${oc.env:SECRET}")
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"give the directory that holds model\.yaml"):
        load_spec(tmp_path)


@pytest.mark.parametrize("text", ["[1, 2]", "{a: ", "\x00", "a: 2024-13-13", ""])
def test_a_file_that_is_not_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(SpecError, match=r"model\.yaml is not "):
        load_spec(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [" + "x, " * 9 + "]\nb: &b [" + "*a, " * 9 + "]\n", "aliases"),
        ("source: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("control_rate: 5.0\ncontrol_rate: 900\n", "'control_rate' is given twice"),
        ("source: " + "[" * 40 + "]" * 40, "more than 16 levels deep"),
    ],
)
def test_a_file_that_expands_or_contradicts_itself_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "model.yaml").write_text(f"format: 2\n{text}")
    with pytest.raises(SpecError, match=words):
        load_spec(tmp_path)


def test_statistics_changed_after_the_export_are_refused(spec: ModelSpec, tmp_path: Path) -> None:
    _edit(spec.save(tmp_path), "statistics.action.mean", [0.1, 0.0, 0.0])
    with pytest.raises(StatisticsError, match="changed after the export"):
        load_spec(tmp_path)
    allowed = load_spec(tmp_path, allow_unverified_statistics=True)
    assert "changed after the export" in allowed.statistics.problem()


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ("statistics.provenance", None),
        ("statistics.provenance.dataset_sha256", ""),
        ("statistics.provenance.episodes", 0),
    ],
)
def test_statistics_without_provenance_are_refused(
    spec: ModelSpec, tmp_path: Path, keys: str, value: Any
) -> None:
    _edit(spec.save(tmp_path), keys, value)
    with pytest.raises(StatisticsError, match="provenance"):
        load_spec(tmp_path)


def test_statistics_chosen_by_hand_need_no_counts(spec: ModelSpec, tmp_path: Path) -> None:
    path = spec.save(tmp_path)
    _edit(path, "statistics.provenance.episodes", 0)
    _edit(path, "statistics.provenance.split", CONSTANTS)
    assert load_spec(tmp_path).statistics.problem() == ""
