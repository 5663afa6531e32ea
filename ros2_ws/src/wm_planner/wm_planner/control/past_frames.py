"""The frames that a model looks back at: observations one model step apart, and the actions."""

from __future__ import annotations

import math
from collections import deque
from operator import itemgetter

import numpy as np

from wm_planner.camera_contract import CameraContract
from wm_planner.config import Config, ConfigError
from wm_planner.control.commander import Commander
from wm_planner.control.executed_actions import ExecutedActions
from wm_planner.control.history import LENGTH
from wm_planner.control.motion_check import LONGEST_GAP
from wm_planner.control.pose_monitor import PoseMonitor
from wm_planner.models import ModelSpec
from wm_planner.types import Observation, Past

PER_STEP = 4
"""Observations kept per model step; to check the images of one takes milliseconds."""
TOLERANCE = 0.25
"""Model steps by which an observation may miss its moment. The actions are those between the
observations, whenever they were made."""
UNMEASURED = (
    "model.history is real, but plans are made from the newest image alone, because the measured "
    "poses do not cover the time before it: they need stamps, and gaps of at most "
    f"{LONGEST_GAP:g} s"
)


class PastFrames:
    """Keeps the observations of the last model steps, if ``model.history`` is ``real``.

    Args:
        config: All settings.
        spec: How far the model looks back.
        contract: Checks the images.
        commander: What was commanded, and since when.
        poses: What was measured.

    Raises:
        ConfigError: The model looks at one image only, or back for too long, or it is unknown what
            was executed.

    Attributes:
        problem: Why plans are made from fewer images than the model looks back, though the arm has
            been under way for long enough, as a sentence, or an empty string.
    """

    def __init__(
        self,
        config: Config,
        spec: ModelSpec,
        contract: CameraContract,
        commander: Commander,
        poses: PoseMonitor,
    ) -> None:
        self._most = spec.num_hist - 1 if config.model.history == "real" else 0
        if config.model.history == "real" and not self._most:
            raise ConfigError(
                f"model.history is real, but the model {spec.name} looks at one image at a time "
                "(num_hist 1): set it to none"
            )
        self._contract, self._commander = contract, commander
        self._executed = ExecutedActions(spec, commander, poses) if self._most else None
        self._step = spec.frameskip * commander.actions.step_time
        most = LENGTH / (1 + TOLERANCE)
        if (longest := self._most * self._step) > most:
            raise ConfigError(
                f"model.history is real, but the model looks back for {longest:.3g} s, and the "
                f"node for {most:g} s at most: set model.history to none"
            )
        self._seen: deque[Observation] = deque()
        self._first = math.inf  # [s] stamp of the first one that was kept, perhaps no longer
        self.problem = ""

    def add(self, observation: Observation) -> None:
        """Keep an observation, unless one shortly before it is kept or its images are bad."""
        seen, stamp = self._seen, observation.stamp
        if not (self._most and self._commander.started):
            seen.clear()
            self._first, self.problem = math.inf, ""
            return
        if seen and stamp < seen[-1].stamp:  # ROS time went back
            seen.clear()
            self._first = math.inf
        if seen and stamp - seen[-1].stamp < self._step / PER_STEP:
            return
        if self._contract.goal_violation(observation):
            return
        seen.append(observation)
        self._first = min(self._first, stamp)
        while seen[0].stamp < stamp - (self._most * (1 + TOLERANCE) + TOLERANCE) * self._step:
            seen.popleft()

    def before(self, newest: Observation) -> Past:
        """Return what was seen before an observation, as far back as the arm's motion is known."""
        self.problem = ""
        if self._executed is None:
            return Past()
        since = self._executed.known_since
        frames = [newest]
        while len(frames) <= self._most:
            stamp, tolerance = frames[0].stamp - self._step, TOLERANCE * self._step
            near = [
                (abs(one.stamp - stamp), one)
                for one in self._seen
                if one.stamp >= since and abs(one.stamp - stamp) <= tolerance
            ]
            if not near:
                self._explain(len(frames), stamp - tolerance, since)
                break
            _, nearest = min(near, key=itemgetter(0))
            if _sizes(nearest) != _sizes(newest):
                break
            frames.insert(0, nearest)
        if len(frames) == 1:
            return Past()
        actions = self._executed.between([frame.stamp for frame in frames])
        if actions is None:
            self.problem = UNMEASURED
            return Past()
        unknown = np.flatnonzero(~np.isfinite(actions).all(axis=1))
        first = unknown[-1] + 1 if len(unknown) else 0
        return Past(tuple(frames[first:-1]), actions[first:])

    def _explain(self, count: int, earliest: float, since: float) -> None:
        """Set the problem if images could have been there: the newest ``count`` were found.

        Args:
            count: Images found.
            earliest: When the one before them could have been taken [s].
            since: Since when it is known where the arm was [s].
        """
        if earliest < self._first:
            return  # the goal has just begun
        if math.isinf(since):
            self.problem = UNMEASURED
        if earliest < since:
            return
        self.problem = (
            f"model.history is real, but plans are made from only {count} of {self._most + 1} "
            f"images: there is no usable image {self._step:.3g} s (give or take "
            f"{TOLERANCE * self._step:.2g} s) before the oldest one. The camera must send at least "
            f"one good image per model step ({self._step:.3g} s)"
        )


def _sizes(observation: Observation) -> list[tuple[int, ...]]:
    return [image.shape for image in observation.images]
