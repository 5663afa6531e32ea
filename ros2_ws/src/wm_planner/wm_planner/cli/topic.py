"""The doctor's look at a running camera. ROS is imported here only, and only when it is needed."""

from __future__ import annotations

import argparse
import contextlib
import time
from typing import Any

from wm_planner.camera_contract import STOP
from wm_planner.cli.camera import Contract
from wm_planner.cli.frames import Frames
from wm_planner.cli.report import OK, Result, Section, judge

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_DISCOVERY = 4.0  # [s] as long as a publisher may take to be found
_SETTLE = 0.3  # [s] for the other publishers of a topic on which one was found
_DEPTH = 10


def examine(arguments: argparse.Namespace, contract: Contract) -> Section:
    """Listen to a topic and hold its images against the contract.

    Args:
        arguments: The command's: ``topic``, ``seconds``, ``compressed``, ``ros_args``.
        contract: What the images are held against.

    Returns:
        The section; whatever keeps it from listening is a finding, too.
    """
    section = Section(f"topic {arguments.topic}")
    try:
        import rclpy
        from rclpy.signals import SignalHandlerOptions
    except ImportError as error:
        sentence = f"ROS 2 cannot be imported ({error}): source its setup file, then ask again."
        section.results.append(Result("ros", 1.0, 0.0, STOP, sentence))
        return section
    try:
        rclpy.init(args=arguments.ros_args, signal_handler_options=SignalHandlerOptions.NO)
        node = rclpy.create_node("wm_planner_doctor", enable_rosout=False)
        try:
            _listen(node, arguments, contract, section)
        finally:
            node.destroy_node()
    except Exception as error:  # names, arguments and middleware have an exception each
        reason = " ".join(str(error).split())
        sentence = f"The topic cannot be listened to ({type(error).__name__}: {reason})."
        section.results.append(Result("ros", 1.0, 0.0, STOP, sentence))
    finally:
        rclpy.try_shutdown()
    return section


def _listen(node: Any, arguments: argparse.Namespace, contract: Contract, section: Section) -> None:
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from rclpy.time import Time
    from sensor_msgs.msg import CompressedImage, Image

    from wm_planner.ros.image_reader import ImageSubscription

    names = [arguments.topic] + [f"{arguments.topic}/compressed"] * arguments.compressed
    names = [node.resolve_topic_name(name) for name in names]
    topic, publishers = _discover(node, names, [COMPRESSED] if arguments.compressed else [])
    if not publishers:
        section.results.append(_nothing_published(node, names))
        return
    kind = COMPRESSED if arguments.compressed else publishers[0].topic_type
    section.title = f"topic {topic} ({kind})"
    section.facts["publishers"] = [_quality(info) for info in publishers]
    if kind not in (RAW, COMPRESSED):
        sentence = f"{topic} carries {kind}, not images: give a topic of {RAW} or {COMPRESSED}."
        section.results.append(Result("type", 1.0, 0.0, STOP, sentence))
        return
    frames = Frames(topic, contract)

    def on_message(message: Any) -> None:
        stamp = Time.from_msg(message.header.stamp).nanoseconds * 1e-9
        now = node.get_clock().now().nanoseconds * 1e-9
        frames.add(message, stamp, now, time.monotonic())

    reliable = _reliable(contract.config.images.reliability, publishers)
    policy = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
    subscription = ImageSubscription(
        node,
        Image if kind == RAW else CompressedImage,
        topic,
        on_message,
        QoSProfile(depth=_DEPTH, reliability=policy),
    )
    section.facts["listened"] = f"{arguments.seconds:g} s, {policy.name}"
    try:
        with contextlib.suppress(KeyboardInterrupt):  # what has come by then is examined
            _spin(node, arguments.seconds)
    finally:
        subscription.close()
    # A publisher's name may become known only after its topic.
    known = [i for i in node.get_publishers_info_by_topic(topic) if i.topic_type == kind]
    section.facts["publishers"] = [_quality(info) for info in known or publishers]
    section.facts |= frames.facts()
    count = len(frames.arrivals)
    nothing = (
        f"Nothing arrived in {arguments.seconds:g} s although there is a publisher: is the camera "
        "running, can the network carry its images, does the QoS of the publishers above fit?"
    )
    section.results.append(judge("received", count, 1.0, OK if count else STOP, nothing))
    if count:
        section.results += frames.results()
        section.notes += contract.notes()


def _discover(node: Any, names: list[str], wanted: list[str]) -> tuple[str, list[Any]]:
    """Wait for publishers of images on one of the names; those of the wanted type first."""
    until = time.monotonic() + _DISCOVERY
    while True:
        for name in names:
            infos = node.get_publishers_info_by_topic(name)
            if any(not wanted or info.topic_type in wanted for info in infos):
                _spin(node, _SETTLE)
                infos = node.get_publishers_info_by_topic(name)
                return name, [i for i in infos if not wanted or i.topic_type in wanted]
        if time.monotonic() > until:
            return names[0], []
        _spin(node, 0.1)


def _reliable(setting: str, publishers: list[Any]) -> bool:
    """Ask for what every publisher offers, as the node does."""
    if setting != "auto":
        return setting == "reliable"
    return all(info.qos_profile.reliability.name == "RELIABLE" for info in publishers)


def _spin(node: Any, seconds: float) -> None:
    import rclpy

    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        rclpy.spin_once(node, timeout_sec=left)


def _quality(info: Any) -> str:
    """Who publishes, and how; middlewares that do not tell history say UNKNOWN."""
    qos = info.qos_profile
    policies = (qos.reliability.name, qos.durability.name, qos.history.name)
    told = ", ".join(name for name in policies if name != "UNKNOWN")
    name = f"{info.node_namespace.rstrip('/')}/{info.node_name}"
    return f"{'a node without a name' if 'UNKNOWN_' in name else name}: {told}"


def _nothing_published(node: Any, names: list[str]) -> Result:
    images = {RAW, COMPRESSED}
    there = [name for name, types in node.get_topic_names_and_types() if images & set(types)]
    sentence = (
        f"Nobody publishes on {' or '.join(names)}. Topics with images: "
        f"{', '.join(sorted(there)) or 'none'}; ROS_DOMAIN_ID and namespaces must fit the camera's."
    )
    return Result("received", 0.0, 1.0, STOP, sentence)
