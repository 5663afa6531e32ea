"""One camera: its subscription, its newest images, and what is wrong with them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from wm_planner.config import ImagesConfig
from wm_planner.images import CameraDecoder, Decoded, ImageFormatError, ImagePolicy
from wm_planner.ros import log
from wm_planner.ros.background import LatestItemThread
from wm_planner.ros.image_reader import ImageSubscription, why_not
from wm_planner.ros.problem_log import ProblemLog
from wm_planner.ros.publishers import PublisherWatch
from wm_planner.ros.qos import on_incompatible_publisher
from wm_planner.ros.ros_time import ArrivalStamps
from wm_planner.ros.silence import Silence
from wm_planner.ros.stamped_buffer import StampedBuffer
from wm_planner.types import RgbImage

MAX_IMAGES = 4  # images of each camera kept until those of the others arrive
TRANSPORTS = {
    "sensor_msgs/msg/CompressedImage": "set images.transport to compressed, and remap the topic "
    "without /compressed, which the planner adds",
    "sensor_msgs/msg/Image": "set images.transport to raw, or remap to the topic whose compressed "
    "images are on <topic>/compressed",
}
"""What to change if images arrive in another message than is read, by its type."""


def topic_name(config: ImagesConfig, view: str) -> str:
    """Return the topic of a view, before remapping."""
    return view if config.transport == "raw" else f"{view}/compressed"


class Camera:
    """Subscribes to one view's topic and keeps its newest good images.

    A bad image is dropped and counted; the reason is logged when it changes. Compressed images are
    decoded in a thread, and only the newest of them. With ``reliability: auto`` the camera
    subscribes as soon as a publisher is known; call ``match_publisher`` several times a second.

    Args:
        node: Its logger, clock and topic names are used.
        config: Transport, QoS and decoding.
        max_age: An image older than this when it arrives is stale [s].
        on_image: Called after every good image.
        view: Name of the topic, without ``/compressed``.

    Attributes:
        topic: Full name of the topic, after remapping.
        images: The newest good images.
        irregular: What is irregular about its images although they can be used, as a sentence;
            empty if they are regular.
        shape: (height, width) of the newest good image; None before the first.
        good_steady: When the newest good image arrived [s, steady clock].
        delay: Time from the publication of the newest image to its callback [s].
        received: Images that arrived.
        dropped: Images that were stale or could not be decoded.
        publishers: Notices a second publisher.
    """

    def __init__(
        self,
        node: Node,
        config: ImagesConfig,
        max_age: float,
        on_image: Callable[[], None],
        view: str = "image",
    ) -> None:
        self._node = node
        self._type = Image if config.transport == "raw" else CompressedImage
        self._name = topic_name(config, view)
        self.topic = str(node.resolve_topic_name(self._name))
        self._images = CameraDecoder(ImagePolicy.from_config(config), self.topic)
        self.publishers = PublisherWatch(node, self.topic)
        self._stamps = ArrivalStamps(node, "the image", "session.image_timeout")
        self._silence = Silence(node, self.topic, self._type, TRANSPORTS)
        self._depth = config.queue_depth
        self._reliability = config.reliability
        self.max_age = max_age
        self._on_image = on_image
        self.images: StampedBuffer[RgbImage] = StampedBuffer(MAX_IMAGES)
        self.irregular = ""
        self.shape: tuple[int, int] | None = None
        self.good_steady = -math.inf
        self.delay = math.nan
        self.received = 0
        self.dropped = 0
        self._problem = ProblemLog(node, "no image", f"{self.topic}: images are good again")
        compressed = self._type is CompressedImage
        self._decoder = LatestItemThread(node, self._decode, self._take) if compressed else None
        self._subscription: ImageSubscription | None = None
        self._reliable = False
        self._obstacle = ""  # why it cannot subscribe now
        self.match_publisher()

    @property
    def problem(self) -> str:
        """What is wrong with the images, or an empty string."""
        silent = self._silence.problem(self.good_steady, self.max_age)
        return self._problem.why(self._obstacle or silent, self.max_age)

    def match_publisher(self, *, resubscribe: bool = True) -> None:
        """Subscribe as ``reliability`` says; ``auto`` is reliable if every publisher is.

        Args:
            resubscribe: Subscribe again if the publishers have changed; this loses images.
        """
        reliable = self._wanted_reliability()
        if reliable is None:
            self._obstacle = ""
            return
        if self._subscription and resubscribe and reliable != self._reliable:
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
        """Return whether to request reliable delivery; None while no publisher is known."""
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
            on_incompatible_publisher(lambda: self.topic, self._problem.report_lasting),
        )

    def _on_message(self, message: Image | CompressedImage, info: dict[str, Any]) -> None:
        self.received += 1
        self.publishers.heard(info)
        self.delay = time.time() - info["source_timestamp"] * 1e-9
        try:
            stamp = self._stamps.read(message.header, self.max_age)
        except ValueError as error:
            self._drop(error)
            return
        if self._decoder:
            self._decoder.put((stamp, message))
        else:
            self._take(self._decode((stamp, message)))

    def _decode(self, item: tuple[float, Any]) -> tuple[float, Decoded | ImageFormatError]:
        stamp, message = item
        try:
            return stamp, self._images.decode(message)
        except ImageFormatError as error:
            return stamp, error

    def _take(self, item: tuple[float, Decoded | ImageFormatError]) -> None:
        stamp, decoded = item
        if isinstance(decoded, ImageFormatError):
            self._drop(decoded, decoded.key)
            return
        self._problem.report("")
        if bool(decoded.irregular) != bool(self.irregular):
            self.irregular = f"{self.topic}: {decoded.sentence}" if decoded.irregular else ""
            if self.irregular:
                log.warning(self._node, self.irregular)
            else:
                log.info(self._node, f"{self.topic}: the camera's JPEGs are regular again")
        self.images.add(stamp, decoded.image)
        self.shape = decoded.image.shape[:2]
        self.good_steady = time.monotonic()
        self._on_image()

    def _drop(self, error: ValueError, key: object = None) -> None:
        self.dropped += 1
        self._problem.report(str(error), key)
