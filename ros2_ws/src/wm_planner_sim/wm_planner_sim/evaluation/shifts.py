"""What may differ between training and a laboratory: light, camera, color, delay, lost images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from wm_planner.models.spec import ModelSpec, Moments
from wm_planner_sim.simulator import table


@dataclass(frozen=True)
class Shift:
    """One difference; everything else is as in training.

    Attributes:
        what: What it is, as a phrase.
        scene: Alters the scene, for the camera and for the goal images.
        exchanged: Whether red and blue are swapped in all images.
        delay: Age of the images that the planner sees [model steps].
        lost: One image in this many is lost, and the last plan goes on; 0: none.
        sigma: By how many standard deviations the mean of the action statistics is wrong.
    """

    what: str
    scene: Callable[[mujoco.MjSpec], None] | None = None
    exchanged: bool = False
    delay: int = 0
    lost: int = 0
    sigma: float = 0.0

    def wrong_statistics(self, spec: ModelSpec) -> ModelSpec:
        """Return the spec with the mean of the actions off by ``sigma`` standard deviations."""
        right = spec.statistics.action
        mean = (np.array(right.mean) + self.sigma * np.array(right.std)).tolist()
        return replace(spec, statistics=replace(spec.statistics, action=Moments(mean, right.std)))


def _dim(spec: mujoco.MjSpec) -> None:
    lamp = spec.light("lamp")
    lamp.diffuse = 0.6 * np.array(lamp.diffuse)


def _move_camera(spec: mujoco.MjSpec) -> None:
    camera = spec.camera(table.CAMERA)
    camera.pos = camera.pos + np.array([0.0, 0.02, 0.01])


def _paint_cube(spec: mujoco.MjSpec) -> None:
    spec.material("cube").rgba = [0.75, 0.2, 0.2, 1.0]


SHIFTS = {
    "none": Shift("as in training"),
    "statistics": Shift("mean of the actions wrong by half a standard deviation", sigma=0.5),
    "colors": Shift("red and blue swapped in all images", exchanged=True),
    "delay": Shift("images one step (0.2 s) later", delay=1),
    "lost": Shift("every third image lost", lost=3),
    "light": Shift("lamp 40 % dimmer", scene=_dim),
    "camera": Shift("camera 2 cm to the side and 1 cm up", scene=_move_camera),
    "cube": Shift("a red cube, not an orange one", scene=_paint_cube),
}
"""By the names that ``--shifts`` takes."""
