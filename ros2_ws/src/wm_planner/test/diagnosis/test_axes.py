"""Names of coordinates."""

from __future__ import annotations

from wm_planner.diagnosis.axes import axis_of, coordinates


def test_forces_and_velocities_are_not_taken_for_places() -> None:
    names = ["vx", "x", "ee_y", "force_z", "goal_x"]
    assert coordinates(names) == {"x": 1, "y": 2, "z": 3}
    assert axis_of("yaw") == ""
