"""Data collection and seeds."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.actions import MAX_STEP
from wm_planner_sim.simulator.motion import move
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import TASKS
from wm_planner_sim.training import collect
from wm_planner_sim.training.collect import Dataset, collect_episode, concatenate

pytestmark = pytest.mark.sim
TASK = TASKS["reach"]
STEPS = 12


@pytest.fixture(scope="module")
def data() -> Dataset:
    with closing(Simulation(32, 32)) as simulation:
        return concatenate(collect_episode(simulation, seed, 16, STEPS) for seed in range(8))


def test_shapes_and_types(data: Dataset) -> None:
    assert data.images.shape == (8, STEPS + 1, 16, 16, 3)
    assert data.images.dtype == np.uint8
    assert data.positions.shape == (8, STEPS + 1, 3)
    assert data.positions.dtype == np.float32
    assert data.actions.shape == (8, STEPS, 3)
    assert data.actions.dtype == np.float32


def test_actions_spread_at_least_two_centimeters_per_axis(data: Dataset) -> None:
    assert (data.actions.reshape(-1, 3).std(0) >= 0.02).all()
    assert np.abs(data.actions).max() <= MAX_STEP + 1e-6


def test_hand_stays_in_the_workspace(data: Dataset) -> None:
    slack = 0.002
    assert (data.positions >= np.array(TASK.workspace_min) - slack).all()
    assert (data.positions <= np.array(TASK.workspace_max) + slack).all()


def test_recorded_actions_replay_the_recorded_positions(data: Dataset) -> None:
    simulation = Simulation(16, 16, seed=2)
    for step in range(STEPS):
        move(simulation, data.actions[2, step])
        np.testing.assert_allclose(simulation.ee_position, data.positions[2, step + 1], atol=1e-5)


def test_an_episode_depends_on_its_seed_alone(data: Dataset) -> None:
    simulation = Simulation(32, 32)
    again = concatenate(collect_episode(simulation, seed, 16, STEPS) for seed in (5, 3))
    simulation.close()
    one = Dataset(data.images[[5, 3]], data.positions[[5, 3]], data.actions[[5, 3]])
    assert again.digest() == one.digest()
    assert again.digest() != data.digest()


def test_without_images_the_same_is_recorded(data: Dataset) -> None:
    simulation = Simulation(32, 32)
    blind = collect_episode(simulation, 5, 0, STEPS)
    simulation.close()
    assert blind.images.shape == (1, STEPS + 1, 0, 0, 3)
    np.testing.assert_array_equal(blind.positions, data.positions[[5]])
    np.testing.assert_array_equal(blind.actions, data.actions[[5]])


def test_a_saved_dataset_is_read_back_unchanged(data: Dataset, tmp_path: Path) -> None:
    data.save(tmp_path / "data.npz")
    assert Dataset.read(tmp_path / "data.npz").digest() == data.digest()


def test_ranges_of_seeds_are_disjoint() -> None:
    ranges = [seeds.TRAINING, seeds.CALIBRATION, seeds.EVALUATION, seeds.DEMO]
    for before, after in itertools.pairwise(ranges):
        assert before.stop <= after.start


def test_training_blocks_do_not_overlap() -> None:
    assert seeds.training_block(0).stop == seeds.training_block(1).start
    assert seeds.training_block(9).stop == seeds.TRAINING.stop
    with pytest.raises(ValueError, match="seed must lie"):
        seeds.training_block(10)


def test_a_collection_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, arguments = tmp_path / "data.npz", ["--episodes", "3", "--size", "16"]
    monkeypatch.setattr(collect, "CHUNK", 1)
    save = Dataset.save

    def stopped(data: Dataset, path: Path) -> None:
        if path == output:
            raise KeyboardInterrupt
        save(data, path)

    with monkeypatch.context() as context:
        context.setattr(Dataset, "save", stopped)
        with pytest.raises(SystemExit) as ended:
            collect.main([str(output), *arguments])
        assert ended.value.code == 130
    assert not output.exists()
    (folder,) = tmp_path.glob("data.npz.*.partial")
    parts = sorted(folder.iterdir())
    assert len(parts) == 3
    parts[1].unlink()
    kept = parts[0].stat().st_mtime_ns
    ages: list[int] = []

    def watched(data: Dataset, path: Path) -> None:
        ages.append(parts[0].stat().st_mtime_ns)
        save(data, path)

    monkeypatch.setattr(Dataset, "save", watched)
    collect.main([str(output), *arguments])
    assert ages == [kept], "what was there is not collected again"
    assert len(Dataset.read(output).actions) == 3
    assert list(tmp_path.iterdir()) == [output]
