"""The doctor's section on a running camera. Only this file imports ROS, and only if needed."""

from __future__ import annotations

import argparse
import contextlib
import time
from typing import Any

from wm_planner.cli.report import Section
from wm_planner.diagnosis.camera_examiner import CameraExaminer
from wm_planner.diagnosis.camera_stream import CameraStream
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.progress import Progress, Step, silent

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_DISCOVERY = 4.0  # [s] to find a publisher
_SETTLE = 0.3  # [s] to find further publishers of the same topic
_GLANCE = 0.25  # [s] after which the progress is shown, if no image arrives
_DEPTH = 10
_TRANSPORT = "images.transport="


def examine_topic(
    arguments: argparse.Namespace, camera: CameraExaminer, progress: Progress = silent
) -> Section:
    """Listen to a topic and compare its images with the training's.

    Args:
        arguments: The command's: ``topic``, ``seconds``, ``compressed``, ``ros_args``.
        camera: Compares the images.
        progress: Shows how far the job is.

    Returns:
        The section; an error that prevents listening is a result, too.
    """
    section = Section(f"topic {arguments.topic}")
    try:
        import rclpy
        from rclpy.signals import SignalHandlerOptions
    except ImportError as error:
        sentence = f"ROS 2 cannot be imported ({error}): source its setup file, then try again."
        section.results.append(Result("ros", 1.0, 0.0, STOP, sentence))
        return section
    try:
        rclpy.init(args=arguments.ros_args, signal_handler_options=SignalHandlerOptions.NO)
        node = rclpy.create_node("wm_planner_doctor", enable_rosout=False)
        try:
            _listen(node, arguments, camera, section, progress)
        finally:
            node.destroy_node()
    except Exception as error:  # of names, of arguments, of the middleware
        reason = " ".join(str(error).split())
        sentence = f"The doctor cannot listen to the topic ({type(error).__name__}: {reason})."
        section.results.append(Result("ros", 1.0, 0.0, STOP, sentence))
    finally:
        rclpy.try_shutdown()
    return section


def _listen(
    node: Any,
    arguments: argparse.Namespace,
    camera: CameraExaminer,
    section: Section,
    progress: Progress,
) -> None:
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
    transport = "compressed" if arguments.compressed else camera.config.images.transport
    chosen = any(word.lstrip("+").startswith(_TRANSPORT) for word in arguments.overrides)
    if fault := _other_transport(topic, kind, transport, STOP if chosen else WARN):
        section.results.append(fault)
    stream = CameraStream(topic, camera)

    def on_message(message: Any) -> None:
        stamp = Time.from_msg(message.header.stamp).nanoseconds * 1e-9
        now = node.get_clock().now().nanoseconds * 1e-9
        stream.add(message, stamp, now, time.monotonic())

    reliable = _reliable(camera.config.images.reliability, publishers)
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
        with (
            contextlib.suppress(KeyboardInterrupt),  # examine what has arrived
            progress(f"listening to {topic}", arguments.seconds) as step,
        ):
            _spin(node, arguments.seconds, step)
    finally:
        subscription.close()
    # A publisher's name may become known only after its topic.
    known = [i for i in node.get_publishers_info_by_topic(topic) if i.topic_type == kind]
    section.facts["publishers"] = [_quality(info) for info in known or publishers]
    section.facts |= stream.facts()
    count = len(stream.arrivals)
    nothing = (
        f"Nothing arrived in {arguments.seconds:g} s although there is a publisher: check that the "
        "camera runs, that the network can carry its images, and the QoS of the publishers above."
    )
    section.results.append(judge("received", count, 1.0, OK if count else STOP, nothing))
    if count:
        section.results += stream.results()
        section.notes += camera.notes()


def _other_transport(topic: str, kind: str, transport: str, verdict: str) -> Result | None:
    """Return that the planner would not read these messages with these settings, if so.

    That is no fault of the camera, and these may not be the planner's settings.
    """
    from wm_planner.ros.camera import TRANSPORTS

    if kind == (RAW if transport == "raw" else COMPRESSED):
        return None
    sentence = (
        f"{topic} carries {kind}, which the planner does not read while images.transport is "
        f"{transport}: {TRANSPORTS[kind]}."
    )
    return Result("transport", 1.0, 0.0, verdict, sentence)


def _discover(node: Any, names: list[str], wanted: list[str]) -> tuple[str, list[Any]]:
    """Wait for publishers on one of the names, in this order, of the wanted types if given."""
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
    """Decide whether to subscribe reliably: if every publisher offers it, as the node does."""
    if setting != "auto":
        return setting == "reliable"
    return all(info.qos_profile.reliability.name == "RELIABLE" for info in publishers)


def _spin(node: Any, seconds: float, step: Step | None = None) -> None:
    import rclpy

    before = time.monotonic()
    until = before + seconds
    while (left := until - time.monotonic()) > 0:
        rclpy.spin_once(node, timeout_sec=min(left, _GLANCE))
        if step:
            now = time.monotonic()
            step(now - before)
            before = now


def _quality(info: Any) -> str:
    """Return a publisher's name and QoS; some middlewares report UNKNOWN for the history."""
    qos = info.qos_profile
    policies = (qos.reliability.name, qos.durability.name, qos.history.name)
    known = ", ".join(name for name in policies if name != "UNKNOWN")
    name = f"{info.node_namespace.rstrip('/')}/{info.node_name}"
    return f"{'a node without a name' if 'UNKNOWN_' in name else name}: {known}"


def _nothing_published(node: Any, names: list[str]) -> Result:
    images = {RAW, COMPRESSED}
    there = [name for name, types in node.get_topic_names_and_types() if images & set(types)]
    sentence = (
        f"There is no publisher on {' or '.join(names)}. Topics with images: "
        f"{', '.join(sorted(there)) or 'none'}. Choose one of them, or use the camera's "
        "ROS_DOMAIN_ID and namespace."
    )
    return Result("received", 0.0, 1.0, STOP, sentence)
