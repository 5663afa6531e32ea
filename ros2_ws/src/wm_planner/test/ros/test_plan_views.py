"""``~/search`` tells how the search for a plan went, only while somebody listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from arms import HOME, panda
from geometry_msgs.msg import Point
from loop_rig import OBSERVATIONS, LoopRig
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from wm_planner_msgs.msg import Search

from wm_planner.config import CommandsConfig, Config
from wm_planner.control import GoalSession
from wm_planner.control.action_mapping import ActionMapping
from wm_planner.models import ModelSpec
from wm_planner.models.spec import CommandMapping, Moments
from wm_planner.ros import log
from wm_planner.ros.plan_views import PlanViews
from wm_planner.ros.search_view import SearchView
from wm_planner.types import Goal, Vector
from wm_planner.worker import Candidates, Planned

pytestmark = pytest.mark.dds
RANDOM = np.random.default_rng(3)
CANDIDATES = Candidates(
    np.array([0.5, 1.0, 2.0]), RANDOM.uniform(-0.01, 0.01, (3, 5, 3)), np.full((5, 3), 0.002)
)


class Rig(LoopRig):
    """A loop whose plans are published as the node does it, and a node that may listen."""

    def __init__(self, spec: ModelSpec, planner: Node, listener: Node) -> None:
        super().__init__(spec, Config())
        self.planner, self.listener, self.heard = planner, listener, list[Search]()
        self.views = PlanViews(planner, spec, self.loop.commander.actions)
        self.begin(*OBSERVATIONS[:2])

    def on_step(self, session: GoalSession, plan: Planned) -> None:
        super().on_step(session, plan)
        self.views.show(session, plan, self.loop.commander.plan_start)

    def plan(self, **changes: Any) -> Planned:
        """Request a plan, and follow one that has candidates if they were requested."""
        self.wait(0.1)
        self.pose()
        self.views.ask(self.loop.requests)
        self.request_plan()
        request = self.link.requests[-1]
        actions = np.full((5, 3), 0.001)
        found = CANDIDATES if request.explain else None
        goal, stamp = self.loop.goal_id, request.observation.stamp
        plan = Planned(goal, stamp, actions, 0.5, [2.0, 1.0], "done", True, 0.05)
        plan = replace(plan, **{"candidates": found, **changes})
        self.loop.on_planned(plan, self.now, self.steady)
        return plan


@pytest.fixture
def rig(spec: ModelSpec, make_node: Callable[..., Node], executor: SingleThreadedExecutor) -> Rig:
    planner, listener = make_node("planner"), make_node("listener")
    for node in (planner, listener):
        executor.add_node(node)
    return Rig(spec, planner, listener)


@pytest.fixture
def listen(
    rig: Rig, spin_until: Callable[..., None], matched: Callable[..., bool]
) -> Callable[[], Any]:
    def start() -> Any:
        subscription = rig.listener.create_subscription(
            Search, "planner/search", rig.heard.append, 10
        )
        spin_until(lambda: matched(rig.planner, rig.listener))
        return subscription

    return start


def _numbers(points: list[Point]) -> Vector:
    return np.array([[p.x, p.y, p.z] for p in points])


def test_candidates_are_requested_only_while_somebody_listens(
    rig: Rig, listen: Callable[[], Any], spin_until: Callable[..., None]
) -> None:
    rig.plan()
    subscription = listen()
    rig.plan()
    spin_until(lambda: bool(rig.heard))
    rig.listener.destroy_subscription(subscription)
    spin_until(lambda: not rig.views.explain)
    rig.plan()
    assert [request.explain for request in rig.link.requests] == [False, True, False]
    assert len(rig.heard) == 1
    assert not any(request.imagine for request in rig.link.requests)


def test_the_message_tells_how_the_search_went(
    rig: Rig, spec: ModelSpec, listen: Callable[[], Any], spin_until: Callable[..., None]
) -> None:
    listen()
    plan = rig.plan(cost_history=[np.inf, 2.0, 1.0], stop_reason="done\nwith it")
    start = rig.loop.commander.plan_start
    assert start is not None
    spin_until(lambda: bool(rig.heard))
    (found,) = rig.heard
    assert found.header.frame_id == "base"
    assert found.header.stamp.sec + found.header.stamp.nanosec * 1e-9 == pytest.approx(plan.stamp)
    assert (found.goal_index, found.goal_count, found.distance) == (0, 2, 0.5)
    assert found.cost_history.tolist() == [2.0, 1.0]
    assert found.stop_reason == "done\\nwith it"
    assert found.action_names == spec.action.names
    assert (found.horizon, found.frameskip) == (5, 1)
    np.testing.assert_array_equal(found.actions, plan.actions.ravel())
    np.testing.assert_array_equal(found.deviations, CANDIDATES.deviations.ravel())
    np.testing.assert_array_equal(found.candidate_costs, CANDIDATES.costs)
    paths = [start[:3] + np.cumsum(a, axis=0) for a in (plan.actions, *CANDIDATES.actions)]
    wanted = np.array([np.vstack([start[:3], path]) for path in paths])
    np.testing.assert_allclose(_numbers(found.path), wanted[0], atol=1e-12)
    np.testing.assert_allclose(_numbers(found.candidates), wanted[1:].reshape(-1, 3), atol=1e-12)


def test_the_goal_pursued_is_numbered_as_in_the_feedback(
    rig: Rig, listen: Callable[[], Any], spin_until: Callable[..., None]
) -> None:
    listen()
    rig.plan(distance=0.01)  # which reaches the sub-goal
    rig.plan()
    spin_until(lambda: len(rig.heard) == 2)
    assert [(m.goal_index, m.goal_count) for m in rig.heard] == [(0, 2), (1, 2)]
    assert [event for event in rig.events if event[0] == "step"] == [("step", 0), ("step", 1)]


def test_only_finite_numbers_are_sent(
    rig: Rig, listen: Callable[[], Any], spin_until: Callable[..., None]
) -> None:
    listen()
    actions, costs = CANDIDATES.actions.repeat(2, axis=0), np.arange(6.0)
    actions[0, 1, 2], actions[2, 4, 0], costs[4] = np.nan, 1e200, np.inf
    deviations = np.full((5, 3), np.nan)
    rig.plan(candidates=Candidates(costs, actions, deviations))
    rig.plan(candidates=Candidates(costs[:0], actions[:0], np.zeros((0, 3))))
    rig.plan(distance=np.nan)
    rig.plan()
    spin_until(lambda: len(rig.heard) == 3)
    some, none, whole = rig.heard
    assert some.candidate_costs.tolist() == [1.0, 3.0, 5.0]
    assert len(some.candidates) == 3 * len(some.path) == 18
    assert np.isfinite(_numbers(some.candidates)).all()
    assert (len(none.candidates), len(none.candidate_costs), len(none.path)) == (0, 0, 6)
    assert len(some.deviations) == len(none.deviations) == 0
    assert len(whole.deviations) == 15


def test_a_plan_that_the_arm_does_not_follow_is_not_explained(
    rig: Rig, listen: Callable[[], Any], spin_until: Callable[..., None]
) -> None:
    listen()
    rig.plan(learned=False)
    rig.plan(stop_reason="followed")
    spin_until(lambda: bool(rig.heard))
    assert [message.stop_reason for message in rig.heard] == ["followed"]


def test_the_plan_with_which_a_goal_is_reached_is_not_explained(
    rig: Rig, listen: Callable[[], Any], spin_until: Callable[..., None]
) -> None:
    listen()
    while rig.loop.session:  # the arm does not follow the last one
        rig.plan(distance=0.01)
    assert rig.outcome
    assert rig.outcome.reached
    rig.begin(OBSERVATIONS[0])
    rig.plan(stop_reason="of the next goal")
    spin_until(lambda: bool(rig.heard) and rig.heard[-1].stop_reason == "of the next goal")
    steps = [event for event in rig.events if event[0] == "step"]
    assert len(rig.heard) == len(steps) - 1 > 1


def test_a_search_that_cannot_be_published_ends_no_goal(
    rig: Rig, listen: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(log, "warning", lambda _, line: lines.append(line))
    listen()
    rig.plan(cost_history=["no number"])
    assert rig.loop.session
    assert rig.events[-1] == ("step", 0)
    assert ["~/search" in line for line in lines] == [True]


def _joints(spec: ModelSpec, names: list[str]) -> ModelSpec:
    """Return a spec of actions that move joints."""
    count = len(names)
    command = CommandMapping(mode="relative", position=names, joints=names)
    action = replace(
        spec.action, names=names, units=["rad"] * count, lower=[], upper=[], command=command
    )
    statistics = replace(spec.statistics, action=Moments([0.0] * count, [1.0] * count))
    return replace(spec, action=action, statistics=statistics)


@pytest.mark.parametrize("known", [True, False])
def test_paths_of_joints_are_those_of_the_hand_if_the_kinematics_are_known(
    spec: ModelSpec, known: bool
) -> None:
    arm = panda()
    names = list(reversed(arm.joints))  # the model's order is another one
    spec = _joints(spec, names)
    view = SearchView(
        spec, ActionMapping(spec, CommandsConfig(type="joint_state")), arm if known else None
    )
    actions = RANDOM.uniform(-0.1, 0.1, (3, 5, 7))
    candidates = Candidates(np.array([1.0, 2.0]), actions[1:], np.ones((5, 7)))
    plan = Planned(1, 2.0, actions[0], 0.5, [1.0], "done", True, 0.05, candidates=candidates)
    session = GoalSession(Config().session, [Goal(OBSERVATIONS[0])], 0.1, 9.0, 0.0, 0.0)
    found = view.message(session, plan, HOME[::-1])
    assert found.candidate_costs.tolist() == [1.0, 2.0]
    assert len(found.deviations) == 35
    if not known:
        assert len(found.path) == len(found.candidates) == 0
        return
    for points, moves in zip(
        np.split(_numbers([*found.path, *found.candidates]), 3), actions, strict=True
    ):
        joints = np.vstack([HOME, HOME + np.cumsum(moves, axis=0)[:, ::-1]])
        np.testing.assert_allclose(points, [arm.pose(each)[:3] for each in joints], atol=1e-9)
