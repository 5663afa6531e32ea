"""``~/search``: how the search for a plan went, and which candidates it had in the end."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point
from numpy.typing import NDArray
from wm_planner_msgs.msg import Search

from wm_planner.control import GoalSession
from wm_planner.control.action_mapping import LARGEST, ActionMapping
from wm_planner.kinematics import Arm
from wm_planner.models import ModelSpec
from wm_planner.ros.ros_time import seconds_to_time
from wm_planner.text import one_line
from wm_planner.types import Vector
from wm_planner.worker import Candidates, Planned


class SearchView:
    """Turns plans into messages that tell how they were found.

    Args:
        spec: Names, frame and frameskip of the actions.
        actions: Turns actions into a path.
        arm: The arm's kinematics; without them there are no paths of plans of joints.
    """

    def __init__(self, spec: ModelSpec, actions: ActionMapping, arm: Arm | None) -> None:
        self._spec, self._actions, self._arm = spec, actions, arm

    def message(self, session: GoalSession, plan: Planned, start: Vector) -> Search:
        """Return the message on a plan with candidates; all of its numbers are finite.

        Args:
            session: The goal under way.
            plan: A usable plan, see ``ActionMapping.unusable``.
            start: The commanded point (n,) of a ``CommandSpace`` where it starts.
        """
        spec, found = self._spec, plan.candidates
        assert found is not None
        message = Search(goal_index=session.index, goal_count=session.count)
        message.header.stamp = seconds_to_time(plan.stamp)
        message.header.frame_id = spec.action.frame
        message.distance = plan.distance
        message.cost_history = [cost for cost in plan.cost_history if np.isfinite(cost)]
        message.stop_reason = one_line(plan.stop_reason)
        message.action_names = list(spec.action.names)
        message.actions = plan.actions.ravel().tolist()
        message.horizon, message.frameskip = len(plan.actions), spec.frameskip
        if found.deviations.shape == plan.actions.shape and np.isfinite(found.deviations).all():
            message.deviations = found.deviations.ravel().tolist()
        usable = _usable(found, plan)
        message.candidate_costs = found.costs[usable].tolist()
        points = self._points(np.concatenate([plan.actions[None], found.actions[usable]]), start)
        message.path, message.candidates = _messages(points[:1]), _messages(points[1:])
        return message

    def _points(self, plans: Vector, start: Vector) -> Vector:
        """Return the path of the tip (C, points, 3) [m] by each plan, no points if unknown."""
        joints = self._actions.command.joints
        if joints and self._arm is None:
            return np.empty((len(plans), 0, 3))
        after = self._actions.positions(plans, start)
        first = np.broadcast_to(start[: after.shape[-1]], (len(plans), 1, after.shape[-1]))
        paths = np.concatenate([first, after], axis=1)
        if self._arm is None or not joints:
            return paths
        order = [joints.index(name) for name in self._arm.joints]
        return np.array([[self._arm.pose(p)[:3] for p in path] for path in paths[..., order]])


def _usable(found: Candidates, plan: Planned) -> NDArray[np.bool_]:
    """Return which candidates (C,) can be shown beside a plan."""
    if found.actions.shape != (*found.costs.shape, *plan.actions.shape):
        return np.zeros(len(found.costs), bool)
    sizes = np.abs(found.actions).max(axis=(1, 2), initial=0.0)
    return np.isfinite(found.costs) & (sizes <= LARGEST)


def _messages(points: Vector) -> list[Point]:
    return [Point(x=x, y=y, z=z) for x, y, z in points.reshape(-1, 3).tolist()]
