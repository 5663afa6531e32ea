"""Compare camera and goal images with the images that the model was trained on.

A model computes as calmly on a wrong image as on a right one, so every image is checked before the
model sees it. The node calls ``CameraContract`` in this order:

1. ``goal_violation(observation)`` for every goal and sub-goal, before the goal is accepted;
2. ``restart()`` when a goal is accepted;
3. ``observe(observation, position)`` for every live observation, to detect frozen images;
4. ``violation(observation)`` before every plan; set ``latent_score`` when the worker reports one;
5. ``glance(observation, steady)`` for every live observation while there is no goal.

For a stream of images without a goal, as in the doctor, use ``CameraMonitor``.

To add a check, for example ``contrast``:

- Write ``checks/contrast.py`` with ``CHECK = Check(measure)``; ``measure`` takes a ``CheckInput``
  and returns a ``Measurement`` (score, limit, whether the image failed, sentence). Checks see the
  image as ``PixelStatistics``; a new quantity is computed there.
- Add a line to ``CameraConfig``: ``contrast: str = severity("warn", "The image is pale.")``. It
  names the check, sets its default severity, declares the parameter ``camera.contrast``, and puts
  the check into the registry (``registry.py``).
- Add the check's row to the table in ``docs/how-to/images.md``, and generate
  ``docs/reference/parameters.md``; tests compare both.

Needs NumPy only; no ROS, torch or OpenCV.
"""

from wm_planner.camera_contract.camera_monitor import CameraMonitor
from wm_planner.camera_contract.contract import CameraContract
from wm_planner.camera_contract.expectation import CameraExpectation
from wm_planner.camera_contract.finding import OFF, STOP, WARN, Finding

__all__ = [
    "OFF",
    "STOP",
    "WARN",
    "CameraContract",
    "CameraExpectation",
    "CameraMonitor",
    "Finding",
]
