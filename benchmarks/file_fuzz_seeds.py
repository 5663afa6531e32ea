"""Genuine files of every kind, and what is done to them."""

from __future__ import annotations

import copy
import functools
import io
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from safetensors.torch import save

from wm_planner.models import load_spec

MODEL = Path(__file__).parents[1] / "ros2_ws/src/wm_planner_sim/models/franka_reach"
STEPS = 8
HOSTILE = [
    b"&a [*a, *a]", b"<<: *a", b"!!python/object/apply:os.system ['touch /tmp/x']", b"9" * 5000,
    b"${oc.env:HOME}", b"0x" + b"f" * 5000, b"2024-13-41", b"[" * 2000, b"{a: " * 500, b"1e999",
    b"\n" + b"name: x\n" * 2, b".nan", b".inf", b"? [a]\n: b\n", b"!!binary ////", b"\x00",
    b"!!set {a, b}", b"\xff\xfe", b"---\n", b"'" * 9, b"\t", b"!!timestamp x", b"a" * 100_000,
]  # fmt: skip
SIZES = [0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]


def _tensors() -> dict[str, torch.Tensor]:
    return {f"layer{i}.weight": torch.randn(8, 8) for i in range(4)}


def _checkpoints() -> list[bytes]:
    found = []
    for new in (True, False):
        file = io.BytesIO()
        content: Any = {"epoch": 3, "model": _tensors(), "names": ["a", "b"]}
        torch.save(content, file, _use_new_zipfile_serialization=new)
        found.append(file.getvalue())
    return found


def _statistics() -> dict[str, Any]:
    statistics = yaml.safe_load((MODEL / "model.yaml").read_text())["statistics"]
    names = ("action", "state", "provenance")
    return {
        "proprio": copy.deepcopy(statistics["state"]),
        **{name: statistics[name] for name in names},
    }


def _npz() -> list[bytes]:
    arrays = {
        f"{group}_{name}": value
        for group, values in _statistics().items()
        for name, value in values.items()
    }
    found = []
    for write in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        write(file, **arrays)
        found.append(file.getvalue())
    return found


def _picture(size: int = 48) -> np.ndarray[Any, Any]:
    ramp = np.linspace(0, 255, size).astype(np.uint8)
    return np.dstack(np.broadcast_arrays(ramp[:, None], ramp[None], ramp[::-1, None]))


def _image(suffix: str, *options: int) -> bytes:
    return bytes(cv2.imencode(suffix, _picture(), list(options))[1])


def _bag(plugin: StoragePlugin) -> list[bytes]:
    store = get_typestore(Stores.ROS2_JAZZY)
    types = store.types
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bag"
        with Writer(path, version=9, storage_plugin=plugin) as writer:
            images = writer.add_connection(
                "/image", "sensor_msgs/msg/CompressedImage", typestore=store
            )
            poses = writer.add_connection(
                "/current_pose", "geometry_msgs/msg/PoseStamped", typestore=store
            )
            picture = np.frombuffer(_image(".jpg"), np.uint8)
            for step in range(STEPS):
                seconds, part = divmod(step, 5)
                stamp = types["builtin_interfaces/msg/Time"](1000 + seconds, part * 200_000_000)
                header = types["std_msgs/msg/Header"](stamp, "panda_link0")
                image = types["sensor_msgs/msg/CompressedImage"](header, "jpeg", picture)
                point = types["geometry_msgs/msg/Point"](0.4 + 0.01 * step, 0.0, 0.3)
                turn = types["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0)
                pose = types["geometry_msgs/msg/Pose"](point, turn)
                posed = types["geometry_msgs/msg/PoseStamped"](header, pose)
                time = (1000 + seconds) * 10**9 + part * 200_000_000
                for connection, message in ((images, image), (poses, posed)):
                    raw = store.serialize_cdr(message, connection.msgtype)
                    writer.write(connection, time, raw)
        files = [file for file in path.iterdir() if file.suffix in (".mcap", ".db3")]
        return [file.read_bytes() for file in files]


def _programs() -> list[bytes]:
    """Return bags whose messages an endless view or a column of 900 MB computes."""
    columns = "id integer primary key, topic_id integer, timestamp integer, data blob"
    programs = (
        "create view messages as with recursive c(x) as (select 1 union all select x + 1 from c) "
        "select x as id, 1 as topic_id, x as timestamp, x'00' as data from c where x < 0",
        f"create table messages ({columns} as (zeroblob(900000000)))",
    )
    found = []
    for program in programs:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bag.db3"
            file.write_bytes(_bag(StoragePlugin.SQLITE3)[0])
            database = sqlite3.connect(file)
            database.execute("drop table messages")
            database.execute(program)
            if "view" not in program:
                database.execute("insert into messages values (1, 1, 1)")
            database.commit()
            database.close()
            found.append(file.read_bytes())
    return found


def _model() -> list[bytes]:
    load_spec(MODEL)
    return [(MODEL / "model.yaml").read_bytes()]


SEEDS = {
    "model.yaml": _model,
    "statistics.yaml": lambda: [yaml.safe_dump(_statistics()).encode()],
    "statistics.npz": _npz,
    "checkpoint.pth": _checkpoints,
    "weights.safetensors": lambda: [save(_tensors())],
    "image.png": lambda: [_image(".png")],
    "image.jpg": lambda: [_image(".jpg"), _image(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 1)],
    "bag.mcap": lambda: _bag(StoragePlugin.MCAP),
    "bag.db3": lambda: [*_bag(StoragePlugin.SQLITE3), *_programs()],
}
"""Genuine files by name."""


@functools.cache
def _genuine(name: str) -> list[bytes]:
    torch.manual_seed(0)
    return SEEDS[name]()


def mutated(name: str, draws: np.random.Generator) -> bytes:
    """Return a random file of a kind: mostly a genuine one with one to four changes."""
    genuine = _genuine(name)
    data = bytearray(genuine[draws.integers(len(genuine))])
    if draws.random() < 0.05:
        return bytes(draws.bytes(int(draws.integers(0, 5000))))
    for _ in range(draws.integers(0, 5)):
        _change(data, name, draws)
    return bytes(data)


def _change(data: bytearray, name: str, draws: np.random.Generator) -> None:
    place = int(draws.integers(0, len(data) + 1))
    end = min(len(data), place + int(draws.integers(1, 65)))
    kind = draws.integers(8 if name == "image.jpg" else 7)
    if kind == 0:
        data[place:end] = draws.bytes(end - place)
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        del data[place:end]
    elif kind == 3:
        data[place:place] = data[place:end] * int(draws.integers(1, 50))
    elif kind == 4:
        width = (2, 4, 8)[draws.integers(3)]
        size = SIZES[draws.integers(len(SIZES))] % 2 ** (8 * width)
        data[place : place + width] = size.to_bytes(width, ("little", "big")[draws.integers(2)])
    elif kind == 7:
        data[2:2] = _huffman_tables(draws)
    elif kind == 5 and name.endswith(".yaml"):
        data[place:place] = HOSTILE[draws.integers(len(HOSTILE))]
    elif len(data):
        index = int(draws.integers(len(data)))
        data[index] ^= 1 << int(draws.integers(8))


def _huffman_tables(draws: np.random.Generator) -> bytes:
    """Return a segment of up to 500 tables of a JPEG, some with names that do not exist."""
    content = b"".join(
        bytes((int(draws.integers(256)), 1)) + bytes(15) + draws.bytes(1)
        for _ in range(draws.integers(500))
    )
    return b"\xff\xc4" + (len(content) + 2).to_bytes(2, "big") + content
