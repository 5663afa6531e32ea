"""Rotations in a model's numbers: conventions as SciPy's, and definitions that cannot be true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from wm_planner.models import SpecError
from wm_planner.models.spec import ActionSpec, CommandMapping, RotationForm, RotationMapping
from wm_planner.models.spec.rotation import CONVENTIONS

FORMS = [
    *CONVENTIONS[:5],
    *(
        f"euler_{kind}_{axes}"
        for kind in ("extrinsic", "intrinsic")
        for axes in ("xyz", "zyx", "zxz")
    ),
]
TURNS = Rotation.random(200, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", FORMS)
def test_numbers_and_rotations_become_each_other(name: str) -> None:
    form = RotationForm(name)
    numbers = form.write(TURNS)
    assert numbers.shape == (200, form.count)
    assert (form.read(numbers) * TURNS.inv()).magnitude().max() < 1e-9
    np.testing.assert_allclose(form.write(form.read(numbers[0])), numbers[0], atol=1e-9)


def test_numbers_mean_what_the_convention_says() -> None:
    x, z = Rotation.from_euler("x", 0.3), Rotation.from_euler("z", 0.4)
    meant = {
        "euler_extrinsic_xyz": ([0.3, 0.0, 0.4], z * x),
        "euler_intrinsic_xyz": ([0.3, 0.0, 0.4], x * z),
        "rotation_vector": ([0.0, 0.0, 0.4], z),
        "quaternion_xyzw": ([0.0, 0.0, np.sin(0.2), np.cos(0.2)], z),
        "quaternion_wxyz": ([np.cos(0.2), 0.0, 0.0, np.sin(0.2)], z),
        "rotation_6d_columns": ([*z.as_matrix()[:, 0], *z.as_matrix()[:, 1]], z),
        "rotation_6d_rows": ([*z.as_matrix()[0], *z.as_matrix()[1]], z),
    }
    for name, (numbers, rotation) in meant.items():
        found = RotationForm(name).read(np.array(numbers))
        assert (found * rotation.inv()).magnitude() < 1e-9, name


def test_numbers_of_any_length_name_a_rotation() -> None:
    for name in ("quaternion_xyzw", "rotation_6d_columns"):
        form = RotationForm(name)
        numbers = 0.01 * form.write(TURNS)
        assert (form.read(numbers) * TURNS.inv()).magnitude().max() < 1e-9


@pytest.mark.parametrize(
    ("name", "numbers", "words"),
    [
        ("quaternion_xyzw", [0.0] * 4, "quaternion has a length of 0,"),
        ("rotation_6d_rows", [0.0] * 3 + [1.0] * 3, "first part"),
        ("rotation_6d_columns", [1.0, 0.0, 0.0, 2.0, 0.0, 0.0], "second part"),
    ],
)
def test_numbers_that_name_no_rotation_are_refused(
    name: str, numbers: list[float], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        RotationForm(name).read(np.array([[1.0, 2.0, 3.0, 4.0, 6.0, 5.0][: len(numbers)], numbers]))


NAMES = ["x", "y", "z", "roll", "pitch", "yaw"]
GOOD: dict[str, Any] = {"names": NAMES[3:], "convention": "euler_extrinsic_xyz"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"convention": "euler_extrinsic_xxz"}, "rotation.convention must be one of rotation_vec"),
        ({"convention": "euler_xyz"}, "not 'euler_xyz'"),
        ({"convention": "quaternion_xyzw"}, "names of 4 numbers for quaternion_xyzw, not 3"),
        ({"mode": "sideways"}, "rotation.mode must be"),
        ({"frame": "world"}, "frame must be base or tool, not 'world'"),
    ],
)
def test_an_impossible_rotation_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        RotationMapping(**GOOD | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rotation": RotationMapping(**GOOD | {"mode": "velocity"})}, "no angular velocity"),
        ({"rotation": RotationMapping(**GOOD | {"mode": "absolute", "frame": "tool"})}, "be base"),
        ({"position": ["a"], "joints": ["a"], "rotation": RotationMapping(**GOOD)}, "moves joints"),
        ({"reference": "goal"}, "commanded or measured, not 'goal'"),
    ],
)
def test_a_rotation_that_contradicts_the_command_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        CommandMapping(**{"mode": "relative", "position": NAMES[:3]} | changes)


@pytest.mark.parametrize(
    ("names", "units", "words"),
    [
        (NAMES[3:], ["m"] * 3 + ["deg"] * 3, r"rotation\.names needs rad; \['roll'"),
        (["roll", "pitch", "x"], ["m"] * 3 + ["rad"] * 3, r"rotation\.names .* names a number twi"),
        (["roll", "pitch", "turn"], ["m"] * 3 + ["rad"] * 3, "names .*'turn'.*lacks"),
    ],
)
def test_a_rotation_needs_numbers_of_its_own_in_radians(
    names: list[str], units: list[str], words: str
) -> None:
    command = CommandMapping(
        "relative", NAMES[:3], rotation=RotationMapping(names, GOOD["convention"])
    )
    with pytest.raises(SpecError, match=words):
        ActionSpec(NAMES, units, "base", command=command)


def test_the_unit_of_an_angular_velocity_is_rad_per_second() -> None:
    rotation = RotationMapping(NAMES[3:], "rotation_vector", mode="velocity")
    command = CommandMapping("relative", NAMES[:3], rotation=rotation)
    ActionSpec(NAMES, ["m"] * 3 + ["rad/s"] * 3, "base", command=command)
    with pytest.raises(SpecError, match="needs rad;"):
        ActionSpec(
            NAMES,
            ["m"] * 3 + ["rad/s"] * 3,
            "base",
            command=replace(command, rotation=replace(rotation, mode="")),
        )
