"""The only publisher of commands, and what is known about their receiver."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.topic_endpoint_info import TopicEndpointInfo

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config import CommandsConfig
from wm_planner.control.controller_rules import Sender
from wm_planner.control.receiver import no_halt
from wm_planner.ros import log
from wm_planner.ros.command_messages import CommandMessages
from wm_planner.ros.controller_check import ControllerCheck
from wm_planner.ros.gripper_output import GripperOutput
from wm_planner.ros.publishers import UNKNOWN, full_name, publisher_names
from wm_planner.ros.qos import on_incompatible_subscription
from wm_planner.text import listed
from wm_planner.types import Command

TOOL = "_ros2cli"  # beginning of the names of ros2 topic's nodes, which follow no commands


class CommandOutput:
    """Publishes commands, and watches the other publishers, the subscribers and the controller.

    In shadow mode it publishes them on ``~/shadow_command``, and nothing about receivers stops or
    refuses a goal, because nobody follows the commands.

    Args:
        node: Carries the publisher.
        config: Message type, topic, and reactions to problems of the topic.
        joints: Names of the commanded joints; empty for Cartesian commands.
        frame: Frame of the actions.
        max_speed: ``limits.max_speed`` [m/s].
        max_angular_speed: ``limits.max_angular_speed`` [rad/s]; 0: the hand does not turn.
        gripper: Sends the commands to the gripper.
    """

    def __init__(
        self,
        node: Node,
        config: CommandsConfig,
        joints: Sequence[str],
        frame: str,
        max_speed: float,
        max_angular_speed: float = 0.0,
        gripper: GripperOutput | None = None,
    ) -> None:
        self._node, self._config, self._gripper = node, config, gripper
        self._messages = CommandMessages(config, joints, frame)
        self._incompatible, frame = "", config.frame or frame
        sender = Sender(config, tuple(joints), frame, max_speed, max_angular_speed)
        self._controller = ControllerCheck(node, sender)
        self._no_halt = "" if config.shadow else no_halt(config)
        if self._no_halt:
            log.warning(node, self._no_halt)
        # Depth 1: a command that could not be sent in time is replaced by the next.
        self._publisher = node.create_publisher(
            self._messages.type,
            "~/shadow_command" if config.shadow else config.topic,
            QoSProfile(depth=1),
            event_callbacks=on_incompatible_subscription(
                lambda: self._publisher.topic_name, self._report
            ),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def close(self) -> None:
        """Stop publishing."""
        self._controller.close()
        self._node.destroy_publisher(self._publisher)

    def watch(self) -> None:
        """Ask the controller if it has appeared; called several times a second."""
        name = self._controller.name
        readers = self._readers() if name else []
        gids = {bytes(r.endpoint_gid) for r in readers if full_name(r) == name}
        self._controller.watch(gids)

    def publish(self, command: Command) -> None:
        """Send a command."""
        stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(self._messages.write(command, stamp))
        if self._gripper and command.grip:
            self._gripper.send(command.grip)

    @property
    def other_publisher(self) -> str:
        """A sentence if another node publishes on the topic of arm or gripper, else empty."""
        arm, gripper = self._publisher.topic_name, self._gripper.topic if self._gripper else ""
        if self._config.shadow:
            return ""
        if not gripper or gripper == arm:  # e.g. Isaac Sim takes both on one topic
            return self._others(arm, 2 if gripper else 1)
        return self._others(arm, 1) or self._others(gripper, 1)

    def _others(self, topic: str, own: int) -> str:
        """Return that a topic has more publishers than this node's, or an empty string."""
        if self._node.count_publishers(topic) <= own:
            return ""
        names = publisher_names(self._node, topic) - {self._node.get_fully_qualified_name()}
        who = ", ".join(sorted(names)) or "a node of the same name"
        return (
            f"{who} also publishes on {topic}: end one of the two publishers, or give the planner "
            "its own topic (commands.topic, gripper.topic)"
        )

    @property
    def no_subscriber(self) -> str:
        """A sentence if the topic has no subscriber, else an empty string."""
        if self._config.shadow or self._publisher.get_subscription_count():
            return ""
        return (
            f"nobody subscribes to {self._publisher.topic_name}: is the arm's controller running, "
            "and does it read this topic?"
        )

    @property
    def wrong_receiver(self) -> str:
        """A sentence if others read the commands than the controller that was asked, else empty.

        Others beside the controller may be recorders or viewers.
        """
        if self._config.shadow or not (asked := self._controller.name):
            return ""
        names = {
            "a node without a name" if reader.node_name == UNKNOWN else full_name(reader)
            for reader in self._readers()
            if not reader.node_name.startswith(TOOL)
        }
        if not names or asked in names:
            return ""
        return (
            f"commands.controller is {asked}, but it does not read the commands on "
            f"{self._publisher.topic_name}; {listed(sorted(names), 3)} does, and nobody asked what "
            "they mean there: set commands.controller to the node that moves the arm, or choose "
            "its profile, or set commands.topic to the topic of this controller"
        )

    @property
    def stops(self) -> str:
        """Why a goal under way must end, or an empty string."""
        if self._config.shadow:
            return ""
        other = self.other_publisher if self._config.other_publisher == "stop" else ""
        kind = COMMAND_TYPES[self._config.type]
        named = kind.joints and not kind.anonymous  # any receiver checks the names of the joints
        return other or ("" if named else self.wrong_receiver) or self._controller.stops

    @property
    def refuses(self) -> str:
        """Why no goal may begin, or an empty string."""
        if self._config.shadow:
            return ""
        missing = self.no_subscriber if self._config.no_subscriber == "refuse" else ""
        return self.stops or missing or self._untold

    @property
    def _untold(self) -> str:
        """That nobody has said how the receiver takes bare numbers, or an empty string."""
        config, controller = self._config, self._controller
        if not COMMAND_TYPES[config.type].anonymous:
            return ""
        if config.space == "joints" and not (config.receiver_joints or controller.has_told_joints):
            return (
                f"the controller {config.controller} has not told its joints: is it running under "
                "this name (commands.controller)? Or set commands.receiver_joints to its joints, "
                "in its order"
            )
        if config.space == "cartesian" and controller.name and not controller.answered:
            return (
                f"the controller {config.controller} has not told that it takes no joints: is it "
                "running under this name (commands.controller)?"
            )
        return ""

    @property
    def problems(self) -> list[str]:
        """Sentences for the diagnostics."""
        return [
            text
            for text in (
                self.other_publisher,
                self.no_subscriber,
                self._incompatible,
                self.wrong_receiver,
                self._controller.stops,
                *self._controller.warnings,
                self._untold,
                self._no_halt,
                self._gripper.problem if self._gripper else "",
            )
            if text
        ]

    def _readers(self) -> list[TopicEndpointInfo]:
        """Return the subscriptions to the commands; takes 0.1 ms."""
        return self._node.get_subscriptions_info_by_topic(self._publisher.topic_name)

    def _report(self, problem: str) -> None:
        self._incompatible = problem
        log.warning(self._node, problem)
