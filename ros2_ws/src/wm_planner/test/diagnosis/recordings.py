"""Writes recordings of the simulated arm, as datasets and bags, and a model that fits them.

The tests then plant one fault each.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from safetensors.torch import load_file, save_file

from wm_planner.datasets import read
from wm_planner.models import load_spec
from wm_planner.models.spec import ModelSpec, Statistics, WeightsFile

EMBEDDED = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
LAYOUT = {
    "action": {"dx": "m", "dy": "m", "dz": "m"},
    "state": {"x": "m", "y": "m", "z": "m"},
    "proprio": ["x", "y", "z"],
    "epsilon": 0.0,
}
STEP = 0.2
"""One model step [s]."""
START = 1000.0
"""Stamp of a bag's first image [s]."""


def write_set(
    directory: Path,
    actions: NDArray[np.float32],
    positions: NDArray[np.float32],
    images: NDArray[np.uint8],
    layout: dict[str, Any] | None = None,
) -> Path:
    """Writes a dataset with a layout: (N, T, 3), (N, T + 1, 3), (N, T + 1, S, S, 3)."""
    (directory / "obses").mkdir(parents=True)
    (directory / "layout.yaml").write_text(yaml.safe_dump(layout or LAYOUT, sort_keys=False))
    torch.save(torch.from_numpy(actions.copy()), directory / "actions.pth")
    torch.save(torch.from_numpy(positions[:, :-1].copy()), directory / "states.pth")
    for index, film in enumerate(images):
        file = directory / "obses" / f"episode_{index:03d}.pth"
        torch.save(torch.from_numpy(film[:-1].copy()), file)
    return directory


def fitted_model(directory: Path, statistics: Statistics, **changes: Any) -> Path:
    """Saves the embedded model with other statistics and weights that compute the same with them.

    The predictor's first layer is rescaled, so that the model is as good as before.
    """
    spec = load_spec(EMBEDDED)
    weights = load_file(EMBEDDED / "weights.safetensors")
    old, new = spec.statistics.action, statistics.action
    scale = torch.tensor(new.std) / torch.tensor(old.std)
    offset = (torch.tensor(new.mean) - torch.tensor(old.mean)) / torch.tensor(old.std)
    first = weights["predictor.layers.0.weight"].double()
    taken = first[:, -3:].clone()
    first[:, -3:] = taken * scale.double()
    bias = weights["predictor.layers.0.bias"].double() + taken @ offset.double()
    weights["predictor.layers.0.weight"] = first.float()
    weights["predictor.layers.0.bias"] = bias.float()
    return save_model(directory, replace(spec, statistics=statistics, **changes), weights)


def save_model(directory: Path, spec: ModelSpec, weights: dict[str, torch.Tensor]) -> Path:
    """Saves spec and weights with their digest."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "weights.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    replace(spec, weights=WeightsFile(sha256=digest)).save(directory)
    return directory


def change_spec(model: Path, directory: Path, **changes: Any) -> Path:
    """Copies a model with changes in its spec."""
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(model / "weights.safetensors", directory)
    replace(load_spec(model), **changes).save(directory)
    return directory


def statistics_of(directory: Path, **options: Any) -> Statistics:
    return read(directory, "franka", **options).statistics()


def write_bag(
    path: Path,
    actions: NDArray[np.float32],
    positions: NDArray[np.float32],
    images: NDArray[np.uint8],
    *,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    columns: Sequence[int] = (0, 1, 2),
    commands: bool = True,
    compressed: bool = False,
    seconds_per_step: float = STEP,
    camera_clock: Callable[[float], float] = lambda time: time,
) -> Path:
    """Writes one episode as a bag: images and measured poses every step, commanded ones at 50 Hz.

    Args:
        path: The bag's directory.
        actions: (T, 3) displacements of the commanded position [m].
        positions: (T + 1, 3) measured [m].
        images: (T + 1, S, S, 3) RGB.
        plugin: File format.
        columns: Which displacement is commanded along x, y, z.
        commands: Record the commands.
        compressed: PNG instead of raw images.
        seconds_per_step: Time between stamps [s].
        camera_clock: From the true time to what the camera writes into its stamps [s].
    """
    types = get_typestore(Stores.ROS2_JAZZY)
    steps = len(actions)
    track = positions[0] + np.concatenate([np.zeros((1, 3)), np.cumsum(actions[:, columns], 0)])
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        image_type = f"sensor_msgs/msg/{'CompressedImage' if compressed else 'Image'}"
        topics = {
            "image": ("/camera/image", image_type),
            "pose": ("/arm/current_pose", "geometry_msgs/msg/PoseStamped"),
            "command": ("/arm/target_pose", "geometry_msgs/msg/PoseStamped"),
        }
        connections = {
            role: writer.add_connection(topic, kind, typestore=types)
            for role, (topic, kind) in topics.items()
            if commands or role != "command"
        }

        def write(role: str, time: float, message: Any) -> None:
            raw = types.serialize_cdr(message, topics[role][1])
            writer.write(connections[role], round(time * 1e9) + 5_000_000, raw)

        for step in range(steps + 1):
            time = START + step * seconds_per_step
            write("image", time, _image(types, images[step], camera_clock(time), compressed))
            write("pose", time, _pose(types, positions[step], time))
        if commands:
            for tick in np.arange(0, steps * seconds_per_step + 1e-9, 0.02):
                place = [
                    np.interp(tick / seconds_per_step, np.arange(steps + 1), track[:, i])
                    for i in range(3)
                ]
                write("command", START + tick, _pose(types, place, START + tick))
    return path


def _header(types: Any, time: float, frame: str) -> Any:
    stamp = types.types["builtin_interfaces/msg/Time"](int(time), round(time % 1 * 1e9))
    return types.types["std_msgs/msg/Header"](stamp, frame)


def _pose(types: Any, place: Any, time: float) -> Any:
    known = types.types
    point = known["geometry_msgs/msg/Point"](*map(float, place))
    turn = known["geometry_msgs/msg/Quaternion"](1.0, 0.0, 0.0, 0.0)
    pose = known["geometry_msgs/msg/Pose"](point, turn)
    header = _header(types, time, "panda_link0")
    return known["geometry_msgs/msg/PoseStamped"](header, pose)


def _image(types: Any, rgb: NDArray[np.uint8], time: float, compressed: bool) -> Any:
    header = _header(types, time, "camera")
    if compressed:
        import cv2

        data = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))[1].ravel()
        return types.types["sensor_msgs/msg/CompressedImage"](header, "png", data)
    height, width = rgb.shape[:2]
    return types.types["sensor_msgs/msg/Image"](
        header, height, width, "rgb8", 0, 3 * width, np.ascontiguousarray(rgb).ravel()
    )
