"""Prepares what the pages take for granted, small and genuine: models, data, images, a bag."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from conversions import DATA as DINO_WM
from dino_wm_runs import TrainingRun
from documented_pages import REPOSITORY
from lewm_runs import DATA as LEWM
from lewm_runs import EPISODES
from recorded_datasets import images, numbers, save
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_typestore

from wm_planner.cli import main

LINKED = ("Makefile", "benchmarks", "requirements", "ros2_ws", "scripts")
"""What is used in place; ``docs`` is copied, because pip writes beside what it installs."""
ABSOLUTE = ("/data/", "/path/to/", "/tmp/")
"""Folders of the pages' examples; they are made in the page's folder."""


class Files:
    """Makes the files that commands name, in the folder of a page, when a command names them.

    Args:
        folder: Folder for the folders of the pages.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Path] = {}

    def page(self) -> Path:
        """Return a new folder like the top of the repository, for the commands of a page."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        for made in ("", *(absolute[1:] for absolute in ABSOLUTE)):
            (folder / made).mkdir(parents=True, exist_ok=True)
        for linked in LINKED:
            (folder / linked).symlink_to(REPOSITORY / linked)
        kept = shutil.ignore_patterns("_build", "screenshots", "__pycache__")
        shutil.copytree(REPOSITORY / "docs", folder / "docs", ignore=kept)
        return folder

    def prepare(self, folder: Path, words: list[str]) -> None:
        """Make those files of the words that are known and not there yet."""
        for word in words:
            name = word.rpartition("=")[2].rstrip("/")
            path = folder / name
            if name not in MAKERS or path.exists():
                continue
            if name not in self._made:
                self._made[name] = self._folder / f"made-{len(self._made)}" / path.name
                self._made[name].parent.mkdir()
                MAKERS[name](self._made[name])
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._made[name].is_dir():
                shutil.copytree(self._made[name], path)
            else:
                shutil.copy(self._made[name], path)


def here(word: str) -> str:
    """Return a word with the absolute paths of the examples as paths in the page's folder."""
    for absolute in ABSOLUTE:
        word = word.replace(absolute, absolute[1:])
    return word


def _model(path: Path) -> None:
    """A small DINO-WM that displaces a hand and takes its position, converted."""
    run, encoder, data = (path.parent / name for name in ("run", "encoder.pth", "data"))
    _run(run)
    _set(data)
    words = ["--encoder", str(encoder), "--encoder-heads", "2", "--dataset", str(data)]
    words += ["--action-names", "dx", "dy", "dz", "--action-units", "m", "m", "m", "--calibrate"]
    words += ["--action-frame", "panda_link0", "--proprio-names", "x", "y", "z"]
    words += ["--proprio-units", "m", "m", "m", "--command-mode", "relative", "--command-position"]
    words += ["dx", "dy", "dz", "--control-rate", "10", "--color-order", "rgb"]
    assert main(["convert", str(run), str(path), *words]) < 2


def _picture(seed: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        values = np.random.default_rng(seed).normal((0.4, 0.5, 0.6), 0.15, (120, 160, 3))
        assert cv2.imwrite(str(path), (np.clip(values, 0, 1) * 255).astype(np.uint8))

    return write


def _mask(path: Path) -> None:
    mask = np.zeros((120, 160), np.uint8)
    mask[:, 40:] = 255
    assert cv2.imwrite(str(path), mask)


def _run(path: Path) -> None:
    TrainingRun(action_dim=3, proprio_dim=3).write(path)


def _encoder(path: Path) -> None:
    TrainingRun(action_dim=3, proprio_dim=3).write(path.parent / "run")
    (path.parent / "encoder.pth").rename(path)


def _set(path: Path) -> None:
    """A dataset of displacements and positions, as the kind that the run names."""
    steps, episodes = 25, 8
    save(path / "actions.pth", numbers(1, episodes, steps, 3) / 100)
    save(path / "states.pth", numbers(2, episodes, steps, 3) / 10)
    save(path / "seq_lengths.pth", torch.tensor([steps] * episodes))
    for index in range(episodes):
        save(path / f"obses/episode_{index:03d}.pth", images(index, steps, size=(36, 48)))


def _tiny(path: Path) -> None:
    """The genuine run of DINO-WM, converted."""
    names = ["--action-names", "fx", "fy", "--action-units", "N", "N", "--action-frame", "world"]
    names += ["--proprio-names", "x", "y", "vx", "vy", "--proprio-units", "m", "m", "m/s", "m/s"]
    words = ["--encoder", str(DINO_WM / "dinov2_tiny_pretrain.pth"), "--encoder-heads", "3"]
    words += ["--dataset", str(DINO_WM / "data/point_maze"), "--control-rate", "10"]
    run = str(DINO_WM / "outputs/tiny")
    assert main(["convert", run, str(path), *words, *names, "--color-order", "rgb"]) < 2


def _bag(path: Path) -> None:
    """Eight seconds of images, measured and commanded poses of a hand that moves steadily."""
    types = get_typestore(Stores.ROS2_JAZZY)
    made = types.types
    film = images(0, 41, size=(120, 160))
    with Writer(path, version=9) as writer:

        def topic(name: str, kind: str) -> Callable[[object, int], None]:
            connection = writer.add_connection(name, kind, typestore=types)
            return lambda message, time: writer.write(
                connection, time, types.serialize_cdr(message, kind)
            )

        image = topic("/camera/image", "sensor_msgs/msg/Image")
        pose = topic("/current_pose", "geometry_msgs/msg/PoseStamped")
        target = topic("/target_pose", "geometry_msgs/msg/PoseStamped")
        for step, pixels in enumerate(film.numpy()):
            time = 10**12 + step * 2 * 10**8
            stamp = made["builtin_interfaces/msg/Time"](time // 10**9, time % 10**9)
            header = made["std_msgs/msg/Header"](stamp, "panda_link0")
            place = made["geometry_msgs/msg/Point"](0.4 + 0.002 * step, 0.1, 0.3)
            turn = made["geometry_msgs/msg/Quaternion"](1.0, 0.0, 0.0, 0.0)
            at = made["geometry_msgs/msg/PoseStamped"](
                header, made["geometry_msgs/msg/Pose"](place, turn)
            )
            data = np.ascontiguousarray(pixels).ravel()
            picture = made["sensor_msgs/msg/Image"](header, 120, 160, "rgb8", 0, 480, data)
            for write, message in ((image, picture), (pose, at), (target, at)):
                write(message, time)


def _copy(source: Path) -> Callable[[Path], None]:
    def copy(path: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, path)
        else:
            shutil.copy(source, path)

    return copy


MAKERS: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(("MODEL", "MODEL_DIR", "my_model", "path/to/model"), _model),
    **dict.fromkeys(("DIR", "data/my_set"), _set),
    **dict.fromkeys(("now.png", "desk.png", "before.png", "a.png"), _picture(0)),
    **dict.fromkeys(("goal.png", "after.png", "b.png"), _picture(9)),
    "mask.png": _mask,
    "outputs/2025-03-01/12-00-00": _run,
    "dinov2_vits14_pretrain.pth": _encoder,
    "lewm_pusht_fr3": _copy(LEWM / "lewm"),
    "pusht_fr3.h5": _copy(EPISODES),
    "tiny": _tiny,
    **dict.fromkeys(("PATH", "recorded"), _bag),
}
"""Files and folders that the pages' examples name, and how they are made."""
