"""Everything the node perceives: observations and measured poses, and who sends them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from rclpy.node import Node

from wm_planner.config import Config, ConfigError
from wm_planner.control import ErrorCode, Refused
from wm_planner.control.permission import Permission
from wm_planner.kinematics import Arm
from wm_planner.models import ModelSpec
from wm_planner.models.spec import CommandMapping
from wm_planner.ros.commanded_joints import ArmInput, JointInput
from wm_planner.ros.contact_inputs import ContactInputs
from wm_planner.ros.enable_input import EnableInput
from wm_planner.ros.end_effector import EndEffectorInput
from wm_planner.ros.gripper_input import GripperInput
from wm_planner.ros.observer import Observer
from wm_planner.ros.pose_input import PoseInput
from wm_planner.ros.publishers import PublisherWatch
from wm_planner.ros.rates import Event, Latency, RateMonitor
from wm_planner.ros.tf_input import TfInput
from wm_planner.ros.transforms import FrameChange
from wm_planner.types import Observation, Pose


class InputListener(Protocol):
    """Receives what the node perceives."""

    def on_pose(self, pose: Pose) -> None:
        """Take a measured pose."""

    def on_observation(self, observation: Observation) -> None:
        """Take an observation."""

    def on_width(self, width: float, steady: float) -> None:
        """Take a measured width of the gripper [m], and when it arrived [s, steady clock]."""

    def on_contact(self, why: str) -> None:
        """Stop the arm, because a sensor says that it touches something."""


class Inputs:
    """Subscribes to cameras, proprio, measured pose, and what must allow the arm to move.

    Args:
        node: Carries the subscriptions.
        config: All settings.
        spec: Views, proprio, and the frame of the pose.
        command: The names of the commanded joints, and whether a gripper is commanded.
        permission: Takes the operator's button and the sensors of contact.
        rates: Counts images and poses.
        listener: Receives observations, poses and contacts.
        arm: The arm's kinematics, by which joints give the pose; None if they are unknown.
    """

    def __init__(
        self,
        node: Node,
        config: Config,
        spec: ModelSpec,
        command: CommandMapping,
        permission: Permission,
        rates: RateMonitor,
        listener: InputListener,
        arm: Arm | None = None,
    ) -> None:
        self._rates, self._listener = rates, listener
        self._node, self._max_age = node, config.session.image_timeout
        self._stop = config.inputs.other_publisher == "stop"
        self._latest: tuple[Observation, float] | None = None  # and when it arrived [s, steady]
        self._frames = FrameChange(node, spec.action.frame)
        age, take = config.session.pose_timeout, self._on_pose
        self.pose: PoseInput
        if config.inputs.pose == "tf":
            self.pose = _by_tf(node, config, spec, command, take)
        elif command.joints:
            self.pose = JointInput(node, command.joints, age, take)
        elif arm:
            self.pose = ArmInput(node, arm, age, take)
        else:
            self.pose = EndEffectorInput(node, self._frames, age, take)
        try:
            self.observer = Observer(node, config, spec, self._on_observation, self._frames, arm)
        except ConfigError:
            self.pose.close()
            raise
        self.camera = self.observer.main
        self._permission, safety = permission, config.safety
        self._enable = EnableInput(node, permission.enabling) if safety.enable_timeout else None
        self._contact = ContactInputs(
            node, permission.contact, safety.sensor_timeout, listener.on_contact
        )
        measured = command.gripper and config.gripper.joints and config.gripper.type != "none"
        self._gripper = GripperInput(node, config.gripper, listener.on_width) if measured else None
        self._clock = PublisherWatch(node, node.resolve_topic_name("/clock"))

    @property
    def other_publishers(self) -> list[str]:
        """A sentence for each input that has a second publisher."""
        watches = self.observer.publishers
        watches += self._contact.publishers.values()
        if self._enable:
            watches.append(self._enable.publishers)
        if self._gripper:
            watches.append(self._gripper.publishers)
        if self._node.get_clock().ros_time_is_active:
            watches.append(self._clock)
        found = [watch.problem for watch in watches]
        found += [self.pose.second_publisher, self._frames.problem]
        return list(dict.fromkeys(filter(None, found)))

    @property
    def stops(self) -> str:
        """Why a goal under way must end and none may begin, or an empty string."""
        return next(iter(self.other_publishers), "") if self._stop else ""

    @property
    def not_allowed(self) -> list[str]:
        """What speaks against moving the arm, as sentences."""
        gripper = [self._gripper.problem] if self._gripper and self._gripper.problem else []
        return [*self._permission.problems(time.monotonic()), *self._contact.problems, *gripper]

    def close(self) -> None:
        """Unsubscribe."""
        self.observer.close()
        self.pose.close()
        self._frames.close()
        self._contact.close()
        if self._enable:
            self._enable.close()
        if self._gripper:
            self._gripper.close()

    def apply(self, config: Config) -> None:
        """Use another ``session.image_timeout`` and ``session.pose_timeout``."""
        self._max_age = config.session.image_timeout
        self.pose.max_age = config.session.pose_timeout
        self.observer.apply(config)

    def latest(self) -> Observation | None:
        """Return the newest observation, or None if it is old.

        Raises:
            Refused: An input has a second publisher, so that it may show anything.
        """
        if why := self.stops:
            raise Refused(ErrorCode.INPUT_TOPIC, why)
        if self._latest is None or time.monotonic() - self._latest[1] > self._max_age:
            return None
        return self._latest[0]

    def _on_pose(self, pose: Pose) -> None:
        self._rates.event(Event.POSES, pose.steady)
        self.observer.take(pose)
        self._listener.on_pose(pose)

    def _on_observation(self, observation: Observation) -> None:
        self._rates.event(Event.IMAGES, time.monotonic())
        self._rates.sample(Latency.TO_CALLBACK, self.camera.delay)
        self._latest = observation, self.observer.images_steady
        self._listener.on_observation(observation)


def _by_tf(
    node: Node,
    config: Config,
    spec: ModelSpec,
    command: CommandMapping,
    on_pose: Callable[[Pose], None],
) -> TfInput:
    """Return the pose by TF.

    Raises:
        ConfigError: The settings do not allow it.
    """
    if command.joints or config.commands.kinematics:
        what = "the model's actions move joints" if command.joints else "commands.kinematics is set"
        raise ConfigError(
            f"inputs.pose is tf, but {what}, so that joint_states gives the pose: leave "
            "inputs.pose empty"
        )
    commands = config.commands
    base, age = commands.base or spec.action.frame, config.session.pose_timeout
    return TfInput(node, base, commands.tip, age, on_pose)
