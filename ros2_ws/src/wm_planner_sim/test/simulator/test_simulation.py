"""The simulated arm and camera."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from wm_planner_sim.simulator import franka
from wm_planner_sim.simulator.actions import MAX_STEP
from wm_planner_sim.simulator.kinematics import InverseKinematics
from wm_planner_sim.simulator.motion import STEP_TICKS, move, targets
from wm_planner_sim.simulator.simulation import CONTROL_PERIOD, Simulation
from wm_planner_sim.simulator.tasks import TASKS

pytestmark = pytest.mark.sim
TASK = TASKS["reach"]
CENTER = (np.array(TASK.workspace_min) + np.array(TASK.workspace_max)) / 2
CORNERS = [
    np.where([i & 1, i & 2, i & 4], TASK.workspace_max, TASK.workspace_min) for i in range(8)
]


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    sim = Simulation(96, 128)
    yield sim
    sim.close()


def test_forward_kinematics_give_franka_s_published_ready_pose() -> None:
    # Computed by hand from the Denavit-Hartenberg table, in the plane of the arm (x, z).
    solver = InverseKinematics(TASK.scene().compile())
    a4, a7, d1, d3, d5, flange = 0.0825, 0.088, 0.333, 0.316, 0.384, 0.107 + 0.1034
    s, c = np.sin(np.pi / 4), np.cos(np.pi / 4)
    # The upper arm leans back by 45 degrees, the forearm is level, the hand points down.
    elbow = np.array([-d3 * s + a4 * c, d1 + d3 * c + a4 * s])
    wrist = elbow + np.array([d5, 0.0]) + np.array([0.0, a4])
    expected = [wrist[0] + a7, 0.0, wrist[1] - flange]
    np.testing.assert_allclose(solver.forward(franka.HOME), expected, atol=1e-6)


@pytest.mark.parametrize("corner", CORNERS, ids=[str(i) for i in range(8)])
def test_inverse_kinematics_reach_every_corner_within_half_a_millimeter(
    corner: np.ndarray,
) -> None:
    solver = InverseKinematics(TASK.scene().compile())
    joints = solver.settle(corner)
    assert np.linalg.norm(solver.forward(joints) - corner) < 5e-4


@pytest.mark.parametrize("corner", CORNERS, ids=[str(i) for i in range(8)])
def test_hand_settles_within_a_millimeter_of_the_target(
    simulation: Simulation, corner: np.ndarray
) -> None:
    simulation.place(CENTER)
    for step in range(60):
        simulation.set_target(CENTER + (corner - CENTER) * min(1.0, step / 40))
        simulation.step()
    assert np.linalg.norm(simulation.ee_position - corner) < 1e-3
    np.testing.assert_allclose(simulation.ee_quaternion, franka.DOWN_XYZW, atol=5e-3)


def test_equal_seeds_and_targets_give_equal_numbers_and_images() -> None:
    def run() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sim = Simulation(48, 64, seed=3)
        for _ in range(3):
            move(sim, [0.02, -0.03, 0.01])
        result = sim.ee_position, sim.joint_velocities, sim.render()
        sim.close()
        return result

    for first, second in zip(run(), run(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_different_seeds_give_different_scenes(simulation: Simulation) -> None:
    hands, cubes = [], []
    for seed in (1, 2):
        simulation.reset(seed)
        hands.append(simulation.ee_position)
        simulation.place(CENTER)  # from here on, only the cubes differ
        cubes.append(simulation.render().astype(int))
    assert np.linalg.norm(hands[0] - hands[1]) > 1e-3
    assert (np.abs(cubes[0] - cubes[1]).max(-1) > 20).sum() > 10


def test_time_is_monotonic_across_resets(simulation: Simulation) -> None:
    before = simulation.time
    simulation.step()
    simulation.reset(5)
    assert simulation.time == pytest.approx(before + CONTROL_PERIOD)


def test_the_image_changes_only_around_the_hand_that_moved(simulation: Simulation) -> None:
    simulation.place(CENTER)
    before = simulation.render().astype(int)
    simulation.place(CENTER + np.array([0.0, 0.05, 0.0]))
    changed = np.abs(simulation.render().astype(int) - before).max(-1) > 20
    assert 0.01 < changed.mean() < 0.5


def test_hand_is_inside_the_central_square_everywhere_in_the_workspace() -> None:
    sim = Simulation(96, 96)
    for corner in CORNERS:
        sim.place(corner)
        inside = sim.render().astype(int)
        sim.place(CENTER)
        changed = np.abs(sim.render().astype(int) - inside).max(-1) > 20
        assert changed.any()
        assert not changed[-1].any()
        assert not changed[:, [0, -1]].any()
    sim.close()


def test_square_image_is_the_central_square_of_a_wide_one(simulation: Simulation) -> None:
    square = Simulation(96, 96)
    for sim in (simulation, square):
        sim.reset(4)
    wide = simulation.render()[:, 16:112].astype(int)
    assert np.abs(wide - square.render()).mean() < 1.0
    square.close()


def test_goal_image_does_not_disturb_the_episode() -> None:
    def run(look: bool) -> tuple[np.ndarray, np.ndarray]:
        sim = Simulation(48, 64, seed=8)
        for step in range(4):
            move(sim, [0.03, 0.01, -0.02])
            if look:
                sim.sample_goal(step)
        result = sim.ee_position, sim.render()
        sim.close()
        return result

    for looked, not_looked in zip(run(True), run(False), strict=True):
        np.testing.assert_array_equal(looked, not_looked)


def test_goal_image_shows_the_hand_at_its_position(simulation: Simulation) -> None:
    simulation.reset(6)
    goal = simulation.goal_image(CENTER)
    assert np.linalg.norm(goal.position - CENTER) < 5e-4
    simulation.place(CENTER)
    assert np.abs(simulation.render().astype(int) - goal.image).mean() < 1.0


@pytest.mark.parametrize("bad", [[np.nan, 0, 0], [np.inf, 0, 0], [0.0, 0.0]])
def test_target_that_is_not_three_finite_numbers_is_refused(
    simulation: Simulation, bad: list[float]
) -> None:
    kept = simulation.target
    with pytest.raises(ValueError, match="three finite numbers"):
        simulation.set_target(bad)
    np.testing.assert_array_equal(simulation.target, kept)


def test_target_outside_the_workspace_is_clipped(simulation: Simulation) -> None:
    simulation.set_target([9.0, -9.0, 0.2])
    np.testing.assert_allclose(simulation.target, [0.66, -0.20, 0.2])


def _ticks(simulation: Simulation, count: int) -> None:
    for _ in range(count):
        simulation.step()


def test_joints_go_to_their_commands_and_nan_keeps_the_last_one(simulation: Simulation) -> None:
    simulation.place(CENTER)
    wanted = simulation.joint_command
    wanted[[1, 5]] += 0.1, -0.2
    command = np.full(7, np.nan)
    command[[1, 5]] = wanted[[1, 5]]
    simulation.set_joints(command)
    _ticks(simulation, 50)
    np.testing.assert_allclose(simulation.joint_positions, wanted, atol=1e-3)
    simulation.set_joints(np.full(7, np.nan))
    _ticks(simulation, 10)
    np.testing.assert_allclose(simulation.joint_positions, wanted, atol=1e-3)


def test_joints_are_clipped_to_franka_s_limits(simulation: Simulation) -> None:
    simulation.place(CENTER)
    simulation.set_joints([9.0, np.inf, -9.0, 9.0, -np.inf, -9.0, 0.0])
    np.testing.assert_allclose(
        simulation.joint_command, [2.8973, 1.7628, -2.8973, -0.0698, -2.8973, -0.0175, 0.0]
    )


def test_the_last_kind_of_command_drives_the_arm(simulation: Simulation) -> None:
    simulation.place(CENTER)
    simulation.set_joints(simulation.joint_command + 0.1)
    _ticks(simulation, 50)
    assert np.linalg.norm(simulation.ee_position - CENTER) > 0.02
    simulation.set_joints(np.full(7, np.nan))
    simulation.set_target(CENTER)
    simulation.set_joints(np.full(7, np.nan))  # commands nothing, so the target stays
    _ticks(simulation, 50)
    np.testing.assert_allclose(simulation.ee_position, CENTER, atol=1e-3)
    simulation.set_joints(np.array(franka.HOME))
    simulation.place(CENTER)
    _ticks(simulation, 50)
    np.testing.assert_allclose(simulation.ee_position, CENTER, atol=1e-3)


def test_joints_that_are_not_seven_are_refused(simulation: Simulation) -> None:
    with pytest.raises(ValueError, match="seven numbers"):
        simulation.set_joints([0.0] * 6)


def test_a_step_reaches_its_displacement_in_even_ticks() -> None:
    way = np.array(list(targets(CENTER, [0.05, 0.0, -0.02])))
    assert len(way) == STEP_TICKS
    np.testing.assert_allclose(np.diff(way, axis=0), np.tile([0.005, 0.0, -0.002], (9, 1)))
    np.testing.assert_allclose(way[-1], CENTER + np.array([0.05, 0.0, -0.02]))


def test_a_step_is_limited_per_axis() -> None:
    np.testing.assert_allclose(
        list(targets(CENTER, [1.0, -1.0, 0.0]))[-1], CENTER + np.array([MAX_STEP, -MAX_STEP, 0.0])
    )


def test_intrinsics_project_the_camera_axis_to_the_middle(simulation: Simulation) -> None:
    matrix = simulation.intrinsics
    np.testing.assert_allclose(matrix[:2, 2], [64, 48])
    assert matrix[0, 0] == matrix[1, 1] > 0
