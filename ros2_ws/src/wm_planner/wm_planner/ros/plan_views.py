"""``~/plan``, ``~/imagined``, ``~/search`` and ``~/goal``: what the planner thinks."""

from __future__ import annotations

import math

import numpy as np
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from rclpy.node import Node
from sensor_msgs.msg import Image
from wm_planner_msgs.msg import Search

from wm_planner.control import ControlLoop, GoalSession
from wm_planner.control.action_mapping import ActionMapping
from wm_planner.control.plan_requests import PlanRequests
from wm_planner.kinematics import Arm
from wm_planner.models import ModelSpec
from wm_planner.ros import log
from wm_planner.ros.goal_view import GoalView
from wm_planner.ros.image_message import image_message
from wm_planner.ros.ros_time import seconds_to_time
from wm_planner.ros.search_view import SearchView
from wm_planner.types import Vector
from wm_planner.worker import Planned


class PlanViews:
    """Publishes plans for visualization, which costs nothing without subscribers, and the goal.

    Args:
        node: Carries the publishers.
        spec: The rate and frame of the actions, and which part of the images the model sees.
        actions: Turns actions into a path.
        arm: The arm's kinematics; without them plans of joints have no path.
    """

    def __init__(
        self, node: Node, spec: ModelSpec, actions: ActionMapping, arm: Arm | None = None
    ) -> None:
        self._node, self._spec, self._actions, self._arm = node, spec, actions, arm
        self._path = node.create_publisher(Path, "~/plan", 1)
        self._imagined = node.create_publisher(Image, "~/imagined", 1)
        self._search = node.create_publisher(Search, "~/search", 1)
        self._search_view = SearchView(spec, actions, arm)
        self._goal_view = GoalView(node, spec)
        self._decode_error = ""

    @property
    def imagine(self) -> bool:
        """Whether imagined frames have a subscriber."""
        return bool(self._imagined.get_subscription_count() > 0)

    @property
    def explain(self) -> bool:
        """Whether the searches have a subscriber."""
        return bool(self._search.get_subscription_count() > 0)

    def close(self) -> None:
        """Destroy the publishers."""
        self._node.destroy_publisher(self._path)
        self._node.destroy_publisher(self._imagined)
        self._node.destroy_publisher(self._search)
        self._goal_view.close()

    def ask(self, requests: PlanRequests) -> None:
        """Let the next plans be requested with what is subscribed to."""
        requests.imagine, requests.explain = self.imagine, self.explain

    def pursue(self, loop: ControlLoop) -> None:
        """Publish the goal or sub-goal that the loop pursues, if it is another one."""
        self._goal_view.publish(loop.goal_id, loop.session)

    def show(self, session: GoalSession, plan: Planned, start: Vector | None) -> None:
        """Publish a plan.

        Args:
            session: The goal under way.
            plan: The plan.
            start: The commanded point (n,) of a ``CommandSpace`` where it starts; None: the arm
                follows no plan, so nothing is published.
        """
        if start is None:
            return
        if plan.decode_error and plan.decode_error != self._decode_error:
            log.warning(self._node, plan.decode_error)
        self._decode_error = plan.decode_error
        known = self._arm or not self._actions.command.joints
        if known and self._path.get_subscription_count():
            self._path.publish(self._path_of(plan, start))
        if plan.imagined is not None and self.imagine:
            message = image_message(plan.imagined)
            message.header.stamp = seconds_to_time(plan.stamp)
            self._imagined.publish(message)
        if session.outcome is None:  # the arm does not follow the plan that ends a goal
            self._show_search(session, plan, start)

    def _show_search(self, session: GoalSession, plan: Planned, start: Vector) -> None:
        if plan.candidates is None or not self.explain or not math.isfinite(plan.distance):
            return
        try:
            self._search.publish(self._search_view.message(session, plan, start))
        except Exception as error:  # the plan is followed even if it cannot be explained
            log.warning(self._node, f"the search cannot be published on ~/search: {error!r}")

    def _path_of(self, plan: Planned, start: Vector) -> Path:
        path = Path()
        path.header.stamp = seconds_to_time(plan.stamp)
        path.header.frame_id = self._spec.action.frame
        points = np.vstack([start, self._actions.path(plan.actions, start)])
        if self._arm and (joints := self._actions.command.joints):
            order = [joints.index(name) for name in self._arm.joints]
            points = np.array([self._arm.pose(point[order]) for point in points])
        for i, point in enumerate(points.tolist()):
            pose = PoseStamped()
            pose.header.stamp = seconds_to_time(plan.stamp + i * self._actions.step_time)
            pose.header.frame_id = path.header.frame_id
            p, q = pose.pose.position, pose.pose.orientation
            p.x, p.y, p.z, q.x, q.y, q.z, q.w = point
            path.poses.append(pose)
        return path
