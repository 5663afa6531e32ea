"""Where the simulated camera is."""

from __future__ import annotations

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from wm_planner.types import Vector
from wm_planner_sim.simulator.task import Task

OPTICAL = np.diag([1.0, -1.0, -1.0])
"""MuJoCo's cameras look along -z, with y up; an optical frame along z, with y down (REP-103)."""


def camera_pose(task: Task) -> Vector:
    """Return the pose (7,) of the camera's optical frame in the arm's base frame.

    It is x, y, z [m] and quaternion (x, y, z, w). The base is at the origin of the scene.
    """
    model = task.scene().compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    camera = data.camera(task.camera)
    turned = Rotation.from_matrix(camera.xmat.reshape(3, 3) @ OPTICAL)
    return np.concatenate([camera.xpos, turned.as_quat()])
