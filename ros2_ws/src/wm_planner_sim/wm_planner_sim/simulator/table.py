"""The scene that tasks start from: a Franka Panda on a wooden table, one cube, one camera."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np

from wm_planner.types import RgbImage

CAMERA = "sim_camera"
FREE = ((0.25, -0.4, 0.01), (0.75, 0.4, 0.7))
"""Lowest and highest corner of the space over the table in which the arm has room [m]."""
CUBE = "cube"
"""Body and free joint of the cube."""
CUBE_HALF = 0.025
"""Half of the cube's edge [m]."""

_ASSETS = Path(__file__).parent / "assets"


def table_scene() -> mujoco.MjSpec:
    """Return the scene of ``assets/franka_scene.xml``, uncompiled so that tasks can edit it."""
    spec = mujoco.MjSpec.from_file(str(_ASSETS / "franka_scene.xml"))
    grain = _wood()
    texture = spec.texture("wood")
    texture.builtin = mujoco.mjtBuiltin.mjBUILTIN_NONE
    texture.height, texture.width, texture.nchannel = grain.shape
    texture.data = grain.tobytes()
    return spec


def put_camera_in_front(spec: mujoco.MjSpec) -> None:
    """Put the camera low in front of the arm, near the cube, so that the hand never hides it."""
    camera = spec.camera(CAMERA)
    camera.pos, camera.fovy = [1.25, -0.25, 0.55], 38.0
    spec.body("view").pos = [0.50, 0.0, 0.05]  # what it looks at


def turned(yaw: float) -> tuple[float, float, float, float]:
    """Return the quaternion (x, y, z, w) of a turn about the vertical [rad]."""
    return (0.0, 0.0, float(np.sin(yaw / 2)), float(np.cos(yaw / 2)))


def _wood(size: int = 256, planks: int = 4, seed: int = 7) -> RgbImage:
    """Draw wooden planks, uint8 (size, size, 3); every call returns the same."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    plank = np.minimum((y * planks).astype(int), planks - 1)
    shade = rng.uniform(-0.05, 0.05, planks)[plank]
    shift = rng.uniform(0, 10, planks)[plank]
    waves = np.sin(2 * np.pi * (y * 38 + 0.8 * np.sin(2 * np.pi * (x + shift)) + shift))
    fine = np.sin(2 * np.pi * (y * 90 + 0.5 * np.sin(4 * np.pi * (x + 2 * shift))))
    tone = 1.0 + shade + 0.035 * waves + 0.02 * fine
    tone *= np.where((y * planks) % 1 < 0.03, 0.72, 1.0)
    return np.clip(np.array([196, 154, 108]) * tone[..., None], 0, 255).astype(np.uint8)
