"""Goal images from the simulator."""

from __future__ import annotations

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from wm_planner_msgs.srv import SampleGoal

from wm_planner.ros.image_reader import ImageReader
from wm_planner.types import Vector
from wm_planner_sim.client.calls import ClientError, call


class GoalSampler:
    """A client of the simulator's goal service, with an executor of its own.

    A process has at most one, which its other clients share, because the responses hold images and
    a process must not have two reliable readers of them (``wm_planner.ros.image_reader``).

    Raises:
        ImageReaderError: The process has one already.

    Attributes:
        node: Its node.
    """

    def __init__(self) -> None:
        self.node = rclpy.create_node("goal_sampler")
        name = self.node.resolve_service_name("sim/sample_goal")
        try:
            self._reader = ImageReader(self.node, name, reliable=True)
        except BaseException:
            self.node.destroy_node()
            raise
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._client = self.node.create_client(SampleGoal, "sim/sample_goal")

    def sample(self, seed: int) -> tuple[list[Image], Vector]:
        """Return a goal's images and position (3,) [m], for scoring.

        The images are those of its sub-goals, and the goal image as the last.
        """
        answer = call(self._client, SampleGoal.Request(seed=seed), self._executor)
        if not answer.success:
            raise ClientError(f"the simulator returned no goal: {answer.message}")
        p = answer.pose.pose.position
        return [*answer.sub_goals, answer.image], np.array([p.x, p.y, p.z])

    def close(self) -> None:
        """Destroy its node."""
        self._executor.shutdown()
        self.node.destroy_node()
        self._reader.close()
