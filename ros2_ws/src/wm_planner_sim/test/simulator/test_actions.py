"""What the numbers of an action do."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.models.spec import GripperMapping
from wm_planner_sim.simulator.actions import MAX_STEP, Actions

PLANE = Actions(("dx", "dy"))
HAND = Actions(
    gripper=GripperMapping("grip", "open_close", "absolute", closed=0.02, open=0.08)
)  # closed above 0.5


def test_the_numbers_are_displacements_then_the_gripper_s() -> None:
    assert PLANE.names == ["dx", "dy"]
    assert PLANE.units == ["m", "m"]
    assert HAND.names == ["dx", "dy", "dz", "grip"]
    assert HAND.units == ["m", "m", "m", "1"]
    lower, upper = HAND.bounds
    np.testing.assert_array_equal(lower, [-MAX_STEP] * 3 + [0.0])
    np.testing.assert_array_equal(upper, [MAX_STEP] * 3 + [1.0])


def test_axes_without_a_number_stay_where_they_are() -> None:
    np.testing.assert_array_equal(PLANE.displacement([0.01, 0.02]), [0.01, 0.02, 0.0])
    np.testing.assert_array_equal(HAND.displacement([0.01, 0.02, 0.03, 1.0]), [0.01, 0.02, 0.03])


def test_the_gripper_s_number_chooses_the_width() -> None:
    assert HAND.width([0.0, 0.0, 0.0, 0.7], 0.08) == 0.02
    assert HAND.width([0.0, 0.0, 0.0, 0.3], 0.02) == 0.08
    assert PLANE.width([0.0, 0.0], 0.03) == 0.03


def test_another_displacement_leaves_the_gripper_s_number_as_it_is() -> None:
    action = [0.05, 0.0, 0.0, 0.9]
    np.testing.assert_array_equal(HAND.of([0.01, 0.02, 0.03], action), [0.01, 0.02, 0.03, 0.9])
    np.testing.assert_array_equal(PLANE.of([0.01, 0.02, 0.03], [0.0, 0.0]), [0.01, 0.02])


@pytest.mark.parametrize("wrong", [[0.0] * 3, [0.0] * 5, 0.0])
def test_an_action_of_another_size_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="an action is dx, dy, dz, grip, not"):
        HAND.displacement(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="an action is dx, dy, dz, grip, not"):
        HAND.width(wrong, 0.08)  # type: ignore[arg-type]
