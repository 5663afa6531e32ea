"""Images of every layout are read as uint8 (T, H, W, 3)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import recorded_datasets as recorded
import torch

from wm_planner.datasets import DatasetError, episode_images, read


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


def test_videos_of_pusht_are_read_as_rgb(tmp_path: Path) -> None:
    recorded.pusht(tmp_path)
    path = tmp_path / "train/obses/episode_001.mp4"
    path.parent.mkdir()
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (96, 64))
    assert video.isOpened()
    for step in range(9):
        video.write(np.full((64, 96, 3), (20, 40, 200 - step), np.uint8))  # BGR
    video.release()
    images = read(tmp_path, "pusht").episode(1).images
    assert images is not None
    assert images.shape == (8, 64, 96, 3)
    assert np.abs(images.mean(axis=(0, 1, 2)) - [196, 40, 20]).max() < 6


def test_a_video_that_claims_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(episode_images, "MAX_BYTES", 3 * 96 * 64 * 8 - 1)
    with pytest.raises(DatasetError, match="8 images of 96x64 pixels, more than"):
        test_videos_of_pusht_are_read_as_rgb(tmp_path)


def test_undecodable_video_is_refused(tmp_path: Path) -> None:
    recorded.pusht(tmp_path)
    path = tmp_path / "train/obses/episode_000.mp4"
    path.parent.mkdir()
    path.write_bytes(b"no video")
    with pytest.raises(DatasetError, match="cannot be decoded"):
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
    with pytest.raises(DatasetError, match=sentence):
        _ = read(tmp_path, "point_maze").episode(0).images
