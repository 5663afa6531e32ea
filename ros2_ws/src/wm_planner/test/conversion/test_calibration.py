"""Calibration of a small random model on recorded episodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import recorded_datasets as recorded
import torch

from wm_planner.conversion.calibration import calibrate
from wm_planner.datasets import Dataset, DatasetError, read
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.spec import CommandMapping

Make = Callable[..., DinoWorldModel]


def test_calibration_orders_noise_step_and_way(tmp_path: Path, random_model: Make) -> None:
    data = read(recorded.drifting(tmp_path, episodes=8, steps=14), "point_maze")
    found = calibrate(random_model(), data, horizon=4)
    assert 0 < found.noise_floor < found.typical_distance
    assert found.noise_floor <= found.tolerance * found.typical_distance < found.typical_distance
    assert found.latent is not None
    assert len(found.latent.mean) == 24
    assert found.latent_limit >= 1


def distances(model: DinoWorldModel, data: Dataset, apart: int, horizon: int) -> list[float]:
    """Distances of frames ``apart`` model steps of two environment steps apart, one by one."""
    found = []
    for index in range(len(data.parts["train"])):
        episode = data.episode(index, "train")
        assert episode.images is not None
        images, proprio = episode.images[::2], episode.proprio[::2]
        for start in range(len(images) - horizon):
            here, there = (
                model.encode(
                    ObservationBatch(
                        torch.from_numpy(images[t][None, None]),
                        torch.from_numpy(proprio[t][None, None]),
                    )
                )
                for t in (start, start + apart)
            )
            found.append(float(model.distance(here, there).sqrt()))
    return found


def test_distances_are_those_of_pairs_one_by_one(tmp_path: Path, random_model: Make) -> None:
    data = read(recorded.drifting(tmp_path, episodes=3), "point_maze")
    model = random_model()
    found = calibrate(model, data, horizon=3)
    ways, steps = (distances(model, data, apart, horizon=3) for apart in (3, 1))
    assert found.typical_distance == pytest.approx(np.mean(ways), rel=1e-4)
    step = found.tolerance * found.typical_distance
    assert step == pytest.approx(np.median(steps), rel=1e-4)


def test_the_distance_per_motion_is_the_largest_of_pairs_one_by_one(
    tmp_path: Path, random_model: Make
) -> None:
    data = read(recorded.drifting(tmp_path, episodes=3), "point_maze")
    model = random_model()
    assert calibrate(model, data, horizon=3).distance_per_motion is None, "no command is known"
    model.spec.action.command = CommandMapping("relative", ["ax", "ay"], ["x", "y"])
    assert calibrate(model, data, horizon=3).distance_per_motion is None, "x and y are no angles"
    model.spec.proprio.units[:2] = ["rad", "rad"]
    found = calibrate(model, data, horizon=3)
    slopes = []
    for apart in (1, 3):
        motions = []
        for index in range(len(data.parts["train"])):
            places = data.episode(index, "train").proprio[::2, :2]
            count = len(places) - 3
            motions += list(np.abs(places[apart : apart + count] - places[:count]).max(axis=1))
        excess = np.array(distances(model, data, apart, horizon=3)) - found.noise_floor
        moved = np.array(motions) > 0.01
        slopes += list(excess[moved] / np.array(motions)[moved])
    assert found.distance_per_motion == pytest.approx(
        max(slopes) / found.typical_distance, rel=1e-3
    )


def test_calibration_is_repeatable(tmp_path: Path, random_model: Make) -> None:
    data = read(recorded.drifting(tmp_path, episodes=4), "point_maze")
    model = random_model()
    assert calibrate(model, data, horizon=3) == calibrate(model, data, horizon=3)


def test_bgr_recordings_are_given_to_the_model_as_rgb(tmp_path: Path, random_model: Make) -> None:
    """A model of BGR images sees what is on disk, as its training did."""
    data = read(recorded.drifting(tmp_path, episodes=4), "point_maze")
    model, turned = random_model(), random_model()
    turned.spec.image.color_order = "bgr"
    turned = DinoWorldModel(turned.spec, None)
    turned.networks.load_state_dict(model.networks.state_dict())
    straight, bgr = calibrate(model, data, horizon=3), calibrate(turned, data, horizon=3)
    assert bgr.typical_distance == pytest.approx(straight.typical_distance, rel=1e-4)
    assert bgr.latent is not None
    assert straight.latent is not None
    assert bgr.latent.mean == pytest.approx(straight.latent.mean, abs=1e-4)


def test_without_images_there_is_no_calibration(tmp_path: Path, random_model: Make) -> None:
    data = read(recorded.point_maze_numbers(tmp_path), "point_maze")
    with pytest.raises(DatasetError, match="no training episode has images"):
        calibrate(random_model(), data)


def test_short_episodes_are_refused(tmp_path: Path, random_model: Make) -> None:
    data = read(recorded.point_maze(tmp_path, steps=6), "point_maze")
    with pytest.raises(DatasetError, match="shorter horizon"):
        calibrate(random_model(), data, horizon=5)


def test_recordings_without_motion_are_refused(tmp_path: Path, random_model: Make) -> None:
    recorded.point_maze(tmp_path, episodes=3)
    still = recorded.images(0, 1).expand(11, -1, -1, -1).clone()
    states = torch.load(tmp_path / "states.pth", weights_only=True)
    torch.save(states[:, :1].expand(-1, 11, -1).clone(), tmp_path / "states.pth")
    for index in range(3):
        recorded.save(tmp_path / f"obses/episode_{index:03d}.pth", still)
    with pytest.raises(ValueError, match="no distance tells a reached goal"):
        calibrate(random_model(), read(tmp_path, "point_maze"), horizon=3)
