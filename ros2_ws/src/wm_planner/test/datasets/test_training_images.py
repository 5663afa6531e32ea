"""The colors and the shape of training images are measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import recorded_datasets as recorded

from wm_planner.datasets import DatasetError, measure_training_images, read


def test_colors_are_those_of_all_pixels(tmp_path: Path) -> None:
    data = read(recorded.point_maze(tmp_path, episodes=5, steps=9), "point_maze")
    found = measure_training_images(data)
    pixels = np.concatenate([data.episode(i, "train").images for i in range(4)]) / 255
    assert found.channel_mean == pytest.approx(pixels.mean(axis=(0, 1, 2)), abs=1e-4)
    assert found.channel_std == pytest.approx(pixels.std(axis=(0, 1, 2)), abs=1e-4)
    assert found.camera_aspect == pytest.approx(16 / 12)


def test_colors_are_in_rgb_order(tmp_path: Path) -> None:
    data = read(recorded.point_maze(tmp_path, episodes=5), "point_maze")
    straight, turned = measure_training_images(data), measure_training_images(data, "bgr")
    assert turned.channel_mean == straight.channel_mean[::-1]
    assert turned.channel_std == straight.channel_std[::-1]


def test_square_images_say_nothing_about_the_camera(tmp_path: Path) -> None:
    recorded.point_maze_numbers(tmp_path, episodes=3, steps=5)
    for index in range(3):
        video = recorded.images(index, 5, size=(16, 16))
        recorded.save(tmp_path / f"obses/episode_{index:03d}.pth", video)
    assert measure_training_images(read(tmp_path, "point_maze")).camera_aspect == 0


def test_a_dataset_without_images_is_refused(tmp_path: Path) -> None:
    data = read(recorded.point_maze_numbers(tmp_path), "point_maze")
    with pytest.raises(DatasetError, match="no images"):
        measure_training_images(data)
