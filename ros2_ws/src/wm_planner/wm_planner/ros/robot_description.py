"""The arm's kinematics from the URDF that ``commands.kinematics`` names."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from wm_planner.config import CommandsConfig, ConfigError
from wm_planner.explain import explain
from wm_planner.files.regular import read_regular
from wm_planner.kinematics import MAX_URDF, Arm, KinematicsError
from wm_planner.ros.publishers import publisher_names
from wm_planner.ros.silence import Silence
from wm_planner.text import listed, one_line

TOPIC = "robot_description"
PATIENCE = 5.0  # [s] to wait for the topic, whose publisher keeps the message


def read_arm(
    node: Node, config: CommandsConfig, frame: str, interrupted: Callable[[], bool]
) -> Arm | None:
    """Return the arm of ``commands.kinematics``; None if it is not set.

    Args:
        node: Subscribes to ``robot_description``.
        config: The URDF, and its links.
        frame: The frame of the actions.
        interrupted: Returns whether to give up waiting.

    Raises:
        ConfigError: No URDF arrives on the topic or can be read from the file, or it has no such
            arm.
    """
    source = config.kinematics
    if not source:
        if config.base or config.tip:
            raise ConfigError(
                "commands.base and commands.tip name links of a URDF, but commands.kinematics is "
                "not set: set it to robot_description or to the file of the arm's URDF"
            )
        return None
    try:
        if source == TOPIC:
            text = _heard(node, interrupted)
        else:
            text = read_regular(source, MAX_URDF).decode()
        return Arm(text, config.base or frame, config.tip)
    except (OSError, UnicodeDecodeError, KinematicsError) as error:
        why = explain(error) if isinstance(error, OSError) else str(error)
        raise ConfigError(f"commands.kinematics {one_line(source, 300)}: {why}") from error


def _heard(node: Node, interrupted: Callable[[], bool]) -> str:
    """Return the last message on the topic, as robot_state_publisher keeps it."""
    kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    subscription = node.create_subscription(String, TOPIC, lambda message: None, kept)
    silence = Silence(node, subscription.topic_name, String)
    try:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not interrupted():
            # The node's executor is busy with its configuration, so that nobody else takes it.
            if found := subscription.handle.take_message(String, False):
                names = sorted(publisher_names(node, subscription.topic_name))
                if len(names) > 1:
                    raise ConfigError(
                        f"commands.kinematics: {subscription.topic_name} comes from more than one "
                        f"publisher ({listed(names, 5)}): remap robot_description to the right one"
                    )
                return str(found[0].data)
            time.sleep(0.02)
        raise ConfigError(
            f"commands.kinematics: no URDF arrived on {subscription.topic_name} within "
            f"{PATIENCE:g} s: {silence.why()}. Start robot_state_publisher, or remap "
            "robot_description to the topic of a publisher that keeps its message (transient "
            "local), or name a file"
        )
    finally:
        node.destroy_subscription(subscription)
