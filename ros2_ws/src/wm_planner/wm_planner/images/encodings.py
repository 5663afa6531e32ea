"""The one table of encodings, and what a policy has to add to some of them.

Names and meanings: ``sensor_msgs/image_encodings.hpp``; nv12 as isaac_ros and V4L2 use it. Depth
as 16UC1 in millimeters and 32FC1 in meters: REP-118. The color conversions are named after
OpenCV's ``COLOR_...`` codes and are those that cv_bridge picks. OpenCV names a Bayer pattern after
the second row and column, ROS after the first: ``bayer_rggb8`` is ``BayerBG``.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

import numpy as np

from wm_planner.images.message import ImageMessage
from wm_planner.images.policy import REFUSE, ImagePolicy


@dataclass(frozen=True)
class Encoding:
    """How pixels lie in memory and which colors they are.

    Attributes:
        name: Name in lower case, as looked up.
        dtype: Type of one value, native byte order.
        channels: Interleaved values per pixel (of the luma plane, where there are two planes).
        code: OpenCV conversion to RGB without its ``COLOR_`` prefix; ``""`` for RGB itself.
        bridge: Name under which cv_bridge knows it, ``""`` where it does not or not as a color.
        two_planes: A luma plane followed by one of interleaved chroma pairs.
        shared: (rows, columns) of pixels that share one chroma pair; the size is a multiple of it.
        smallest: Least height and width that OpenCV converts at all.
        generic: A ``CV_MAT`` type: it names a layout and no colors.
    """

    name: str
    dtype: str
    channels: int
    code: str
    bridge: str = ""
    two_planes: bool = False
    shared: tuple[int, int] = (1, 1)
    smallest: int = 1
    generic: bool = False

    @property
    def itemsize(self) -> int:
        """Bytes of one value."""
        return int(np.dtype(self.dtype).itemsize)


def _rows() -> list[Encoding]:
    colors = {
        "rgb": (3, ""),
        "bgr": (3, "BGR2RGB"),
        "rgba": (4, "RGBA2RGB"),
        "bgra": (4, "BGRA2RGB"),
    }
    bayer = {"rggb": "BG", "bggr": "RG", "gbrg": "GR", "grbg": "GB"}
    rows = []
    for bits, dtype in (("8", "uint8"), ("16", "uint16")):
        rows.append(Encoding(f"mono{bits}", dtype, 1, "GRAY2RGB", f"mono{bits}"))
        for name, (channels, code) in colors.items():
            rows.append(Encoding(name + bits, dtype, channels, code, name + bits))
        for name, pattern in bayer.items():
            full = f"bayer_{name}{bits}"
            rows.append(Encoding(full, dtype, 1, f"Bayer{pattern}2RGB", full, smallest=3))
    for name, code, bridge in (
        ("yuv422", "YUV2RGB_UYVY", "yuv422"),
        ("uyvy", "YUV2RGB_UYVY", "yuv422"),
        ("yuv422_yuy2", "YUV2RGB_YUY2", "yuv422_yuy2"),
        ("yuyv", "YUV2RGB_YUY2", "yuv422_yuy2"),
    ):
        rows.append(Encoding(name, "uint8", 2, code, bridge, shared=(1, 2)))
    rows.append(Encoding("nv12", "uint8", 1, "YUV2RGB_NV12", two_planes=True, shared=(2, 2)))
    rows.append(Encoding("nv21", "uint8", 1, "YUV2RGB_NV21", two_planes=True, shared=(2, 2)))
    rows.append(Encoding("nv24", "uint8", 1, "NV24", two_planes=True))
    for bits, dtype in (("8u", "uint8"), ("16u", "uint16"), ("32f", "float32"), ("64f", "float64")):
        for channels in (1, 3) if "f" in bits else (1, 3, 4):
            code = "GRAY2RGB" if channels == 1 else ""
            rows.append(Encoding(f"{bits}c{channels}", dtype, channels, code, generic=True))
    return rows


ENCODINGS: dict[str, Encoding] = {row.name: row for row in _rows()}
"""Every encoding that is decoded, by its name in lower case."""

_GENERIC = re.compile(r"(8|16|32|64)(u|s|f)c\d*")
_DEPTH_WORDS = frozenset({"depth", "disparity"})
_LABEL_WORDS = frozenset({"segmentation", "semantic", "instance", "label", "labels", "mask"})
_COLOR_TOPIC = "Give the node the color topic of the camera (rgb8 or bgr8, often image_raw or rgb)"


def resolve(name: str, message: ImageMessage, policy: ImagePolicy) -> Encoding:
    """Find an encoding and complete it with the policy's declarations.

    Args:
        name: In any case: the message's encoding, or what a compressed image turned out to be.
        message: Where it came from, for the depth rule and errors.
        policy: What the user declares.

    Returns:
        A row of the table; for a generic color type with the declared channel order.

    Raises:
        ImageFormatError: Unknown, not a color image, or open to interpretation and undeclared.
    """
    name = name.strip().lower()
    row = ENCODINGS.get(name)
    if row is None:
        raise _unknown(message, name)
    _refuse_depth_and_labels(message, row)
    if not row.generic:
        return row
    if row.dtype.startswith("float") and policy.float_range == REFUSE:
        depth = " It may also be depth in meters (REP-118)." if row.channels == 1 else ""
        raise message.error(
            "float_range",
            f"the range of float images is not declared.{depth}"[:-1],
            f"Set float_range to [0,1] or [0,255] if these are intensities. {_COLOR_TOPIC} if not",
        )
    if row.dtype == "uint16" and policy.bit_depth == 0:
        depth = " and may be depth in millimeters (REP-118)" if row.channels == 1 else ""
        raise message.error(
            "bit_depth",
            f"{name.upper()} says nothing about its significant bits{depth}",
            f"Set bit_depth (8 to 16) if these are intensities. {_COLOR_TOPIC} if not",
        )
    if row.channels == 1:
        return row
    if policy.generic_color_order == REFUSE:
        raise message.error(
            "generic_color_order",
            f"{name.upper()} does not say whether it is RGB or BGR",
            "Let the driver publish rgb8 or bgr8, or set generic_color_order to rgb or bgr",
        )
    order = policy.generic_color_order + ("a" if row.channels == 4 else "")
    return replace(row, code=ENCODINGS[order + "8"].code)


def is_matrix(name: str) -> bool:
    """Tell whether a name in lower case is one of OpenCV's generic types, decodable or not."""
    return _GENERIC.fullmatch(name) is not None


def _refuse_depth_and_labels(message: ImageMessage, row: Encoding) -> None:
    if row.channels != 1 or not message.topic:
        return
    words = set(re.split(r"[/_]", message.topic.lower()))
    if row.dtype != "uint8" and words & _DEPTH_WORDS:
        raise message.error(
            "depth",
            "one channel of more than 8 bits on a topic of that name is depth, not color",
            _COLOR_TOPIC,
        )
    if row.generic and words & _LABEL_WORDS:
        raise message.error(
            "labels", "a topic of that name carries class numbers, not colors", _COLOR_TOPIC
        )


def _unknown(message: ImageMessage, name: str) -> Exception:
    if name == "32sc1":
        return message.error(
            "labels", "32SC1 is a segmentation (class numbers), not a color image", _COLOR_TOPIC
        )
    if is_matrix(name):
        return message.error(
            "encoding", f"{name.upper()} is a matrix of numbers, not a color image", _COLOR_TOPIC
        )
    close = difflib.get_close_matches(name[:40], ENCODINGS, n=1)
    hint = f"Did the driver mean {close[0]}? " if close else ""
    return message.error(
        "encoding",
        "this encoding is not known" if name else "the encoding is empty",
        f"{hint}Let the driver publish rgb8, bgr8 or another name of sensor_msgs/image_encodings",
    )
