"""Images of every layout come out as uint8 (T, H, W, 3)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import recorded
import torch

from wm_planner.models.dino_wm.datasets import DataError, image_statistics, read


@pytest.mark.parametrize("kind", ["point_maze", "deformable", "wall"])
def test_images_are_as_recorded(tmp_path: Path, kind: str) -> None:
    data = read(getattr(recorded, kind)(tmp_path), kind)
    assert data.has_images
    images = data.episode(2).images
    assert images is not None
    seed = 3 if kind == "wall" else 2
    assert np.array_equal(images, recorded.images(seed, data.lengths[2]).numpy())


def test_images_of_a_validation_folder(tmp_path: Path) -> None:
    data = read(recorded.wall_folders(tmp_path), "wall", split_mode="folder")
    images = data.episode(1, "validation").images
    assert np.array_equal(images, recorded.images(6, 7).numpy())


def test_images_of_franka_episodes(tmp_path: Path) -> None:
    data = read(recorded.franka_episodes(tmp_path), "franka")
    assert np.array_equal(data.episode(3).images, recorded.images(3, 7).numpy())


def test_films_of_pusht_come_out_in_rgb(tmp_path: Path) -> None:
    recorded.pusht(tmp_path)
    path = tmp_path / "train/obses/episode_001.mp4"
    path.parent.mkdir()
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (96, 64))
    assert film.isOpened()
    for step in range(9):
        film.write(np.full((64, 96, 3), (20, 40, 200 - step), np.uint8))  # BGR
    film.release()
    images = read(tmp_path, "pusht").episode(1).images
    assert images is not None
    assert images.shape == (8, 64, 96, 3)
    assert np.abs(images.mean(axis=(0, 1, 2)) - [196, 40, 20]).max() < 6


def test_undecodable_film_is_refused(tmp_path: Path) -> None:
    recorded.pusht(tmp_path)
    path = tmp_path / "train/obses/episode_000.mp4"
    path.parent.mkdir()
    path.write_bytes(b"no film")
    with pytest.raises(DataError, match="cannot be decoded"):
        _ = read(tmp_path, "pusht").episode(0).images


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (recorded.images(0, 4), "4 images of an episode of 11"),
        (recorded.images(0, 11)[..., 0], "not T images with 3 channels"),
        (recorded.images(0, 11).float() / 255, "divides images by 255"),
    ],
)
def test_images_that_do_not_fit_are_refused(
    tmp_path: Path, images: torch.Tensor, sentence: str
) -> None:
    recorded.save(recorded.point_maze(tmp_path) / "obses/episode_000.pth", images)
    with pytest.raises(DataError, match=sentence):
        _ = read(tmp_path, "point_maze").episode(0).images


def test_image_statistics_are_those_of_all_pixels(tmp_path: Path) -> None:
    data = read(recorded.point_maze(tmp_path, episodes=5, steps=9), "point_maze")
    found = image_statistics(data)
    pixels = np.concatenate([data.episode(i, "train").images for i in range(4)]) / 255
    assert found.channel_mean == pytest.approx(pixels.mean(axis=(0, 1, 2)), abs=1e-4)
    assert found.channel_std == pytest.approx(pixels.std(axis=(0, 1, 2)), abs=1e-4)
    assert found.camera_aspect == pytest.approx(16 / 12)


def test_image_statistics_are_in_rgb_order(tmp_path: Path) -> None:
    data = read(recorded.point_maze(tmp_path, episodes=5), "point_maze")
    straight, turned = image_statistics(data), image_statistics(data, "bgr")
    assert turned.channel_mean == straight.channel_mean[::-1]
    assert turned.channel_std == straight.channel_std[::-1]


def test_square_images_say_nothing_about_the_camera(tmp_path: Path) -> None:
    recorded.point_maze_numbers(tmp_path, episodes=3, steps=5)
    for index in range(3):
        film = recorded.images(index, 5, size=(16, 16))
        recorded.save(tmp_path / f"obses/episode_{index:03d}.pth", film)
    assert image_statistics(read(tmp_path, "point_maze")).camera_aspect == 0


def test_image_statistics_need_images(tmp_path: Path) -> None:
    data = read(recorded.point_maze_numbers(tmp_path), "point_maze")
    with pytest.raises(DataError, match="no images"):
        image_statistics(data)
