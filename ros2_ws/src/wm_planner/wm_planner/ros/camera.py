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
from wm_planner.images import ImageFormatError, decode
from wm_planner.images.configured import image_policy
from wm_planner.ros.background import LatestItemWorker
from wm_planner.ros.image_reader import ImageSubscription, why_not
from wm_planner.ros.qos import on_incompatible_publisher
from wm_planner.ros.stamped_buffer import StampedBuffer
from wm_planner.ros.stamps import arrived, silence
from wm_planner.types import RgbImage

FRAMES = 4  # of each camera that may wait for those of the others


def topic_name(config: ImagesConfig, view: str) -> str:
    """Return the topic of a view, before remapping."""
    return view if config.transport == "raw" else f"{view}/compressed"


class Camera:
    """Subscribes to one view's topic and keeps its newest good frames.

    A bad image is dropped, counted and reported once until the reason changes. Compressed ones,
    which take long, are decoded in a thread, and only the newest. With ``reliability: auto`` it
    subscribes as soon as a publisher is known. ``match_publisher`` is to be called now and then.

    Args:
        node: Its logger, clock and topic names are used.
        config: Transport, QoS and decoding.
        max_age: An image older than this when it arrives is stale [s].
        on_frame: Called after a good frame arrived.
        view: Name of the topic; for compressed images of its folder.

    Attributes:
        topic: The topic's full name, remappings included.
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
        self._name = topic_name(config, view)
        self.topic = str(node.resolve_topic_name(self._name))
        self._depth = config.depth
        self._reliability = config.reliability
        self.max_age = max_age
        self._on_frame = on_frame
        self.frames: StampedBuffer[RgbImage] = StampedBuffer(FRAMES)
        self.shape: tuple[int, int] | None = None  # (height, width) of the last good image
        self.good_steady = float("-inf")  # [s, steady clock] when the last good image came
        self.delay = math.nan  # [s] from the last image's publication to its callback
        self.received = 0
        self.dropped = 0
        self._problem = ""
        self._key: object = None
        compressed = self._type is CompressedImage
        self._decoder = LatestItemWorker(node, self._decoded, self._take) if compressed else None
        self._subscription: ImageSubscription | None = None
        self._reliable = False
        self._obstacle = ""  # why it cannot subscribe now
        self.match_publisher()

    @property
    def problem(self) -> str:
        """What is wrong with the images, or an empty string."""
        silent = silence(self._node, self.topic, self.good_steady, self.max_age)
        return self._problem or self._obstacle or silent

    def match_publisher(self, *, anew: bool = True) -> None:
        """Subscribe as ``reliability`` says: ``auto`` asks for what every publisher offers.

        Args:
            anew: Subscribe anew if the publishers have changed, which costs images.
        """
        reliable = self._wanted_reliability()
        if reliable is None:
            self._obstacle = ""
            return
        if self._subscription and anew and reliable != self._reliable:
            self._unsubscribe()
        if not self._subscription:
            self._obstacle = why_not(self._node, self.topic, reliable=reliable)
            if not self._obstacle:
                self._subscribe(reliable=reliable)

    def close(self) -> None:
        """Unsubscribe."""
        self._unsubscribe()
        if self._decoder:
            self._decoder.close()

    def _wanted_reliability(self) -> bool | None:
        """Whether to ask for reliable delivery; None while no publisher is known."""
        if self._reliability != "auto":
            return self._reliability == "reliable"
        offered = [
            info.qos_profile.reliability
            for info in self._node.get_publishers_info_by_topic(self.topic)
        ]
        return all(r == ReliabilityPolicy.RELIABLE for r in offered) if offered else None

    def _unsubscribe(self) -> None:
        if self._subscription:
            self._subscription.close()
        self._subscription = None

    def _subscribe(self, *, reliable: bool) -> None:
        self._reliable = reliable
        policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        self._subscription = ImageSubscription(
            self._node,
            self._type,
            self._name,
            self._on_message,
            QoSProfile(depth=self._depth, reliability=policy),
            on_incompatible_publisher(
                lambda: self.topic, lambda problem: self._report(problem, "qos")
            ),
        )

    def _on_message(self, message: Image | CompressedImage, info: dict[str, Any]) -> None:
        self.received += 1
        self.delay = time.time() - info["source_timestamp"] * 1e-9
        try:
            stamp = arrived(
                self._node, message.header, "the image", self.max_age, "session.image_timeout"
            )
        except ValueError as error:
            self._drop(error, "stamp")
            return
        if self._decoder:
            self._decoder.put((stamp, message))
        else:
            self._take(self._decoded((stamp, message)))

    def _decoded(self, item: tuple[float, Any]) -> tuple[float, RgbImage | ImageFormatError]:
        stamp, message = item
        try:
            return stamp, decode(message, self._policy, topic=self.topic)
        except ImageFormatError as error:
            return stamp, error

    def _take(self, decoded: tuple[float, RgbImage | ImageFormatError]) -> None:
        stamp, image = decoded
        if isinstance(image, ImageFormatError):
            self._drop(image, image.key)
            return
        self._report("", None)
        self.frames.add(stamp, image)
        self.shape = image.shape[:2]
        self.good_steady = time.monotonic()
        self._on_frame()

    def _drop(self, error: ValueError, key: object) -> None:
        self.dropped += 1
        self._report(str(error), key)

    def _report(self, problem: str, key: object) -> None:
        """Log a problem once, and its end; ``key`` tells one kind of problem from another."""
        if key != self._key:
            if problem:
                self._node.get_logger().warning(f"no image: {problem}")
            else:
                self._node.get_logger().info(f"{self.topic}: images are good again")
        self._problem, self._key = problem, key
