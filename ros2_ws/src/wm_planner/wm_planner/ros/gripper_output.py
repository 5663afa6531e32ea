"""The only sender of commands to the gripper."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Protocol

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from wm_planner.config import ConfigError, GripperConfig, LimitsConfig
from wm_planner.text import one_line
from wm_planner.types import Grip

ANSWER = 5.0  # [s] after which a goal without an answer is sent again


class GripperOutput(Protocol):
    """Sends what the gripper is commanded.

    Attributes:
        topic: Full name of the topic that it publishes on; empty for actions.
    """

    topic: str

    def send(self, grip: Grip) -> None:
        """Send a command; called at the rate of the commands while the arm follows a plan."""

    @property
    def problem(self) -> str:
        """Why the gripper does not follow, as a sentence, or an empty string."""

    def close(self) -> None:
        """Stop sending; the gripper stays as it is."""


def gripper_output(
    node: Node, config: GripperConfig, limits: Callable[[], LimitsConfig]
) -> GripperOutput:
    """Return the output that the settings choose.

    Args:
        node: Carries the publisher or the client.
        config: The gripper's settings.
        limits: Returns the present limits of force and speed.

    Raises:
        ConfigError: control_msgs is not installed, which the actions need.
    """
    if config.type in ACTIONS:
        return ActionOutput(node, config, limits)
    return TopicOutput(node, config)


class TopicOutput:
    """Publishes the width at the rate of the commands, as a number or as positions of joints.

    Args:
        node: Carries the publisher.
        config: Type, topic, joints and scale.

    Attributes:
        topic: Full name of the topic.
    """

    def __init__(self, node: Node, config: GripperConfig) -> None:
        self._node, self._config = node, config
        self._kind = JointState if config.type == "joint_state" else Float64MultiArray
        self._publisher = node.create_publisher(
            self._kind,
            config.topic,
            QoSProfile(depth=1),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self.topic = self._publisher.topic_name

    def send(self, grip: Grip) -> None:
        """Publish the present width."""
        position = position_of(grip.width, self._config)
        if self._kind is Float64MultiArray:
            self._publisher.publish(Float64MultiArray(data=[position]))
            return
        joints = self._config.joints
        message = JointState(name=list(joints), position=[position] * len(joints))
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    @property
    def problem(self) -> str:
        """That nobody subscribes, as a sentence, or an empty string."""
        if self._publisher.get_subscription_count():
            return ""
        return (
            f"nobody subscribes to {self.topic}: is the gripper's controller running, and does it "
            "read this topic (gripper.topic)?"
        )

    def close(self) -> None:
        """Stop publishing."""
        self._node.destroy_publisher(self._publisher)


class ActionOutput:
    """Sends a goal when the width changes, of an action of control_msgs.

    A goal replaces the one before it. It is sent once for a width, unless its server rejected it,
    did not answer within ``ANSWER``, or was away in the meantime.

    Args:
        node: Carries the client.
        config: Type, action, joints, scale, force, tolerance and period.
        limits: Returns the present limits of force and speed.

    Raises:
        ConfigError: control_msgs is not installed, or lacks the action.
    """

    topic = ""

    def __init__(
        self, node: Node, config: GripperConfig, limits: Callable[[], LimitsConfig]
    ) -> None:
        self._config, self._limits = config, limits
        self._kind = find_action(config.type)
        self._client = ActionClient(node, self._kind, config.topic)
        self._name = node.resolve_topic_name(config.topic)
        self._sent, self._when = math.nan, -math.inf  # width of the last goal [m], and when [s]
        self._number, self._answered, self._refused = 0, True, ""

    def send(self, grip: Grip) -> None:
        """Send a goal if its width differs from the last goal's."""
        steady = time.monotonic()
        if steady - self._when < self._config.period:
            return
        ready = self._client.server_is_ready()
        if not ready or (not self._answered and steady - self._when > ANSWER):
            self._sent = math.nan  # the gripper may have forgotten the goal, or never got it
        if not ready or abs(grip.target - self._sent) <= self._config.tolerance:
            return
        self._when, self._sent = steady, grip.target
        self._number, self._answered = self._number + 1, False
        goal = self._kind.Goal()
        ACTIONS[self._config.type](goal, grip.target, self._config, self._limits())
        answer = partial(self._on_answer, self._number)
        self._client.send_goal_async(goal).add_done_callback(answer)

    @property
    def problem(self) -> str:
        """That there is no server, or that it rejected or aborted a goal, as a sentence."""
        if not self._client.server_is_ready():
            return (
                f"there is no action server {self._name}: is the gripper's driver running, and is "
                "gripper.topic the name of its action?"
            )
        return self._refused

    def close(self) -> None:
        """Send no more; the gripper stays as it is."""
        self._client.destroy()

    def _on_answer(self, number: int, future: Any) -> None:
        if number != self._number:
            return  # another goal has replaced it
        self._answered, self._refused, why = True, "", "it was rejected"
        try:
            if (handle := future.result()).accepted:
                ending = partial(self._on_end, number)
                handle.get_result_async().add_done_callback(ending)
                return
        except Exception as error:  # of the middleware; the arm goes on
            why = one_line(repr(error))
        self._sent = math.nan
        self._refused = f"the gripper {self._name} did not take a goal: {why}"

    def _on_end(self, number: int, future: Any) -> None:
        if number != self._number or future.exception():
            return
        if future.result().status == GoalStatus.STATUS_ABORTED:
            self._refused = (
                f"the gripper {self._name} aborted a goal: it holds something, or it cannot go to "
                "this width (limits.gripper_min, gripper_max)"
            )


def position_of(width: float, config: GripperConfig) -> float:
    """Return the position [m or rad] that the gripper takes for a width [m]."""
    return config.offset + config.scale * width


def find_action(name: str) -> Any:
    """Return the type of an action of control_msgs.

    Raises:
        ConfigError: It is not installed.
    """
    kind = "".join(word.title() for word in name.split("_"))
    try:
        return getattr(import_module("control_msgs.action"), kind)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"gripper.type {name} needs {kind} of the package control_msgs ({error}): install it, "
            "e.g. with `sudo apt install ros-jazzy-control-msgs`"
        ) from error


def _fill_gripper_command(
    goal: Any, width: float, config: GripperConfig, limits: LimitsConfig
) -> None:
    goal.command.position = position_of(width, config)
    goal.command.max_effort = min(config.force, limits.max_gripper_force)


def _fill_parallel_gripper_command(
    goal: Any, width: float, config: GripperConfig, limits: LimitsConfig
) -> None:
    command = goal.command
    command.name = list(config.joints)
    command.position = [position_of(width, config)]
    command.velocity = [abs(config.scale) * limits.max_gripper_speed]
    command.effort = [min(config.force, limits.max_gripper_force)]


ACTIONS = {
    "gripper_command": _fill_gripper_command,
    "parallel_gripper_command": _fill_parallel_gripper_command,
}
"""How a goal of each type is filled."""
