"""What is planned from: the cameras' images of one moment, and the robot's state at it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from rclpy.node import Node

from wm_planner.config import Config, ConfigError
from wm_planner.models import ModelSpec
from wm_planner.ros.camera import Camera, topic_name
from wm_planner.ros.proprio import ProprioInput
from wm_planner.types import Observation, RgbImage


class Observer:
    """Joins the images of the spec's views and the state by their stamps.

    An image waits until the others that belong to it have come; only the newest moment is kept.

    Args:
        node: Its logger, clock and topic names are used.
        config: All settings.
        spec: The views, and the state that the model takes.
        on_observation: Called after something new can be planned from.

    Raises:
        ConfigError: The configuration does not say where the state comes from, or two views have
            one topic.

    Attributes:
        good_steady: When images of one moment were last complete [s, steady clock].
    """

    def __init__(
        self, node: Node, config: Config, spec: ModelSpec, on_observation: Callable[[], None]
    ) -> None:
        self._slop, self._state_timeout = config.images.slop, config.session.pose_timeout
        self._on_observation = on_observation
        self._images: tuple[float, tuple[RgbImage, ...]] | None = None
        self._joined: RgbImage | None = None
        self._stateless_since: float | None = None
        self._apart = ""
        self.good_steady = -math.inf
        _check_topics(node, config, spec)
        self._state = ProprioInput(node, config.proprio, spec)
        self._cameras = [
            Camera(node, config.images, config.session.image_timeout, self._on_frame, view)
            for view in spec.views
        ]

    @property
    def main(self) -> Camera:
        """The camera of the first view."""
        return self._cameras[0]

    @property
    def problem(self) -> str:
        """What is wrong with the images or the state, or an empty string."""
        problems = [*(camera.problem for camera in self._cameras), self._apart]
        return next((text for text in problems if text), "") or self._state.problem

    @property
    def newest(self) -> tuple[Observation, float] | None:
        """The newest moment that was not planned from, and its first image's stamp [s]."""
        if self._images is None:
            return None
        stamp, (first, *others) = self._images
        state = self._state.at(stamp) if self._state.needed else None
        if self._state.needed and state is None:
            return None
        return Observation((first, *tuple(others)), state), stamp

    def taken(self) -> None:
        """The newest moment was used."""
        self._images = None

    def restart(self, steady: float) -> None:
        """A goal begins: what was missing before does not count; at this steady time [s]."""
        if self._stateless_since is not None:
            self._stateless_since = steady

    def stateless(self, steady: float) -> str:
        """Why a goal must end at this steady time [s] for want of a state, or an empty string."""
        age = steady - (self._stateless_since or steady)
        if age <= self._state_timeout:
            return ""
        return (
            f"no robot state for the images of {age:.2f} s (session.pose_timeout is "
            f"{self._state_timeout:.2f} s): {self._state.problem}"
        )

    def apply(self, config: Config) -> None:
        """Use other timeouts of the session."""
        self._state_timeout = config.session.pose_timeout
        for camera in self._cameras:
            camera.max_age = config.session.image_timeout

    def match_publishers(self, *, anew: bool = True) -> None:
        """See ``Camera.match_publisher``."""
        for camera in self._cameras:
            camera.match_publisher(anew=anew)

    def close(self) -> None:
        """Unsubscribe."""
        for camera in self._cameras:
            camera.close()
        self._state.close()

    def _on_frame(self) -> None:
        """An image came: see whether a moment is complete."""
        found = self._join()
        if found is None or found[1][0] is self._joined:
            return
        self._images, self._joined = found, found[1][0]
        self.good_steady = time.monotonic()
        if self._state.needed and self._state.at(found[0]) is None:
            self._stateless_since = self._stateless_since or self.good_steady
        else:
            self._stateless_since = None
        self._on_observation()

    def _join(self) -> tuple[float, tuple[RgbImage, ...]] | None:
        """The newest image of the first view, with those that belong to it."""
        first, *others = self._cameras
        closest = math.inf
        for stamp, image in first.frames.newest_first():
            nearest = [camera.frames.nearest(stamp) for camera in others]
            furthest = max((math.inf if n is None else n[0] for n in nearest), default=0.0)
            if furthest <= self._slop:
                self._apart = ""
                return stamp, (image, *(n[1] for n in nearest if n is not None))
            closest = min(closest, furthest)
        if math.isfinite(closest) and time.monotonic() - self.good_steady > self._state_timeout:
            self._apart = (
                f"the cameras' images are {closest:.3f} s apart, images.slop is "
                f"{self._slop:.3f} s: are they triggered together, and stamped by one clock?"
            )
        return None


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
