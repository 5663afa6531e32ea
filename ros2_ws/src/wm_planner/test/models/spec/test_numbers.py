"""Every number of ``model.yaml`` has a range, every text and list a length."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from wm_planner.models import ModelSpec, SpecError, load_spec
from wm_planner.models.spec import (
    ActionSpec,
    CommandMapping,
    ImageSpec,
    Moments,
    ObjectiveSpec,
    ProprioSpec,
    Provenance,
    Statistics,
    Training,
    WeightsFile,
)
from wm_planner.models.spec.numbers import MAX_NUMBERS


def _hints(kind: type) -> dict[str, Any]:
    """Return the types of the fields of a dataclass."""
    return typing.get_type_hints(kind, vars(sys.modules[kind.__module__]))


def _sections(kind: type) -> set[type]:
    """Return the dataclasses that a dataclass is made of."""
    found = {kind}
    for hint in _hints(kind).values():
        for part in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(part) and isinstance(part, type):
                found |= _sections(part)
    return found


def test_every_number_has_a_range() -> None:
    sections = _sections(ModelSpec)
    assert len(sections) >= 10
    for section in sections:
        hints = _hints(section)
        for item in dataclasses.fields(section):
            parts = {hints[item.name], *typing.get_args(hints[item.name])}
            if parts & {int, float} and item.name != "format":
                assert {"low", "high"} <= item.metadata.keys(), f"{section.__name__}.{item.name}"


ABSURD = (float("inf"), float("nan"), 1e300)


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize(
    "keys",
    [
        "calibration.typical_distance",
        "calibration.noise_floor",
        "calibration.latent_limit",
        "calibration.distance_per_motion",
        "statistics.action.std",
        "statistics.action.mean",
        "statistics.provenance.steps",
        "control_rate",
        "objective.alpha",
        "training.epochs",
        "architecture.width",
        "architecture.widths",
        "source.size",
    ],
)
def test_an_absurd_number_is_refused_by_name(
    spec: ModelSpec, tmp_path: Path, keys: str, value: float
) -> None:
    path = spec.save(tmp_path)
    content = yaml.safe_load(path.read_text())
    *parents, last = keys.split(".")
    section: Any = content
    for name in parents:
        section = section[name]
    section[last] = (
        [value] * 3 if isinstance(section.get(last), list) or last == "widths" else value
    )
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path, allow_unverified_statistics=True)
    assert last in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "x" * 10**5),
        ("views", [f"view_{i}" for i in range(17)]),
        ("views", ["x" * 300]),
        ("architecture", {"layers": [0] * (MAX_NUMBERS + 1)}),
        ("architecture", {"note": "x" * 10**5}),
        ("architecture", {"a": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}),
    ],
)
def test_a_text_or_list_that_is_too_long_is_refused(
    spec: ModelSpec, tmp_path: Path, name: str, value: Any
) -> None:
    path = spec.save(tmp_path)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {name: value}))
    with pytest.raises(SpecError, match=r"at most|more than"):
        load_spec(tmp_path)


@pytest.mark.parametrize("name", ["control_rate", "frameskip"])
def test_a_number_of_hundreds_of_digits_is_refused(
    spec: ModelSpec, tmp_path: Path, name: str
) -> None:
    path = spec.save(tmp_path)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {name: 10**400}))
    with pytest.raises(SpecError, match=r"digits|frameskip"):
        load_spec(tmp_path)


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31m", "a\u202eb"])
def test_a_text_that_cannot_be_printed_is_refused_in_every_section(text: str) -> None:
    moments = Moments([0.0], [1.0])
    sections: list[Callable[[], object]] = [
        lambda: ProprioSpec([text], ["m"]),
        lambda: ProprioSpec(["x"], [text]),
        lambda: WeightsFile("", text),
        lambda: WeightsFile(text),
        lambda: Training(1, 1, 0, text),
        lambda: Statistics(moments, sha256=text),
        lambda: Provenance(text, "", "", "", 1, 1),
        lambda: ActionSpec(["x"], ["m"], text),
        lambda: CommandMapping("relative", ["a"], [text]),
        lambda: ObjectiveSpec(text),
        lambda: ImageSpec(8, text),
    ]
    for make in sections:
        with pytest.raises(SpecError, match="write it as one line") as caught:
            make()
        assert str(caught.value).isprintable()
