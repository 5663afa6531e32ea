"""The topics that the cockpit reads: always the planner's reports, images only for viewers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from std_msgs.msg import String
from wm_planner_msgs.msg import Goal, PlanStatus, Search

from wm_planner.cockpit.feed import Feeds, side_by_side
from wm_planner.cockpit.known import Known
from wm_planner.images import CameraDecoder, ImageFormatError, ImagePolicy, decode
from wm_planner.message_limits import MAX_LIST
from wm_planner.ros.diagnostics import VIEWS
from wm_planner.ros.image_reader import ImageReaderError, ImageSubscription
from wm_planner.ros.qos import sensor_data_qos
from wm_planner.text import one_line
from wm_planner.types import RgbImage

IMAGES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
POSE, JOINTS = "geometry_msgs/msg/PoseStamped", "sensor_msgs/msg/JointState"
MAX_CAMERAS = 4
NO_IMAGE = np.full((90, 120, 3), 60, dtype=np.uint8)
"""What is shown of a goal whose images cannot be decoded: gray."""
LARGEST = 1e6
"""Largest number of a search that is shown."""
MAX_NUMBERS = 100_000
"""Most numbers of any kind in a search that is shown."""


class CameraInput:
    """The images of one camera of the planner, decoded as the planner decodes them.

    Args:
        node: Carries the subscriptions.
        topic: Full name of the topic.
        kind: Type of its messages.
        policy: What the planner's settings declare about the images.
        on_image: Called after each image.

    Attributes:
        problem: Why the newest image cannot be shown, or an empty string.
        at: When the newest image came [s, steady clock].
        image: The newest image, uint8 RGB (H, W, 3).
        info: The camera's calibration.

    Raises:
        ImageReaderError: The topic cannot be read now.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        kind: type,
        policy: ImagePolicy,
        on_image: Callable[[], None],
    ) -> None:
        self.topic, self.policy, self.problem = topic, policy, ""
        self.at = -math.inf
        self.image: RgbImage | None = None
        self.info: CameraInfo | None = None
        self._node, self._on_image = node, on_image
        self._decoder = CameraDecoder(policy, topic)
        self._images = ImageSubscription(node, kind, topic, self._take, _newest())
        name = f"{topic.removesuffix('/compressed').rpartition('/')[0]}/camera_info"
        self._infos = node.create_subscription(CameraInfo, name, self._on_info, _newest())

    def close(self) -> None:
        """Unsubscribe."""
        self._images.close()
        self._node.destroy_subscription(self._infos)

    def _take(self, message: Any) -> None:
        try:
            self.image, self.problem = self._decoder.decode(message).image, ""
            self.at = time.monotonic()
        except ImageFormatError as error:
            self.problem = one_line(str(error))
            return
        self._on_image()

    def _on_info(self, message: CameraInfo) -> None:
        self.info = message


class CockpitInputs:
    """Subscribes to what the page shows.

    The planner's subscriptions tell which topics have its cameras and its pose.

    Args:
        node: Carries the subscriptions.
        planner: Full name of the planner's node.
        known: Takes the messages.
        feeds: Take the images: ``camera`` and ``imagined``.

    Attributes:
        cameras: The cameras of the model's views, in its order if ``ordered``.
        ordered: Whether that order is known.
    """

    def __init__(self, node: Node, planner: str, known: Known, feeds: Feeds) -> None:
        self._node, self._planner, self._known, self._feeds = node, planner, known, feeds
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        always: list[tuple[type, str, Any, QoSProfile]] = [
            (PlanStatus, f"{planner}/status", known.take_status, latched),
            (String, f"{planner}/config", self._on_config, latched),
            (Goal, f"{planner}/goal", self._on_goal, latched),
            (DiagnosticArray, "/diagnostics", known.take_diagnostics, QoSProfile(depth=10)),
        ]
        for kind, topic, callback, qos in always:
            node.create_subscription(kind, topic, callback, qos)
        self.cameras: list[CameraInput] = []
        self.ordered = False
        self._imagined: ImageSubscription | None = None
        self._others: dict[str, Any] = {}

    def watch(self, *, viewers: bool) -> None:
        """Subscribe to images and the like while there are viewers; call it now and then."""
        if not viewers:
            self.close()
            return
        if self._imagined is None:
            topic = f"{self._planner}/imagined"
            self._imagined = ImageSubscription(
                self._node, Image, topic, self._on_imagined, sensor_data_qos()
            )
        topics = self._topics()
        wanted = [(t, IMAGES[k]) for t, k in topics if k in IMAGES]
        if wanted or not self.cameras:  # the cameras of a planner that is lost are still shown
            views = self._views()
            known = [camera for camera in wanted if camera[0] in views]
            known.sort(key=lambda camera: views.index(camera[0]))
            self.ordered = len(known) == len(wanted) == len(views)
            known += [camera for camera in wanted if camera[0] not in views]
            self._watch_cameras(known[:MAX_CAMERAS])
        own = self._node.resolve_topic_name("joint_states")
        others: dict[str, tuple[type, Callable[[Any], None]]] = {
            f"{self._planner}/search": (Search, self._on_search),
            next((t for t, k in topics if k == JOINTS), own): (JointState, self._on_joints),
            **{t: (PoseStamped, self._on_pose) for t, k in topics if k == POSE},
        }
        for topic in self._others.keys() - others.keys():
            self._node.destroy_subscription(self._others.pop(topic))
        for topic in others.keys() - self._others.keys():
            kind, callback = others[topic]
            self._others[topic] = self._node.create_subscription(
                kind, topic, callback, sensor_data_qos()
            )

    def close(self) -> None:
        """Unsubscribe from all that only viewers need."""
        if self._imagined:
            self._imagined.close()
            self._imagined, self._known.search = None, None
        for subscription in self._others.values():
            self._node.destroy_subscription(subscription)
        self._others.clear()
        self._watch_cameras([])

    def _topics(self) -> list[tuple[str, str]]:
        """Return the topics that the planner reads, with their types."""
        namespace, _, name = self._planner.rpartition("/")
        try:
            found = self._node.get_subscriber_names_and_types_by_node(name, namespace or "/")
        except Exception:  # NodeNameNonExistentError, which rclpy takes from C++: it is not there
            return []
        return sorted((topic, types[0]) for topic, types in found if types)

    def _watch_cameras(self, wanted: list[tuple[str, type]]) -> None:
        policy = self._policy()
        if [(c.topic, c.policy) for c in self.cameras] != [(topic, policy) for topic, _ in wanted]:
            for camera in self.cameras:
                camera.close()
            self.cameras = []
            try:
                for topic, kind in wanted:
                    camera = CameraInput(self._node, topic, kind, policy, self._on_camera)
                    self.cameras.append(camera)
            except ImageReaderError as error:
                self._known.camera = str(error)
                return
        problems = [camera.problem for camera in self.cameras if camera.problem]
        none = "" if self.cameras else f"{self._planner} has no camera yet"
        self._known.camera = " ".join(problems) or none

    def _policy(self) -> ImagePolicy:
        declared = ImagePolicy()
        setting = self._known.setting
        try:
            return ImagePolicy(
                setting("images.generic_color_order", declared.generic_color_order),
                setting("images.float_range", declared.float_range),
                setting("images.bit_depth", declared.bit_depth),
            )
        except ValueError:
            return declared

    def _views(self) -> list[str]:
        """Return the topics of the model's views in its order, as /diagnostics tells."""
        status = self._known.diagnostics.get("camera")
        values = status.values if status else ()
        text = next((str(pair.value) for pair in values if pair.key == VIEWS), "")
        return text.split(", ") if text else []

    def _on_camera(self) -> None:
        self._known.image_at = time.monotonic()
        images = [camera.image for camera in self.cameras]
        if shown := [image for image in images if image is not None]:
            self._feeds["camera"].show(side_by_side(shown))

    def _on_imagined(self, message: Image) -> None:
        if (image := _decoded(message)) is not None:
            self._feeds["imagined"].show(image)

    def _on_goal(self, message: Goal) -> None:
        if message.images:
            images = [_decoded(image) for image in message.images[:MAX_CAMERAS]]
            masks = [_decoded(mask) for mask in message.masks[:MAX_CAMERAS]]
            self._feeds["goal"].show(side_by_side(_masked(images, masks) or [NO_IMAGE]))
        self._known.take_goal(message)

    def _on_search(self, message: Search) -> None:
        if self._known.under_way and believable(message):
            self._known.search = message

    def _on_config(self, message: String) -> None:
        self._known.take_config(message.data)

    def _on_joints(self, message: JointState) -> None:
        pairs = zip(message.name[:MAX_LIST], message.position[:MAX_LIST], strict=False)
        found = {one_line(name, 100): float(at) for name, at in pairs if math.isfinite(at)}
        known = {**self._known.joints, **found}
        self._known.joints = known if len(known) <= MAX_LIST else found
        self._known.joints_at = time.monotonic()

    def _on_pose(self, message: PoseStamped) -> None:
        place = message.pose.position
        if all(map(math.isfinite, (place.x, place.y, place.z))):
            self._known.pose, self._known.pose_at = (place.x, place.y, place.z), time.monotonic()


def believable(search: Search) -> bool:
    """Decide whether a search can be shown: it is not too large, finite and of one piece."""
    lists = (search.actions, search.deviations, search.candidate_costs, search.cost_history)
    points = (search.path, search.candidates)
    if sum(map(len, lists)) + 3 * sum(map(len, points)) > MAX_NUMBERS:
        return False
    if len(search.action_names) > MAX_LIST:
        return False
    if len(search.candidates) != len(search.path) * len(search.candidate_costs):
        return False
    places = [(p.x, p.y, p.z) for some in points for p in some]
    numbers = np.concatenate([np.ravel(places), *map(np.asarray, lists)])
    return bool((np.abs(numbers) < LARGEST).all())  # False for NaN


def _newest() -> QoSProfile:
    qos = sensor_data_qos()
    qos.depth = 1
    return qos


def _decoded(message: Image) -> RgbImage | None:
    """Return an image of the planner as uint8 RGB (H, W, 3); None if it cannot be decoded."""
    try:
        return decode(message)
    except ImageFormatError:
        return None


def _masked(images: list[RgbImage | None], masks: list[RgbImage | None]) -> list[RgbImage]:
    """Return images (H, W, 3), dark where a mask of the same size says that they do not count.

    Those that could not be decoded are left out; each mask belongs to the image of its index.
    """
    shown = []
    for i, image in enumerate(images):
        mask = masks[i] if i < len(masks) else None
        if image is None:
            continue
        if mask is not None and mask.shape == image.shape:
            image = (image * (0.25 + 0.75 * (mask / 255.0))).astype(np.uint8)
        shown.append(image)
    return shown
