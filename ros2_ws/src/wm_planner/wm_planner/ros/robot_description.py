"""The arm's kinematics from the URDF that ``commands.kinematics`` names."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from wm_planner.config import Config, ConfigError
from wm_planner.explain import explain
from wm_planner.files.regular import read_regular
from wm_planner.kinematics import MAX_URDF, Arm, KinematicsError
from wm_planner.ros.publishers import publisher_names
from wm_planner.ros.silence import Silence
from wm_planner.text import listed, one_line

TOPIC = "robot_description"
MAX_MESH = 10_000_000  # [bytes]
PATIENCE = 5.0  # [s] to wait for the topic, whose publisher keeps the message


def read_arm(
    node: Node, settings: Config, frame: str, interrupted: Callable[[], bool]
) -> Arm | None:
    """Return the arm of ``commands.kinematics``; None if it is not set.

    Args:
        node: Subscribes to ``robot_description``.
        settings: The URDF, and its links.
        frame: The frame of the actions.
        interrupted: Returns whether to give up waiting.

    Raises:
        ConfigError: No URDF arrives on the topic or can be read from the file, or it has no such
            arm.
    """
    config, source = settings.commands, settings.commands.kinematics
    if not source:
        if (config.base or config.tip) and settings.inputs.pose != "tf":
            raise ConfigError(
                "commands.base and commands.tip name links of a URDF, but commands.kinematics is "
                "not set: set it to robot_description or to the file of the arm's URDF, or "
                "inputs.pose to tf"
            )
        return None
    try:
        if source == TOPIC:
            text, find = _heard(node, interrupted), read_mesh
        else:
            text = read_regular(source, MAX_URDF).decode()
            find = partial(read_mesh, folder=Path(source).parent)
        return Arm(text, config.base or frame, config.tip, find)
    except (OSError, UnicodeDecodeError, KinematicsError) as error:
        why = explain(error) if isinstance(error, OSError) else str(error)
        raise ConfigError(f"commands.kinematics {one_line(source, 300)}: {why}") from error


def read_mesh(name: str, folder: Path | None = None) -> bytes:
    """Return the content of the file that a URDF names as a mesh.

    Args:
        name: ``package://`` and a path in the share directory of a package, ``file://`` and a path,
            or a path from the folder of the URDF.
        folder: The folder of the URDF; None if it came by a topic.

    Raises:
        OSError: The package is not installed, the name is none of these, or there is no such file
            of at most ``MAX_MESH`` bytes.
    """
    kind, _, rest = name.rpartition("://")
    package, _, inside = rest.partition("/")
    if kind == "package":
        try:
            folder, rest = Path(get_package_share_directory(package)), inside.lstrip("/")
        except (LookupError, ValueError) as error:
            why = "its package is not installed on this machine, or not sourced"
            raise FileNotFoundError(errno.ENOENT, why, name) from error
    elif kind == "file":
        folder = Path("/")
    if kind not in ("", "package", "file") or folder is None or ".." in Path(rest).parts:
        why = "a mesh is named by package://, file:// or its path from the folder of the URDF"
        raise OSError(errno.EINVAL, why, name)
    return read_regular(folder / rest, MAX_MESH)


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
