"""What the node perceives: cameras, state and pose, and whether the images are right."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node

from wm_planner.config import Config
from wm_planner.control import Pose
from wm_planner.control.mapping import command_mapping
from wm_planner.models import ModelSpec
from wm_planner.ros import diagnostics
from wm_planner.ros.contract import CameraContract
from wm_planner.ros.joints import JointInput
from wm_planner.ros.monitor import Monitor
from wm_planner.ros.observer import Observer
from wm_planner.ros.pose import PoseInput
from wm_planner.types import Observation


class Inputs:
    """Subscribes to all that is perceived and keeps the newest observation.

    Args:
        node: Carries the subscriptions.
        config: All settings.
        spec: Frame of the pose, and what the images should be like.
        monitor: Counts what comes.
        on_pose: Called with every good pose.
        on_observation: Called after an observation came.
    """

    def __init__(
        self,
        node: Node,
        config: Config,
        spec: ModelSpec,
        monitor: Monitor,
        on_pose: Callable[[Pose], None],
        on_observation: Callable[[], None],
    ) -> None:
        self._monitor, self._on_pose, self._on_observation = monitor, on_pose, on_observation
        self._max_age = config.session.image_timeout
        self._seen: tuple[Observation, float] | None = (
            None  # the newest observation, and when it came
        )
        joints = command_mapping(spec, config.commands).joints
        self.contract = CameraContract(spec, config.camera, joints=bool(joints))
        self.observer = Observer(node, config, spec, self._on_frame)
        self.camera = self.observer.main
        age = config.session.pose_timeout
        self.pose = (
            JointInput(node, joints, age, self._on_measured)
            if joints
            else PoseInput(node, spec.action.frame, age, self._on_measured)
        )

    def close(self) -> None:
        """Unsubscribe."""
        self.observer.close()
        self.pose.close()

    def apply(self, config: Config) -> None:
        """Use another ``session.image_timeout`` and ``session.pose_timeout``."""
        self._max_age = config.session.image_timeout
        self.pose.max_age = config.session.pose_timeout
        self.observer.apply(config)

    def observation(self) -> tuple[Observation, float] | None:
        """The newest observation that was not planned from, and its stamp [s]; the one place."""
        return self.observer.newest

    def taken(self) -> None:
        """The newest observation is planned from."""
        self.observer.taken()

    def seen(self) -> Observation | None:
        """The newest observation, planned from or not; None when it is old."""
        if self._seen is None or time.monotonic() - self._seen[1] > self._max_age:
            return None
        return self._seen[0]

    def _on_measured(self, pose: Pose) -> None:
        self._monitor.event(diagnostics.POSES, time.monotonic())
        self._on_pose(pose)

    def _on_frame(self) -> None:
        steady = time.monotonic()
        self._monitor.event(diagnostics.IMAGES, steady)
        self._monitor.sample(diagnostics.TO_CALLBACK, self.camera.delay)
        if observation := self.observation():
            self._seen = observation[0], steady
        self._on_observation()
