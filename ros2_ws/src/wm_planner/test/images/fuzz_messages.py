"""Random messages: valid ones, valid ones with faults, and noise."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cv2
import image_oracle as oracle
import numpy as np

from wm_planner.images import ImagePolicy

FORMATS = [
    "",
    "jpeg",
    "png",
    "jpg",
    "rgb8; jpeg compressed bgr8",
    "bgr8; png compressed rgb8",
    "mono16; png compressed ",
    "8UC3; png compressed ",
    "bayer_rggb8; png compressed ",
    "16UC1; compressedDepth png",
    "32FC1; png compressed ",
    ";;; compressed",
    "compressed",
    "h264",
]
ENCODINGS = [
    *oracle.ALL,
    "32SC1",
    "8SC3",
    "32FC2",
    "8UC",
    "rgb",
    "",
    "\0",
    "é" * 50,
    "jpeg",
    "RGB8 ",
]
SIZES = [0, 1, 2, 3, 4, 7, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**64, -1]
WRONG_TYPES: list[Any] = [None, 1.5, "4", b"4", [], float("nan"), True, object(), 10**400]
CONTAINERS = list(oracle.CONTAINERS)
POLICIES = [
    ImagePolicy(),
    ImagePolicy(generic_color_order="rgb", float_range="[0,1]", bit_depth=16),
    ImagePolicy(generic_color_order="bgr", float_range="[0,255]", bit_depth=12),
]


def valid_files() -> list[bytes]:
    """Return small valid JPEGs and PNGs."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 4), dtype=np.uint8)
    images = [noise, noise[..., :3], noise[..., 0], noise[..., :3].astype(np.uint16) * 257]
    files = [cv2.imencode(".png", image)[1].tobytes() for image in images]
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
    for options in ([], progressive):
        files += [cv2.imencode(".jpg", p, options)[1].tobytes() for p in images[1:3]]
    return files


def random_messages(seed: int) -> Callable[[], tuple[Any, ImagePolicy]]:
    """Return a function that makes random messages with policies, the same for the same seed."""
    rng = random.Random(seed)
    files = valid_files()

    def raw() -> SimpleNamespace:
        encoding = rng.choice(oracle.ALL)
        image = oracle.make(
            encoding, rng.choice([2, 4, 6]), rng.choice([2, 4, 8]), rng.getrandbits(8)
        )
        message = image.message(
            padding=rng.choice([0, 0, 1, 3, 8]),
            big_endian=rng.random() < 0.2,
            last_row_padded=rng.random() < 0.8,
            container="bytes",
        )
        for _ in range(rng.choice([0, 1, 1, 2])):
            change_a_field(message)
        if isinstance(message.data, bytes) and rng.random() < 0.5:
            message.data = oracle.CONTAINERS[rng.choice(CONTAINERS)](message.data)
        return message

    def change_a_field(message: SimpleNamespace) -> None:
        field = rng.choice(["height", "width", "step", "encoding", "is_bigendian", "data", "data"])
        if rng.random() < 0.1:
            setattr(message, field, rng.choice(WRONG_TYPES))
        elif field == "encoding":
            message.encoding = rng.choice(ENCODINGS)
        elif field == "data":
            message.data = rng.randbytes(rng.choice([0, 1, 12, 48, 96, rng.randrange(400)]))
        else:
            setattr(message, field, rng.choice(SIZES))

    def damaged(data: bytes) -> bytes:
        result = bytearray(data)
        for _ in range(rng.choice([0, 1, 1, 3, 20])):
            place = rng.randrange(len(result))
            kind = rng.random()
            if kind < 0.5:
                result[place] = rng.getrandbits(8)
            elif kind < 0.7:
                del result[place : place + rng.randrange(1, 40)]
            elif kind < 0.9:
                result[place:place] = rng.randbytes(rng.randrange(1, 20))
            else:
                del result[place:]
            if not result:
                break
        return bytes(result)

    def with_new_checksums(data: bytes) -> bytes:
        """Damage the chunks of a PNG and correct their checksums, so that libpng reads them."""
        result, place = data[:8], 8
        while place + 12 <= len(data):
            (length,) = struct.unpack(">I", data[place : place + 4])
            kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
            if body and rng.random() < 0.5:
                body = damaged(body)
            result += struct.pack(">I", len(body)) + kind + body
            result += struct.pack(">I", zlib.crc32(kind + body))
            place += 12 + length
        return result

    def compressed() -> SimpleNamespace:
        data = rng.choice(files)
        kind = rng.random()
        if kind < 0.5:
            data = damaged(data)
        elif kind < 0.7 and data.startswith(b"\x89"):
            data = with_new_checksums(data)
        elif kind < 0.85:
            data = rng.choice([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b""]) + rng.randbytes(
                rng.randrange(300)
            )
        return SimpleNamespace(format=rng.choice(FORMATS), data=data)

    def next_message() -> tuple[Any, ImagePolicy]:
        kind = rng.random()
        if kind < 0.01:
            return rng.choice(WRONG_TYPES), rng.choice(POLICIES)
        return (raw() if kind < 0.55 else compressed()), rng.choice(POLICIES)

    return next_message
