"""How a number moves the gripper: definitions that cannot be true are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wm_planner.models import ModelSpec, SpecError
from wm_planner.models.spec import CommandMapping, GripperMapping, ProprioGripper, ProprioSpec

GOOD: dict[str, Any] = {"name": "grip", "kind": "width", "closed": 0.0, "open": 0.08}
MOVED = GOOD | {"mode": "absolute"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"kind": "squeeze"},
            "kind must be width, closedness, openness, open_close, not 'squeeze'",
        ),
        ({"mode": "fast"}, "mode must be absolute, relative or velocity"),
        ({"kind": "open_close", "mode": "relative"}, "must be absolute for open_close"),
        ({"above": "left"}, "above must be closed or open, not 'left'"),
        ({"closed": 0.08}, r"closed \(0.08 m\) must be below"),
        ({"open": 80.0}, "open is 80.0; it must be a number from 0 to 1"),
        ({"hysteresis": -0.1}, "hysteresis is -0.1"),
    ],
)
def test_an_impossible_gripper_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        GripperMapping(**MOVED | changes)


@pytest.mark.parametrize(
    ("changes", "unit"),
    [
        ({}, "m"),
        ({"mode": "velocity"}, "m/s"),
        ({"kind": "closedness"}, "1"),
        ({"kind": "openness", "mode": "velocity"}, "1/s"),
        ({"kind": "open_close"}, "1"),
    ],
)
def test_the_number_needs_the_unit_of_its_kind(
    spec: ModelSpec, changes: dict[str, Any], unit: str
) -> None:
    gripper = GripperMapping(**MOVED | changes)
    command = CommandMapping("relative", ["dx", "dy", "dz"], gripper=gripper)
    names = [*spec.action.names, "grip"]
    bounds = {"lower": [], "upper": []}
    replace(spec.action, names=names, units=["m"] * 3 + [unit], command=command, **bounds)
    with pytest.raises(SpecError, match=rf"gripper\.name needs {unit}; \['grip'\]"):
        replace(spec.action, names=names, units=["m"] * 3 + ["mm"], command=command, **bounds)


def test_the_gripper_needs_a_number_of_its_own(spec: ModelSpec) -> None:
    gripper = GripperMapping(**MOVED | {"name": "dx"})
    command = CommandMapping("relative", ["dx", "dy", "dz"], gripper=gripper)
    with pytest.raises(SpecError, match=r"gripper\.name \(dx\) names a number twice"):
        replace(spec.action, command=command)


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [("width", [0.09, 0.05, 0.01]), ("openness", [1.0, 0.5, 0.0]), ("closedness", [0.0, 0.5, 1.0])],
)
def test_the_proprio_says_a_measured_width_as_the_model_takes_it(
    kind: str, numbers: list[float]
) -> None:
    gripper = ProprioGripper("grip", kind, closed=0.01, open=0.09)
    assert [gripper.number(width) for width in (0.09, 0.05, 0.01)] == pytest.approx(numbers)
    for beyond in (-1.0, 1.0):
        assert kind == "width" or gripper.number(beyond) in (0.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"kind": "open_close"}, "kind must be"), ({"closed": 0.09}, "must be below")],
)
def test_an_impossible_gripper_of_the_proprio_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        ProprioGripper(**GOOD | changes)


def test_the_gripper_of_the_proprio_is_one_of_its_numbers() -> None:
    gripper = ProprioGripper(**GOOD)
    with pytest.raises(SpecError, match=r"proprio\.gripper names grip, which"):
        ProprioSpec(["z"], ["m"], gripper=gripper)
