"""Goal images from the simulator."""

from __future__ import annotations

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from wm_planner_msgs.srv import SampleGoal

from wm_planner.ros.image_reader import ImageReader
from wm_planner_sim.calls import ClientError, call


class GoalSampler:
    """Asks the simulator for goal images, in an executor of its own.

    A process has at most one, which its clients share: the responses hold images, and a process
    must not read those reliably twice (``wm_planner.ros.image_reader``).

    Raises:
        ImageReaderError: There is one in this process.

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

    def sample(self, seed: int) -> tuple[Image, NDArray[np.float64]]:
        """Return a goal image and the gripper's position (3,) [m] in it."""
        answer = call(self._client, SampleGoal.Request(seed=seed), self._executor)
        if not answer.success:
            raise ClientError(f"the simulator gave no goal: {answer.message}")
        p = answer.pose.pose.position
        return answer.image, np.array([p.x, p.y, p.z])

    def close(self) -> None:
        """End its node."""
        self._executor.shutdown()
        self.node.destroy_node()
        self._reader.close()
