"""The table of encodings, and how a policy completes the generic ones.

Names and meanings: ``sensor_msgs/image_encodings.hpp``; nv12 as isaac_ros and V4L2 use it. Depth
as 16UC1 in millimeters and 32FC1 in meters: REP-118. Color conversions have the names of OpenCV's
``COLOR_...`` codes and are those that cv_bridge uses. OpenCV names a Bayer pattern after its second
row and column, ROS after its first: ``bayer_rggb8`` is ``BayerBG``.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from wm_planner.images.errors import ImageFormatError
from wm_planner.images.message import ImageMessage
from wm_planner.images.policy import REFUSE, ImagePolicy


@dataclass(frozen=True)
class Encoding:
    """How pixels lie in memory and which colors they mean.

    Attributes:
        name: Name in lower case.
        dtype: Type of one value, native byte order.
        channels: Interleaved values per pixel; of the luma plane if there are two planes.
        code: OpenCV conversion to RGB without its ``COLOR_`` prefix; ``""`` if it is RGB already.
        bridge: Name of the encoding in cv_bridge; ``""`` if cv_bridge cannot convert it to RGB.
        two_planes: Whether a plane of interleaved chroma pairs follows the luma plane.
        chroma_block: (rows, columns) of pixels that share one chroma pair; height and width are
            multiples of it.
        min_side: Smallest height and width that OpenCV converts.
        generic: Whether the name is a ``CV_MAT`` type, which says nothing about colors.
    """

    name: str
    dtype: str
    channels: int
    code: str
    bridge: str = ""
    two_planes: bool = False
    chroma_block: tuple[int, int] = (1, 1)
    min_side: int = 1
    generic: bool = False


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
            rows.append(Encoding(full, dtype, 1, f"Bayer{pattern}2RGB", full, min_side=3))
    for name, code, bridge in (
        ("yuv422", "YUV2RGB_UYVY", "yuv422"),
        ("uyvy", "YUV2RGB_UYVY", "yuv422"),
        ("yuv422_yuy2", "YUV2RGB_YUY2", "yuv422_yuy2"),
        ("yuyv", "YUV2RGB_YUY2", "yuv422_yuy2"),
    ):
        rows.append(Encoding(name, "uint8", 2, code, bridge, chroma_block=(1, 2)))
    rows.append(Encoding("nv12", "uint8", 1, "YUV2RGB_NV12", two_planes=True, chroma_block=(2, 2)))
    rows.append(Encoding("nv21", "uint8", 1, "YUV2RGB_NV21", two_planes=True, chroma_block=(2, 2)))
    rows.append(Encoding("nv24", "uint8", 1, "NV24", two_planes=True))
    for bits, dtype in (("8u", "uint8"), ("16u", "uint16"), ("32f", "float32"), ("64f", "float64")):
        for channels in (1, 3) if "f" in bits else (1, 3, 4):
            code = "GRAY2RGB" if channels == 1 else ""
            rows.append(Encoding(f"{bits}c{channels}", dtype, channels, code, generic=True))
    return rows


ENCODINGS: dict[str, Encoding] = {row.name: row for row in _rows()}
"""Every encoding that is decoded, by its name in lower case; add a row to decode another one."""

_GENERIC = re.compile(r"(8|16|32|64)(u|s|f)c\d*")
_DEPTH_WORDS = frozenset({"depth", "disparity"})
_LABEL_WORDS = frozenset({"segmentation", "semantic", "instance", "label", "labels", "mask"})
_COLOR_TOPIC = "Remap the node to the camera's color topic (rgb8 or bgr8, often image_raw or rgb)"


def resolve(name: str, message: ImageMessage, policy: ImagePolicy) -> Encoding:
    """Find an encoding and complete it with the policy's declarations.

    Args:
        name: Name of the encoding, in upper or lower case.
        message: The message with this encoding, for its topic and for errors.
        policy: What the user declares about the camera.

    Returns:
        A row of ``ENCODINGS``; a generic color type has the declared channel order.

    Raises:
        ImageFormatError: The encoding is unknown, is not a color image, or needs a declaration
            that the policy does not make.
    """
    name = name.strip().lower()
    row = ENCODINGS.get(name)
    if row is None:
        raise _unknown(message, name)
    _refuse_depth_and_labels(message, row)
    if not row.generic:
        return row
    if row.dtype.startswith("float") and policy.float_range == REFUSE:
        depth = "; this may also be depth in meters (REP-118)" if row.channels == 1 else ""
        raise message.error(
            "float_range",
            f"the range of float images is not declared{depth}",
            "If the values are intensities, set float_range to [0,1] or [0,255]. If not: "
            f"{_COLOR_TOPIC}",
        )
    if row.dtype == "uint16" and policy.bit_depth == 0:
        depth = " and may be depth in millimeters (REP-118)" if row.channels == 1 else ""
        raise message.error(
            "bit_depth",
            f"{name.upper()} does not say how many bits are significant{depth}",
            f"If the values are intensities, set bit_depth (8 to 16). If not: {_COLOR_TOPIC}",
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
    """Decide whether a name in lower case is one of OpenCV's generic types, decodable or not."""
    return _GENERIC.fullmatch(name) is not None


def _refuse_depth_and_labels(message: ImageMessage, row: Encoding) -> None:
    if row.channels != 1 or not message.topic:
        return
    words = set(re.split(r"[/_]", message.topic.lower()))
    if row.dtype != "uint8" and words & _DEPTH_WORDS:
        raise message.error(
            "depth",
            "the topic's name and one channel of more than 8 bits mean depth, not color",
            _COLOR_TOPIC,
        )
    if row.generic and words & _LABEL_WORDS:
        raise message.error(
            "labels", "the topic's name means class numbers, not colors", _COLOR_TOPIC
        )


def _unknown(message: ImageMessage, name: str) -> ImageFormatError:
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
        "the encoding is unknown" if name else "the encoding is empty",
        f"{hint}Let the driver publish rgb8, bgr8 or another name of sensor_msgs/image_encodings",
    )
