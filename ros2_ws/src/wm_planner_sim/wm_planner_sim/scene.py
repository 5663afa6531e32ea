"""The scene: a Franka Panda on a wooden table, one cube, one camera; and its fixed numbers."""

from __future__ import annotations

from importlib.resources import as_file, files

import mujoco
import numpy as np
from numpy.typing import NDArray

BASE_FRAME = "panda_link0"
"""Frame of every position here; the world frame of the simulator coincides with it."""
CAMERA = "sim_camera"
TCP = "panda_hand_tcp"
"""Site between the fingertips, 0.1034 m from the flange of the hand (Franka's ``EE`` frame)."""
CUBE = "cube"
JOINT_NAMES = tuple(f"panda_joint{i}" for i in range(1, 8))
HOME = (0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4)
"""Franka's usual "ready" posture [rad]; the elbow is drawn toward it."""
DOWN_XYZW = (1.0, 0.0, 0.0, 0.0)
"""Orientation of the hand in the base frame, gripper pointing down, quaternion (x, y, z, w)."""
WORKSPACE_MIN = (0.32, -0.20, 0.08)
"""Corner of the box that the tool center point stays in [m]; its floor clears the cube."""
WORKSPACE_MAX = (0.66, 0.20, 0.40)
"""The opposite corner [m]."""
CUBE_REGION = ((0.38, 0.66), (-0.25, 0.25))
"""Where the cube is laid down: intervals of x and y [m]."""
CUBE_HALF = 0.025
"""Half the cube's edge [m]."""


def wood(size: int = 256, planks: int = 4, seed: int = 7) -> NDArray[np.uint8]:
    """Draws planks of wood, uint8 (size, size, 3), the same for every call."""
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


def load_scene(max_height: int = 960, max_width: int = 1280) -> mujoco.MjModel:
    """Builds the model.

    Args:
        max_height: Height of the largest image that will be rendered [pixels].
        max_width: Its width [pixels].

    Returns:
        The compiled model; see ``assets/franka_scene.xml``.
    """
    with as_file(files("wm_planner_sim") / "assets") as folder:
        spec = mujoco.MjSpec.from_file(str(folder / "franka_scene.xml"))
        grain = wood()
        texture = spec.texture("wood")
        texture.builtin = mujoco.mjtBuiltin.mjBUILTIN_NONE
        texture.height, texture.width, texture.nchannel = grain.shape
        texture.data = grain.tobytes()
        spec.visual.global_.offheight = max_height
        spec.visual.global_.offwidth = max_width
        return spec.compile()
