"""Clients that record commands, and stand between planner, camera and arm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner_sim.client.client import Client
from wm_planner_sim.client.goal_sampler import GoalSampler


class Watcher(Client):
    """A client that also records every command on the wire, and can spoil the camera.

    It relays the simulator's images to the topic ``spoiled``, as ``spoil`` changes them.
    """

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
        self._planner = planner
        self._callers: dict[str, Any] = {}
        self.commands: list[np.ndarray] = []
        self.spoil: Callable[[Image], Image | None] = lambda image: image
        self._spoiled = self.create_publisher(Image, "spoiled", QoSProfile(depth=10))
        self.on_image = self._relay
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 100)

    def ask(self, kind: Any, name: str, request: Any, *, again: bool = True) -> Any:
        """Call a service of the planner; see ``calls.call`` for ``again``."""
        return self._call(self.caller(kind, name), request, again=again)

    def caller(self, kind: Any, name: str) -> Any:
        """Return the client of a service of the planner; there is one for each service."""
        if name not in self._callers:
            self._callers[name] = self.create_client(kind, f"{self._planner}/{name}")
        return self._callers[name]

    def set_all(self, **values: Any) -> Any:
        """Set parameters, all or none; ``session__timeout`` means ``session.timeout``."""
        parameters = [
            Parameter(_dotted(name), value=value).to_parameter_msg()
            for name, value in values.items()
        ]
        request = SetParametersAtomically.Request(parameters=parameters)
        result = None

        def answered() -> bool:
            nonlocal result
            result = self.ask(SetParametersAtomically, "set_parameters_atomically", request).result
            return "coming to rest" not in result.reason

        self.spin_until(answered)
        return result

    @contextmanager
    def settings(self, **values: Any) -> Iterator[None]:
        """Set parameters during a ``with`` statement and restore them at its end."""
        request = GetParameters.Request(names=[*map(_dotted, values)])
        before = self.ask(GetParameters, "get_parameters", request)
        usual = [parameter_value_to_python(value) for value in before.values]
        try:
            self._change(values)
            yield
        finally:
            self.ask(Trigger, "stop", Trigger.Request())  # ends the goal of a test that failed
            self.ask(Trigger, "release", Trigger.Request())
            self._change(dict(zip(values, usual, strict=True)))

    def _change(self, values: dict[str, Any]) -> None:
        # rclpy refuses a call without parameters.
        assert not values or (changed := self.set_all(**values)).successful, changed.reason

    def begin(self, seed: int, timeout: float = 600.0, **fields: Any) -> Any:
        """Start a goal that no image satisfies; return its handle after its first step."""
        self.reset(seed)
        goal, _ = self.sample_goal(seed)
        fields = {"tolerance": 1e-9} | fields
        steps: list[Any] = []
        handle = self.send(
            ReachGoal.Goal(goal=Goal(images=[goal], **fields)), timeout, steps.append
        )
        assert handle.accepted, self.rejection.message
        self.spin_until(lambda: steps)
        return handle

    def wait_status(self, words: str) -> PlanStatus:
        """Wait for a status with these words; on a busy machine, others may come first."""
        self.spin_until(lambda: self.status is not None and words in self.status.message)
        return self.status

    def told_to_stay(self) -> bool:
        """Decide whether the last command repeats the one before."""
        last = self.commands[-2:]
        return len(last) == 2 and np.allclose(*last, rtol=0, atol=1e-6)

    def wait_held(self) -> None:
        """Wait until the arm rests at its last command and no more commands are published."""

        def rests() -> bool:
            count = len(self.commands)
            self.settle()
            return count == len(self.commands) and self.told_to_stay()

        self.spin_until(rests)

    def _relay(self, message: Image) -> None:
        if (spoiled := self.spoil(message)) is not None:
            self._spoiled.publish(spoiled)

    def _on_command(self, message: PoseStamped) -> None:
        p = message.pose.position
        self.commands.append(np.array([p.x, p.y, p.z]))


def _dotted(name: str) -> str:
    return name.replace("__", ".")


class Between(Watcher):
    """A watcher that also relays poses and commands between the planner and the arm.

    Attributes:
        pass_poses: Whether the planner gets the measured poses.
        pose_lag: Time by which their stamps are moved back [s].
        pass_commands: Whether the arm gets the commands.
        frozen: Pose that replaces the measured ones, None for the true ones.
    """

    def __init__(self, planner: str, sampler: GoalSampler) -> None:
        super().__init__(planner, sampler)
        self.pass_poses = self.pass_commands = True
        self.pose_lag, self.frozen = 0, None
        self._passed_pose = self.create_publisher(PoseStamped, "passed_pose", 10)
        self._passed_command = self.create_publisher(PoseStamped, "target_pose", 10)
        self.create_subscription(PoseStamped, "command_to_pass", self._pass_command, 100)

    def _on_pose(self, message: PoseStamped) -> None:
        super()._on_pose(message)
        if self.pass_poses:
            message.header.stamp.sec -= self.pose_lag
            message.pose = self.frozen or message.pose
            self.measured = message.pose
            self._passed_pose.publish(message)

    def _pass_command(self, message: PoseStamped) -> None:
        if self.pass_commands:
            self._passed_command.publish(message)
        else:
            self._on_command(message)
