"""Raw images of every encoding with the RGB they mean, computed with NumPy only.

Uses neither OpenCV nor the package under test. Sources of the rules: sensor_msgs
``image_encodings.hpp`` for memory layouts, ITU-R BT.601 for YUV, bilinear interpolation from the
nearest neighbors of a color for Bayer patterns.
"""

from __future__ import annotations

import array
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

COLOR_CHANNELS = {"rgb": [0, 1, 2], "bgr": [2, 1, 0], "rgba": [0, 1, 2], "bgra": [2, 1, 0]}
BAYER = ("rggb", "bggr", "gbrg", "grbg")
ALL = (
    [f"{name}{bits}" for bits in (8, 16) for name in ("mono", *COLOR_CHANNELS)]
    + [f"bayer_{name}{bits}" for bits in (8, 16) for name in BAYER]
    + ["yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21", "nv24"]
    + ["8UC1", "8UC3", "8UC4", "16UC1", "16UC3", "16UC4", "32FC1", "32FC3", "64FC1", "64FC3"]
)


@dataclass
class RawImage:
    """One image as memory and as colors.

    Attributes:
        encoding: Name of the encoding.
        planes: Values of each plane in native byte order, (rows, values per row).
        rgb: (height, width, 3) expected colors, float64.
        tolerance: Largest difference from ``rgb`` that rounding causes.
        step_factors: Row length of each plane, as a multiple of the first plane's.
    """

    encoding: str
    planes: list[NDArray]
    rgb: NDArray[np.float64]
    tolerance: float = 0.5
    step_factors: list[int] = field(default_factory=lambda: [1])

    def message(
        self,
        *,
        padding: int = 0,
        big_endian: bool = False,
        last_row_padded: bool = True,
        step_zero: bool = False,
        container: str = "array",
    ) -> SimpleNamespace:
        """Return the image as an object with the fields of sensor_msgs/Image."""
        step = self.planes[0].shape[1] * self.planes[0].itemsize + padding
        chunks = []
        for plane, factor in zip(self.planes, self.step_factors, strict=True):
            ordered = plane.astype(plane.dtype.newbyteorder(">" if big_endian else "<"))
            for row in ordered:
                chunks.append(row.tobytes().ljust(step * factor, b"\xa5"))
        if not last_row_padded:
            chunks[-1] = chunks[-1][: self.planes[-1].shape[1] * self.planes[-1].itemsize]
        return SimpleNamespace(
            height=self.rgb.shape[0],
            width=self.rgb.shape[1],
            encoding=self.encoding,
            is_bigendian=int(big_endian),
            step=0 if step_zero else step,
            data=CONTAINERS[container](b"".join(chunks)),
        )

    def matches(self, rgb: NDArray[np.uint8]) -> bool:
        """Return whether decoded pixels are the expected ones."""
        same_shape = rgb.shape == self.rgb.shape
        return same_shape and bool(np.all(np.abs(rgb - self.rgb) <= self.tolerance))


CONTAINERS = {
    "array": lambda b: array.array("B", b),
    "bytes": bytes,
    "bytearray": bytearray,
    "list": list,
    "tuple": tuple,
    "memoryview": memoryview,
    "ndarray": lambda b: np.frombuffer(b, np.uint8),
    "strided": lambda b: np.repeat(np.frombuffer(b, np.uint8), 2)[::2],
    "signed": lambda b: memoryview(b).cast("b"),
}


def make(encoding: str, height: int, width: int, seed: int = 0) -> RawImage:
    """Make a random image of an encoding.

    Generic types (8UC3, …) hold RGB or RGBA; floats lie in [0, 1].
    """
    random = np.random.default_rng(seed)
    name = encoding.lower()
    if name.startswith(("yu", "uy")):
        return _packed_yuv(encoding, random, height, width)
    if name.startswith("nv"):
        return _two_plane_yuv(encoding, random, height, width)
    if name.startswith("bayer"):
        return _bayer(encoding, random, height, width)
    if "f" in name:
        dtype = np.float32 if name.startswith("32") else np.float64
        shape = (height, width, int(name[-1]))
        values = (random.integers(0, 2001, shape) / 2000).astype(dtype)
        colors = values.astype(np.float64) * 255
        return RawImage(encoding, [values.reshape(height, -1)], _to_three_channels(colors), 0.501)
    bits = 16 if "16" in name else 8
    generic = {"1": "mono", "3": "rgb", "4": "rgba"}
    order = generic[name[-1]] if name[0].isdigit() else name.removesuffix(str(bits))
    channels = 1 if order == "mono" else len(order)
    values = random.integers(0, 2**bits, (height, width, channels)).astype(f"uint{bits}")
    colors = values * (255 / (2**bits - 1))
    rgb = _to_three_channels(colors) if order == "mono" else colors[..., COLOR_CHANNELS[order]]
    return RawImage(encoding, [values.reshape(height, -1)], rgb, 0.5 if bits == 16 else 0.0)


def _to_three_channels(gray: NDArray) -> NDArray:
    return np.broadcast_to(gray, (*gray.shape[:2], 3)) if gray.shape[-1] == 1 else gray


def _bt601(y: NDArray, u: NDArray, v: NDArray) -> NDArray[np.float64]:
    """Convert by ITU-R BT.601 with luma 16 to 235, chroma 16 to 240; luma below 16 is black."""
    y, u, v = (np.asarray(p, dtype=np.float64) for p in (y, u, v))
    luma = np.maximum(y - 16, 0) * 255 / 219
    kr, kb = 0.299, 0.114
    kg = 1 - kr - kb
    red = 2 * (1 - kr) * (v - 128) * 255 / 224
    blue = 2 * (1 - kb) * (u - 128) * 255 / 224
    green = -(kb * blue + kr * red) / kg
    return np.clip(np.stack([luma + red, luma + green, luma + blue], axis=-1), 0, 255)


def _packed_yuv(encoding: str, random: np.random.Generator, height: int, width: int) -> RawImage:
    y = random.integers(0, 256, (height, width))
    u, v = random.integers(0, 256, (2, height, width // 2))
    row = np.empty((height, width // 2, 4), np.uint8)
    uyvy = encoding.lower() in ("yuv422", "uyvy")
    row[..., 1 if uyvy else 0], row[..., 3 if uyvy else 2] = y[:, ::2], y[:, 1::2]
    row[..., 0 if uyvy else 1], row[..., 2 if uyvy else 3] = u, v
    rgb = _bt601(y, np.repeat(u, 2, axis=1), np.repeat(v, 2, axis=1))
    return RawImage(encoding, [row.reshape(height, -1)], rgb, 1.0)


def _two_plane_yuv(encoding: str, random: np.random.Generator, height: int, width: int) -> RawImage:
    shared = 1 if encoding.lower() == "nv24" else 2
    y = random.integers(0, 256, (height, width)).astype(np.uint8)
    first, second = random.integers(0, 256, (2, height // shared, width // shared))
    u, v = (second, first) if encoding.lower() == "nv21" else (first, second)
    chroma = np.stack([first, second], axis=-1).astype(np.uint8).reshape(height // shared, -1)
    u, v = (np.repeat(np.repeat(p, shared, axis=0), shared, axis=1) for p in (u, v))
    return RawImage(encoding, [y, chroma], _bt601(y, u, v), 1.0, [1, 2 // shared])


def _bayer(encoding: str, random: np.random.Generator, height: int, width: int) -> RawImage:
    bits = 16 if encoding.endswith("16") else 8
    mosaic = random.integers(0, 2**bits, (height, width)).astype(np.int64)
    pattern = encoding.lower().removeprefix("bayer_").removesuffix(str(bits))
    rgb = demosaic(mosaic, pattern) * (255 / (2**bits - 1))
    plane = mosaic.astype(f"uint{bits}")
    return RawImage(encoding, [plane], rgb, 0.5 if bits == 16 else 0.0)


def demosaic(mosaic: NDArray[np.int64], pattern: str) -> NDArray[np.int64]:
    """Interpolate each color from its nearest neighbors, halves up; repeat the border."""
    height, width = mosaic.shape
    rgb = np.zeros((height, width, 3), np.int64)
    rings = {
        "self": [(0, 0)],
        "row": [(0, -1), (0, 1)],
        "column": [(-1, 0), (1, 0)],
        "cross": [(-1, 0), (1, 0), (0, -1), (0, 1)],
        "corners": [(-1, -1), (-1, 1), (1, -1), (1, 1)],
    }
    for r in range(1, height - 1):
        for c in range(1, width - 1):
            here = pattern[(r % 2) * 2 + c % 2]
            for channel, color in enumerate("rgb"):
                if color == here:
                    ring = "self"
                elif color == "g":
                    ring = "cross"
                elif here != "g":
                    ring = "corners"
                else:
                    ring = "row" if color in pattern[(r % 2) * 2 : (r % 2) * 2 + 2] else "column"
                values = [mosaic[r + dr, c + dc] for dr, dc in rings[ring]]
                rgb[r, c, channel] = (2 * sum(values) + len(values)) // (2 * len(values))
    rgb[0], rgb[-1] = rgb[1], rgb[-2]
    rgb[:, 0], rgb[:, -1] = rgb[:, 1], rgb[:, -2]
    return rgb
