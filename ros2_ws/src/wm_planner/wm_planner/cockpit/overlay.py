"""The plan and its candidates, drawn into the image of the camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wm_planner.images.opencv import cv2
from wm_planner.models.spec import orientation
from wm_planner.types import Vector

NEAR = 0.02  # [m] nearest point before the camera that is drawn
FAR = 1e5  # [pixels] from the image, beyond which nothing is drawn
MARGIN = 0.5  # of the image's size, beyond which nothing is drawn either
PINHOLE = ("", "plumb_bob", "rational_polynomial")
"""Models of distortion (sensor_msgs/distortion_models) that OpenCV's pinhole camera knows."""
COUNTS = (0, 4, 5, 8, 12, 14)
"""How many numbers of a distortion OpenCV takes."""
CHEAP, DEAR = np.array([253, 231, 55]), np.array([68, 1, 84])
"""Colors of the cheapest and the dearest candidate: the ends of viridis."""


def project(points: Vector, camera: Vector, info: Any) -> Vector:
    """Return where points appear in an image.

    Args:
        points: (N, 3) in the frame of the actions [m].
        camera: Pose (7,) of the camera's optical frame in that frame (REP-103: z forward, x right).
        info: A ``sensor_msgs/CameraInfo``.

    Returns:
        (N, 2) [pixels], NaN for those that are not before the camera.

    Raises:
        ValueError: The calibration is not that of a pinhole camera, or the pose is none.
    """
    matrix = np.array(info.k, dtype=np.float64).reshape(3, 3)
    if info.distortion_model not in PINHOLE:
        raise ValueError(f"the camera's distortion model {info.distortion_model!r} is not known")
    if not (np.isfinite(matrix).all() and matrix[0, 0] > 0 and matrix[1, 1] > 0):
        raise ValueError("the camera is not calibrated: camera_info has no focal lengths")
    distortion = np.array(info.d, dtype=np.float64)
    if len(distortion) not in COUNTS:
        raise ValueError(
            f"camera_info has {len(distortion)} distortion coefficients; 0, 4, 5, 8, 12 or 14 "
            "are supported"
        )
    if not np.isfinite(distortion).all():
        raise ValueError("camera_info has a distortion that is not finite")
    with np.errstate(all="ignore"):  # of points that are not finite, which are not drawn
        seen = orientation(camera[3:]).inv().apply(points - camera[:3])
    pixels = np.full((len(points), 2), np.nan)
    ahead = (seen[:, 2] > NEAR) & np.isfinite(seen).all(axis=1)
    if ahead.any():
        none = np.zeros(3)
        found, _ = cv2().projectPoints(seen[ahead], none, none, matrix, distortion)
        pixels[ahead] = found[:, 0]
        # Far outside of the view a distortion's polynomial can lead back into the image.
        straight = (seen[ahead] / seen[ahead, 2:]) @ matrix.T
        size = np.array([info.width, info.height])
        outside = (np.abs(straight[:, :2] - size / 2) > size * (0.5 + MARGIN)).any(axis=1)
        pixels[np.flatnonzero(ahead)[outside]] = np.nan
    pixels[~(np.abs(pixels) < FAR).all(axis=1)] = np.nan
    return pixels


def draw(path: Vector, candidates: Sequence[Vector] = ()) -> str:
    """Return SVG of a path and of candidates, the cheapest first, each (N, 2) [pixels]."""
    lines = []
    for i in reversed(range(len(candidates))):  # the cheapest ends on top
        red, green, blue = color_of_rank(i / max(len(candidates) - 1, 1))
        style = f'stroke="rgb({red},{green},{blue})" stroke-width="1.5" stroke-opacity="0.8"'
        lines.append(_line(candidates[i], style))
    lines.append(_line(path, 'stroke="#000" stroke-width="7"'))  # an edge on any background
    lines.append(_line(path, 'stroke="#fff" stroke-width="4" stroke-dasharray="9 5"'))
    if len(end := path[~np.isnan(path).any(axis=1)]):
        x, y = end[-1]
        lines.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="#E69F00" stroke="#000" '
            'stroke-width="2"/>'
        )
    return "".join(lines)


def _line(points: Vector, style: str) -> str:
    shown = " ".join(f"{x:.1f},{y:.1f}" for x, y in points if np.isfinite((x, y)).all())
    return f'<polyline fill="none" points="{shown}" {style}/>' if shown else ""


def color_of_rank(rank: float) -> tuple[int, int, int]:
    """Return the color (red, green, blue) of a candidate, from 0, the cheapest, to 1."""
    red, green, blue = (CHEAP + rank * (DEAR - CHEAP)).astype(int).tolist()
    return red, green, blue
