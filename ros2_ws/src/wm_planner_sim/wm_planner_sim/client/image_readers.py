"""Finds readers of images in the ROS graph that could hang Fast DDS (docs/how-to/middleware.md)."""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

Readers = dict[tuple[str, str], list[bool]]
"""By process and DDS topic: whether each reader is reliable."""


def readers_of_images(node: Node) -> Readers:
    """Return the readers of all topics, services and actions whose messages hold images.

    A process is identified by the prefix of its readers' GUIDs (12 bytes in hexadecimal). The
    prefix belongs to a DDS participant; these processes have one context, so one participant each.

    Args:
        node: Node whose view of the graph is used.
    """
    readers: Readers = {}
    for topic, kinds in node.get_topic_names_and_types(no_demangle=True):
        if not any(map(_holds_images, kinds)):
            continue
        for reader in node.get_subscriptions_info_by_topic(topic, no_mangle=True):
            process = bytes(reader.endpoint_gid[:12]).hex()
            reliable = reader.qos_profile.reliability == ReliabilityPolicy.RELIABLE
            readers.setdefault((process, topic), []).append(reliable)
    return readers


def dangerous(readers: Readers) -> Readers:
    """Return the readers of each topic that share it with a reliable reader of their process."""
    return {where: kinds for where, kinds in readers.items() if len(kinds) > 1 and any(kinds)}


def _holds_images(kind: str) -> bool:
    """Decide by the DDS name of a type, such as ``sensor_msgs::msg::dds_::Image_``."""
    if kind.count("::") < 2:
        return False  # not a ROS type
    package, folder, *_, name = kind.rstrip("_").split("::")
    return _has_image(package, folder, name)


def _has_image(package: str, folder: str, name: str) -> bool:
    if package == "sensor_msgs" and name in ("Image", "CompressedImage"):
        return True
    slots = getattr(_message(package, folder, name), "SLOT_TYPES", ())
    kinds = [getattr(slot, "value_type", slot) for slot in slots]  # an array's items
    messages = [(*kind.namespaces, kind.name) for kind in kinds if hasattr(kind, "namespaces")]
    return any(_has_image(*message) for message in messages)


def _message(package: str, folder: str, name: str) -> Any:
    """Return the class of a message, service or action part; None if there is none."""
    outer, *inner = name.split("_")  # Plan_Request, ReachGoal_Goal, ReachGoal_SendGoal_Request
    try:
        message = getattr(importlib.import_module(f"{package}.{folder}"), outer)
        if inner[:1] == ["SendGoal"]:
            message, inner = message.Impl.SendGoalService, inner[1:]
        for part in inner:
            message = getattr(message, part)
    except (ImportError, AttributeError):
        return None  # a type of the middleware, or another part of an action
    return message
