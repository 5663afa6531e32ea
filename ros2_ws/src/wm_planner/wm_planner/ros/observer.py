"""Join the images of all cameras and the proprio of one moment to observations."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from rclpy.node import Node

from wm_planner.config import Config, ConfigError
from wm_planner.kinematics import Arm
from wm_planner.models import ModelSpec
from wm_planner.ros.camera import Camera, topic_name
from wm_planner.ros.problem_log import ProblemLog
from wm_planner.ros.proprio import ProprioInput
from wm_planner.ros.publishers import PublisherWatch
from wm_planner.ros.transforms import FrameChange
from wm_planner.types import Observation, Pose, RgbImage

PATIENCE = 0.1  # [s] proprio that arrives so long after its images is no problem


class Observer:
    """Joins the images of the spec's views and the proprio by their stamps.

    Images wait for those of the other views, and then for the proprio; newer images replace them.
    Every observation is passed on once.

    Args:
        node: Its logger, clock and topic names are used.
        config: All settings.
        spec: The views, and the proprio that the model takes.
        on_observation: Called with every observation.
        frames: As ``ProprioInput``.
        arm: As ``ProprioInput``.

    Raises:
        ConfigError: The configuration does not say where the proprio comes from, or two views have
            the same topic.

    Attributes:
        images_steady: When the images of all views were last complete [s, steady clock].
    """

    def __init__(
        self,
        node: Node,
        config: Config,
        spec: ModelSpec,
        on_observation: Callable[[Observation], None],
        frames: FrameChange,
        arm: Arm | None = None,
    ) -> None:
        self._slop, self._proprio_timeout = config.images.slop, config.session.pose_timeout
        self._on_observation = on_observation
        self._joined: RgbImage | None = None  # the first view's image that was joined last
        self._waiting: Observation | None = None  # images whose proprio is missing
        self._missing_since: float | None = None
        self._apart = ""
        self.images_steady = -math.inf
        _check_topics(node, config, spec)
        self._node = node
        self._missing_log = ProblemLog(node, "proprio")
        self._proprio = ProprioInput(node, config, spec, self._on_proprio, frames, arm)
        self._cameras = [
            Camera(node, config.images, config.session.image_timeout, self._on_image, view)
            for view in spec.views
        ]

    @property
    def main(self) -> Camera:
        """The camera of the first view."""
        return self._cameras[0]

    @property
    def topics(self) -> tuple[str, ...]:
        """The full names of the cameras' topics, in the order of the model's views."""
        return tuple(camera.topic for camera in self._cameras)

    @property
    def publishers(self) -> list[PublisherWatch]:
        """What notices second publishers of cameras and proprio."""
        return [camera.publishers for camera in self._cameras] + self._proprio.publishers

    @property
    def problem(self) -> str:
        """What is wrong with the images or the proprio, or an empty string."""
        problems = [*(camera.problem for camera in self._cameras), self._apart]
        problems += [self._proprio.incompatible, self._late()]
        return next((text for text in problems if text), "")

    @property
    def irregular(self) -> list[str]:
        """What is irregular about the images although they can be used."""
        return [camera.irregular for camera in self._cameras if camera.irregular]

    def take(self, pose: Pose) -> None:
        """Take a measured pose, which may be part of the proprio."""
        self._proprio.take(pose)

    def restart(self, steady: float) -> None:
        """Start a goal at this steady time [s]; time without proprio before it does not count."""
        if self._missing_since is not None:
            self._missing_since = steady

    def missing_proprio(self, steady: float) -> str:
        """Return why a goal ends for lack of proprio at a steady time [s], or an empty string."""
        age = steady - (self._missing_since or steady)
        if age <= self._proprio_timeout:
            return ""
        return (
            f"no proprio for the images of the last {age:.2f} s (session.pose_timeout is "
            f"{self._proprio_timeout:.2f} s): {self._proprio.incompatible or self._missing()}"
        )

    def apply(self, config: Config) -> None:
        """Use other timeouts of the session."""
        self._proprio_timeout = config.session.pose_timeout
        for camera in self._cameras:
            camera.max_age = config.session.image_timeout

    def watch(self, *, resubscribe: bool = True) -> None:
        """Match the cameras' publishers, and log missing proprio; called several times a second.

        Args:
            resubscribe: See ``Camera.match_publisher``.
        """
        for camera in self._cameras:
            camera.match_publisher(resubscribe=resubscribe)
        self._missing_log.report(self._late())

    def close(self) -> None:
        """Unsubscribe."""
        for camera in self._cameras:
            camera.close()
        self._proprio.close()

    def _on_image(self) -> None:
        """Join the newest images, if those of all views have arrived."""
        joined = self._join()
        if joined is None or joined.images[0] is self._joined:
            return
        self._waiting, self._joined = joined, joined.images[0]
        self.images_steady = time.monotonic()
        self._complete()

    def _join(self) -> Observation | None:
        """Return the newest image of the first view with the images that belong to it."""
        first, *others = self._cameras
        closest = math.inf
        for stamp, image in first.images.newest_first():
            nearest = [camera.images.nearest(stamp) for camera in others]
            furthest = max((math.inf if n is None else n[0] for n in nearest), default=0.0)
            if furthest <= self._slop:
                self._apart = ""
                images = (image, *(n[1] for n in nearest if n is not None))
                return Observation(images, stamp=stamp)
            closest = min(closest, furthest)
        if math.isfinite(closest) and time.monotonic() - self.images_steady > self._proprio_timeout:
            self._apart = (
                f"the images of the cameras are {closest:.3f} s apart (images.slop is "
                f"{self._slop:.3f} s): are the cameras triggered together, and stamped by the same "
                "clock?"
            )
        return None

    def _on_proprio(self, stamp: float) -> None:
        if self._waiting and abs(stamp - self._waiting.stamp) <= self._proprio.slop:
            self._complete()

    def _late(self) -> str:
        """Return which proprio the images have lacked for too long, or an empty string."""
        waited = time.monotonic() - (self._missing_since or math.inf)
        return self._missing() if waited >= PATIENCE else ""

    def _missing(self) -> str:
        """Return which proprio the waiting images lack, or an empty string."""
        images = self._waiting
        return self._proprio.missing(images.stamp) if images else ""

    def _complete(self) -> None:
        """Pass on the waiting images, if their proprio has arrived while they are fresh."""
        images = self._waiting
        if images is None:
            return
        if time.monotonic() - self.images_steady > self.main.max_age:
            self._waiting = self._missing_since = None  # now it is the images that are missing
            return
        proprio = None
        if self._proprio.needed and (proprio := self._proprio.at(images.stamp)) is None:
            self._missing_since = self._missing_since or self.images_steady
            return
        self._waiting = self._missing_since = None
        self._on_observation(Observation(images.images, proprio, images.stamp))


def _check_topics(node: Node, config: Config, spec: ModelSpec) -> None:
    views: dict[str, str] = {}
    for view in spec.views:
        topic = node.resolve_topic_name(topic_name(config.images, view))
        if topic in views:
            raise ConfigError(
                f"the model's views '{views[topic]}' and '{view}' are both remapped to {topic}: "
                "give each the topic of its own camera"
            )
        views[topic] = view
