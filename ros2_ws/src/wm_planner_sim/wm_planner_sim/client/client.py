"""A client of the planner and the simulator that sends goals and records how they go."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_msgs.msg import UInt32
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus
from wm_planner_msgs.srv import Plan, ResetScene

from wm_planner.ros.image_reader import ImageSubscription
from wm_planner.ros.qos import sensor_data_qos
from wm_planner.types import Vector
from wm_planner_sim.client.calls import LOOK, LOST, TIMEOUT, ClientError, call, spin, wait
from wm_planner_sim.client.episode import Episode
from wm_planner_sim.client.goal_sampler import GoalSampler
from wm_planner_sim.client.processes import ManagedProcess
from wm_planner_sim.simulator.messages import seconds

START_TIMEOUT = 150.0  # [s] to load torch and the model from a cold disk; below pytest's timeout
AT_REST = 0.5  # [s] by the stamps of the poses, in which a resting gripper moves less than RESTING
RESTING = 1e-3  # [m], or of a quaternion


class Client(Node):
    """A node that calls the simulator and a planner; each call spins the node's executor.

    Args:
        planner: Name of the planner's node.
        sampler: Source of goal images; by default one of its own.
    """

    def __init__(self, planner: str = "wm_planner", sampler: GoalSampler | None = None) -> None:
        super().__init__("goal_client")
        self._owns_sampler = sampler is None
        self._sampler = sampler or GoalSampler()
        self.image: Image | None = None
        self.position: Vector | None = None  # of the gripper (3,) [m]
        self.orientation: Vector | None = None  # of the gripper, quaternion (x, y, z, w)
        self.pose_time = math.nan  # [s]
        self._scored: Vector | None = None  # what the task is scored by (3,) [m]
        self._images = self._poses = self._scores = 0  # received
        self.reflexes: int | None = None  # how often limits of the arm have stopped it
        self.status: PlanStatus | None = None
        self.rejection: PlanStatus | None = None
        self.on_image: Callable[[Image], None] = lambda message: None
        self.on_status: Callable[[PlanStatus], None] = lambda message: None
        self._camera = ImageSubscription(self, Image, "rgb", self._on_image, sensor_data_qos())
        self.create_subscription(PoseStamped, "current_pose", self._on_pose, sensor_data_qos())
        scored = "sim/scored_pose"
        self.create_subscription(PoseStamped, scored, self._on_scored, sensor_data_qos())
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(PlanStatus, f"{planner}/status", self._on_status, latched)
        self.create_subscription(UInt32, "sim/reflexes", self._on_reflexes, latched)
        self._planner = planner
        self._imagined: ImageSubscription | None = None
        self._reset = self.create_client(ResetScene, "sim/reset")
        self._plan = self.create_client(Plan, f"{planner}/plan_once")
        self._get_state = self.create_client(GetState, f"{planner}/get_state")
        self._change_state = self.create_client(ChangeState, f"{planner}/change_state")
        self._set_parameters = self.create_client(SetParameters, f"{planner}/set_parameters")
        self._reach = ActionClient(self, ReachGoal, f"{planner}/reach_goal")

    def watch_imagined(self, on_imagined: Callable[[Image], None]) -> None:
        """Let the planner decode what it imagines, and take the frames of every plan."""
        topic = f"{self._planner}/imagined"
        self._imagined = ImageSubscription(self, Image, topic, on_imagined, sensor_data_qos())

    def watch(self, what: str, process: ManagedProcess) -> None:
        """From now on, let whatever waits raise a ``ClientError`` once a process has ended."""
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        for node in [self, self._sampler.node] if self._owns_sampler else [self]:
            node.create_timer(LOOK, lambda: process.check(what), clock=clock)

    def spin_for(self, seconds: float) -> None:
        """Handle messages for a time [s]."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.executor.spin_once(timeout_sec=left)

    def spin_until(self, done: Callable[[], Any], timeout: float = TIMEOUT) -> None:
        """Handle messages until a condition holds.

        Raises:
            ClientError: It does not hold within the time [s].
        """
        until = time.monotonic() + timeout
        while not done():
            if time.monotonic() > until:
                said = self.status.message if self.status else "nothing"
                raise ClientError(
                    f"what was waited for did not happen within {timeout:.0f} s; "
                    f"the planner's status: {said}"
                )
            self.spin_for(0.02)

    def settle(self, timeout: float = TIMEOUT) -> None:
        """Wait until the gripper rests, by the stamps of its measured poses.

        Raises:
            ClientError: It still moves, or no pose comes, after this time [s].
        """
        since, place = math.nan, np.full(7, math.nan)

        def rests() -> bool:
            nonlocal since, place
            if self.position is None or self.orientation is None:
                return False
            pose = np.concatenate([self.position, self.orientation])
            if not np.linalg.norm(pose - place) < RESTING:
                since, place = self.pose_time, pose
            return self.pose_time - since >= AT_REST

        self.spin_until(rests, timeout)

    def wait_active(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until images come and the planner is active and receives its inputs.

        Raises:
            ClientError: They do not within the time [s], or the planner cannot be configured.
        """
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            self.spin_for(0.2)
            if self.status and self.status.message.startswith("not configured:"):
                raise ClientError(f"the planner is {self.status.message}")
            heard = self.status is not None and self.status.inputs_ready
            if self.image is None or not heard or not self._get_state.service_is_ready():
                continue
            asked = self._get_state.call_async(GetState.Request())
            # A response can be lost while the middleware still matches both ends: ask again.
            answered = spin(self.executor, asked.done, 2.0)
            if answered and asked.result().current_state.id == State.PRIMARY_STATE_ACTIVE:
                return
        missing = "the camera (rgb)" if self.image is None else "the planner"
        warnings = "; ".join(self.status.warnings) if self.status else ""
        raise ClientError(
            f"{missing} is not ready after {timeout:.0f} s: {warnings or 'see its output above'}"
        )

    def use_preset(self, preset: str) -> None:
        """Clean the planner up, change its preset and size, and configure and activate it again."""
        down = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
        for transition in down:
            self.transition(transition)
        values = {"num_samples": 0, "iterations": 0, "num_elites": 0, "preset": preset}
        parameters = [
            Parameter(f"planning.{name}", value=value).to_parameter_msg()
            for name, value in values.items()
        ]
        answer = self._call(self._set_parameters, SetParameters.Request(parameters=parameters))
        for result in answer.results:
            if not result.successful:
                raise ClientError(f"planning.preset={preset} was refused: {result.reason}")
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            self.transition(transition)

    def reset(self, seed: int) -> None:
        """Put the scene into the start state of a seed and wait for an image of it."""
        answer = self._call(self._reset, ResetScene.Request(seed=seed))
        if not answer.success:
            raise ClientError(f"the simulator refused to reset: {answer.message}")
        # One of each may have been on its way before the reset.
        images, poses, scores = self._images + 2, self._poses + 2, self._scores + 2
        self.spin_until(
            lambda: self._images >= images and self._poses >= poses and self._scores >= scores
        )

    def sample_goal(self, seed: int) -> tuple[Image, Vector]:
        """Return a goal image and its position (3,) [m], for scoring."""
        images, position = self._sampler.sample(seed)
        return images[-1], position

    def sample_goals(self, seed: int) -> tuple[list[Image], Vector]:
        """Return the images of the sub-goals and of the goal, and the goal's position (3,) [m]."""
        return self._sampler.sample(seed)

    def plan_once(self, goal: Image, preset: str) -> Any:
        """Return one plan from the latest image; nothing moves."""
        request = Plan.Request(
            start=Goal(images=[self.image]), goal=Goal(images=[goal]), preset=preset, seed=-1
        )
        answer = self._call(self._plan, request)
        if not answer.success:
            raise ClientError(f"no plan with preset {preset}: {answer.message}")
        return answer

    def reach(
        self,
        seed: int,
        goal: Image,
        position: Vector,
        timeout: float,
        on_step: Callable[[Episode], None] = lambda episode: None,
        *,
        sub_goals: Sequence[Image] = (),
    ) -> Episode:
        """Send a goal and wait for its end.

        Args:
            seed: Recorded in the episode.
            goal: The goal image.
            position: Position of the goal (3,) [m], for scoring; the planner does not get it.
            timeout: Simulated time allowed [s].
            on_step: Called after every step.
            sub_goals: Images on the way, in their order.
        """
        episode = Episode(seed, self.distance(position))
        episode.heights.append(self._height)

        def on_feedback(message: Any) -> None:
            step = message.feedback
            episode.latent_distances.append(step.distance)
            episode.costs.append(step.cost_last)
            episode.plan_times.append(step.plan_time)
            episode.distances.append(self.distance(position))
            episode.heights.append(self._height)
            episode.goal_index = step.goal_index
            on_step(episode)

        between = [Goal(images=[image]) for image in sub_goals]
        request = ReachGoal.Goal(goal=Goal(images=[goal]), sub_goals=between)
        handle = self.send(request, timeout, on_feedback)
        if not handle.accepted:
            episode.message = self.rejection.message if self.rejection else "rejected"
            return episode
        # Simulated time may be slow on a busy machine; the planner itself ends each goal.
        answer = self.result(handle, 20 * timeout + 60)
        with contextlib.suppress(ClientError):  # if the simulator is lost, its last pose counts
            self.settle(LOST)
        episode.error_code = answer.result.error_code
        episode.message = answer.result.error_msg
        episode.steps = answer.result.steps
        episode.elapsed = answer.result.elapsed.sec + answer.result.elapsed.nanosec * 1e-9
        episode.final_distance = self.distance(position)
        episode.heights.append(self._height)
        episode.goals_reached = answer.result.goals_reached
        return episode

    def send(
        self,
        goal: Any,
        timeout: float,
        on_feedback: Callable[[Any], None] | None = None,
    ) -> Any:
        """Send a ``ReachGoal`` goal and return its handle; if rejected, ``rejection`` says why."""
        self.rejection = None
        goal.timeout.sec, goal.timeout.nanosec = int(timeout), int(timeout % 1 * 1e9)
        if not spin(self.executor, self._reach.server_is_ready, TIMEOUT):
            raise ClientError("the planner offers no reach_goal action")
        sent = self._reach.send_goal_async(goal, on_feedback)
        # A response can be lost while the middleware still matches both ends.
        if not spin(self.executor, sent.done, LOST):
            sent = self._reach.send_goal_async(goal, on_feedback)
        handle = self._wait(sent, TIMEOUT)
        until = time.monotonic() + TIMEOUT
        while not handle.accepted and self.rejection is None and time.monotonic() < until:
            self.spin_for(0.05)
        return handle

    def result(self, handle: Any, timeout: float = TIMEOUT) -> Any:
        """Return the status and result of an accepted goal."""
        return self._wait(handle.get_result_async(), timeout)

    def cancel(self, handle: Any) -> Any:
        """Cancel a goal."""
        return self._wait(handle.cancel_goal_async(), TIMEOUT)

    def distance(self, position: Vector) -> float:
        """Return the true distance to a goal's position [m]: in ``reach``, the gripper's."""
        if self._scored is None:
            raise ClientError("the simulator publishes no sim/scored_pose: is it running?")
        return float(np.linalg.norm(self._scored - position))

    @property
    def _height(self) -> float:
        """Height of what the task is scored by [m]."""
        return math.nan if self._scored is None else float(self._scored[2])

    def transition(self, transition: int) -> None:
        """Take the planner through a lifecycle transition."""
        request = ChangeState.Request(transition=Transition(id=transition))
        if not self._call(self._change_state, request, START_TIMEOUT, again=False).success:
            raise ClientError(f"lifecycle transition {transition} failed: see the planner's output")

    def destroy_node(self) -> None:
        """Destroy the node with its subscriptions and its sampler."""
        self._camera.close()
        if self._imagined:
            self._imagined.close()
        if self._owns_sampler:
            self._sampler.close()
        super().destroy_node()

    def _call(
        self, client: Any, request: Any, timeout: float = TIMEOUT, *, again: bool = True
    ) -> Any:
        return call(client, request, self.executor, timeout, again=again)

    def _wait(self, future: Future, timeout: float, what: str = "the planner") -> Any:
        return wait(future, self.executor, timeout, what)

    def _on_image(self, message: Image) -> None:
        self._images += 1
        self.image = message
        self.on_image(message)

    def _on_pose(self, message: PoseStamped) -> None:
        self._poses += 1
        self.position = _position(message)
        q = message.pose.orientation
        self.orientation = np.array([q.x, q.y, q.z, q.w])
        self.pose_time = seconds(message.header.stamp)

    def _on_scored(self, message: PoseStamped) -> None:
        self._scores += 1
        self._scored = _position(message)

    def _on_reflexes(self, message: UInt32) -> None:
        self.reflexes = message.data

    def _on_status(self, message: PlanStatus) -> None:
        self.status = message
        if message.message.startswith("goal rejected:"):
            self.rejection = message
        self.on_status(message)


def _position(message: PoseStamped) -> Vector:
    p = message.pose.position
    return np.array([p.x, p.y, p.z])
