"""What the cockpit knows of the planner: its newest messages, and when they came."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus, Search

from wm_planner.message_limits import MAX_LIST
from wm_planner.text import one_line

LOST = 3.0  # [s] without ~/status, which comes once a second, after which the planner is lost
OLD = 2.0  # [s] after which a measurement or an image is no longer shown as present
MOST_POINTS = 600  # of the curves
MAX_CONFIG = 2**16  # characters of ~/config that are read; it has a few thousand


@dataclass(frozen=True)
class Point:
    """A point of the curves: one plan.

    Attributes:
        at: When its image was taken [s, ROS time].
        distance: To the goal pursued, in typical distances.
        cost_first: Cost of the best plan after the first iteration.
        cost_last: After the last.
    """

    at: float
    distance: float
    cost_first: float
    cost_last: float


@dataclass(frozen=True)
class Sentence:
    """What to tell of the planner's state.

    Attributes:
        state: One of ``STATES``, or ``stopped`` or ``lost``.
        text: A sentence.
    """

    state: str
    text: str


STATES = {
    PlanStatus.IDLE: "idle",
    PlanStatus.ACTIVE: "pursuing",
    PlanStatus.HOLDING: "holding",
    PlanStatus.REACHED: "reached",
    PlanStatus.CANCELED: "canceled",
    PlanStatus.FAILED: "failed",
    PlanStatus.INACTIVE: "inactive",
}


@dataclass
class Known:
    """The newest messages; each is replaced as a whole, so that any thread may read them.

    Attributes:
        planner: Name of the planner's node, for sentences.
        status: Of ``~/status``.
        heard: When that came [s, steady clock].
        goal: Of ``~/goal``.
        goal_number: How many goals came on it.
        search: Of ``~/search``.
        points: One for each plan of the goal pursued, in their order.
        config: Of ``~/config``, by section.
        diagnostics: The planner's parts of ``/diagnostics``, by their names.
        joints: Newest positions by name [rad or m].
        pose: Measured position (x, y, z) [m]; empty before the first.
        camera: Why there is no image of the camera, or an empty string.
        image_at: When the camera's newest image came [s, steady clock].
        joints_at: When the newest joints came [s, steady clock].
        pose_at: When the newest pose came [s, steady clock].
        busy: What the planner does while it cannot answer, at the request of a page; else empty.
    """

    planner: str
    status: PlanStatus | None = None
    heard: float = -math.inf
    goal: Goal | None = None
    goal_number: int = 0
    search: Search | None = None
    points: tuple[Point, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    joints: Mapping[str, float] = field(default_factory=dict)
    pose: tuple[float, ...] = ()
    camera: str = ""
    image_at: float = -math.inf
    joints_at: float = -math.inf
    pose_at: float = -math.inf
    busy: str = ""

    @property
    def silent(self) -> float:
        """For how long nothing has come from the planner [s]."""
        return time.monotonic() - self.heard

    @property
    def lost(self) -> bool:
        """Whether the planner is silent for too long."""
        return self.silent > LOST

    @property
    def under_way(self) -> bool:
        """Whether a goal is pursued, also one for which the arm holds."""
        status = self.status
        pursued = status is not None and status.state in (PlanStatus.ACTIVE, PlanStatus.HOLDING)
        return pursued and not self.lost and not self.stopped

    @property
    def stopped(self) -> bool:
        """Whether goals are refused until they are released."""
        if self.status is None or self.status.state != PlanStatus.HOLDING:
            return False
        return bool(self.status.error_code == ReachGoal.Result.STOPPED)

    def sentence(self) -> Sentence:
        """Return the state in one sentence."""
        if self.busy:
            return Sentence("inactive", self.busy)
        if self.status is None:
            return Sentence("lost", f"no status received from {self.planner} yet: is it running?")
        if self.lost:
            return Sentence(
                "lost",
                f"{self.planner} has been silent for {self.silent:.0f} s. The cockpit cannot tell "
                "what the arm is doing: use the arm's emergency stop",
            )
        state = STATES.get(self.status.state, "unknown")
        if self.stopped:
            state = "stopped"
        return Sentence(state, one_line(self.status.message) or state)

    def take_status(self, message: PlanStatus) -> None:
        """Take a ``~/status``."""
        pursuing, before = message.state == PlanStatus.ACTIVE, self.status
        under_way = (PlanStatus.ACTIVE, PlanStatus.HOLDING)
        # A goal that preempts another one has no plan yet, while that one went on until then.
        begins = before is None or before.state not in under_way or math.isnan(message.plan_time)
        if pursuing and begins:
            self.points = ()
        self.status, self.heard = message, time.monotonic()
        if not self.under_way:
            self.search = None  # the arm follows no plan
        if not pursuing or not math.isfinite(message.distance):
            return
        if self.points and before is not None and _plan(before) == _plan(message):
            return  # it only says again, with another stamp, what the newest plan was
        stamp = message.header.stamp
        at = stamp.sec + 1e-9 * stamp.nanosec
        if math.isfinite(message.image_age):
            at -= message.image_age
        point = Point(at, message.distance, message.cost_first, message.cost_last)
        self.points = (*self.points[1 - MOST_POINTS :], point)

    def take_goal(self, message: Goal) -> None:
        """Take a ``~/goal``."""
        self.goal, self.goal_number = message, self.goal_number + 1

    def take_config(self, text: str) -> None:
        """Take a ``~/config``; what cannot be read is left out."""
        if len(text) > MAX_CONFIG:  # the part before a cut could end within a number
            return
        try:
            read = yaml.load(text, _PlainLoader)
        except (yaml.YAMLError, RecursionError):
            return
        except (ValueError, LookupError, AttributeError, TypeError):
            return  # yaml raises them for impossible values, such as a day 32
        if isinstance(read, dict):
            self.config = read

    def take_diagnostics(self, message: Any) -> None:
        """Take the planner's parts of a ``/diagnostics``."""
        prefix = f"{self.planner.lstrip('/')}: "
        parts = {
            status.name.removeprefix(prefix): status
            for status in message.status[:MAX_LIST]
            if status.name.startswith(prefix)
        }
        if parts:
            known = {**self.diagnostics, **parts}
            self.diagnostics = known if len(known) <= MAX_LIST else parts

    @property
    def measured(self) -> Mapping[str, float]:
        """The joints, if they are not old."""
        return self.joints if time.monotonic() - self.joints_at < OLD else {}

    @property
    def hand(self) -> tuple[float, ...]:
        """The measured position (x, y, z) [m]; empty if it is old or was never measured."""
        return self.pose if time.monotonic() - self.pose_at < OLD else ()

    def setting(self, name: str, default: Any) -> Any:
        """Return a setting by its dotted name, or a default of the same type."""
        section, _, key = name.partition(".")
        values = self.config.get(section)
        value = values.get(key, default) if isinstance(values, dict) else default
        if isinstance(default, float) and type(value) is int and abs(value) <= 2**53:
            return float(value)
        return value if type(value) is type(default) else default  # a bool is no number


class _PlainLoader(yaml.SafeLoader):
    """Refuses aliases, with which some hundred bytes can expand to more than fits into memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def _plan(status: PlanStatus) -> tuple[float, ...]:
    """Return what tells one plan of a goal from another: above all the time that it took."""
    costs = status.cost_first, status.cost_last
    return (status.plan_time, status.image_age, status.distance, *costs)
