"""The camera's side of the node: QoS, the newest frame, and what is wrong with it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from wm_planner.config import ImagesConfig
from wm_planner.images import decode
from wm_planner.images.configured import image_policy
from wm_planner.ros.qos import on_incompatible_publisher
from wm_planner.ros.recent import Recent
from wm_planner.ros.stamps import arrived
from wm_planner.worker import Picture

FRAMES = 4  # of each camera that may wait for those of the others


class Camera:
    """Subscribes to one view's topic and keeps its newest good frames.

    A bad picture is dropped, counted and reported once until the reason changes.

    Args:
        node: Its logger, clock and topic names are used.
        config: Transport, QoS and decoding.
        max_age: A picture older than this when it arrives is stale [s].
        on_frame: Called after a good frame arrived.
        view: Name of the topic; for compressed pictures of its folder.
    """

    def __init__(
        self,
        node: Node,
        config: ImagesConfig,
        max_age: float,
        on_frame: Callable[[], None],
        view: str = "image",
    ) -> None:
        self._node = node
        self._policy = image_policy(config)
        self._type = Image if config.transport == "raw" else CompressedImage
        self._name = view if config.transport == "raw" else f"{view}/compressed"
        self._depth = config.depth
        self._auto = config.reliability == "auto"
        self.max_age = max_age
        self._on_frame = on_frame
        self.frames: Recent[Picture] = Recent(FRAMES)
        self.shape: tuple[int, int] | None = None  # (height, width) of the last good picture
        self.good_steady = float("-inf")  # [s, steady clock] when the last good picture came
        self.delay = math.nan  # [s] from the last picture's publication to its callback
        self.received = 0
        self.dropped = 0
        self.problem = ""
        self._key: object = None
        self._subscribe(reliable=config.reliability == "reliable")

    @property
    def topic(self) -> str:
        """The topic's full name, remappings included."""
        return str(self._subscription.topic_name)

    def match_publisher(self) -> None:
        """With ``reliability: auto``, ask for what every publisher of the topic offers."""
        if not self._auto:
            return
        offered = [
            info.qos_profile.reliability
            for info in self._node.get_publishers_info_by_topic(self.topic)
        ]
        reliable = bool(offered) and all(r == ReliabilityPolicy.RELIABLE for r in offered)
        if offered and reliable != self._reliable:
            self._node.destroy_subscription(self._subscription)
            self._subscribe(reliable=reliable)

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _subscribe(self, *, reliable: bool) -> None:
        self._reliable = reliable
        policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        self._subscription = self._node.create_subscription(
            self._type,
            self._name,
            self._on_message,
            QoSProfile(depth=self._depth, reliability=policy),
            event_callbacks=on_incompatible_publisher(
                lambda: self.topic, lambda problem: self._report(problem, "qos")
            ),
        )

    def _on_message(self, message: Image | CompressedImage, info: dict[str, Any]) -> None:
        self.received += 1
        self.delay = time.time() - info["source_timestamp"] * 1e-9
        try:
            stamp = arrived(
                self._node, message.header, "the picture", self.max_age, "session.image_timeout"
            )
            picture = decode(message, self._policy, topic=self.topic)
        except ValueError as error:  # ImageFormatError is one
            self.dropped += 1
            self._report(str(error), getattr(error, "key", "stamp"))
            return
        self._report("", None)
        self.frames.add(stamp, picture)
        self.shape = picture.shape[:2]
        self.good_steady = time.monotonic()
        self._on_frame()

    def _report(self, problem: str, key: object) -> None:
        """Log a problem once, and its end; ``key`` tells one kind of problem from another."""
        if key != self._key:
            if problem:
                self._node.get_logger().warning(f"no picture: {problem}")
            else:
                self._node.get_logger().info(f"{self.topic}: pictures are good again")
        self.problem, self._key = problem, key
