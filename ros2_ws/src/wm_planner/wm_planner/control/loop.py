"""The closed loop: pictures in, plans asked for, commands out, one goal at a time; no ROS here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wm_planner.config import Config
from wm_planner.control.limits import CommandGate, LimitViolation
from wm_planner.control.outcome import Code, Outcome
from wm_planner.control.session import Session
from wm_planner.control.stream import CommandStream
from wm_planner.models import ModelSpec, SpecError
from wm_planner.worker import Failed, Planned, PlannerLink, PlanRequest, Scene, SetGoal

Vector = NDArray[np.float64]
CLOCK_SLACK = 0.001  # [s] ROS time may go backwards by rounding
FUTURE = 0.5  # [s] a picture whose stamp lies further ahead belongs to another clock


@dataclass(frozen=True)
class Pose:
    """A measured end-effector pose in the frame of the action.

    Attributes:
        position: (3,) [m].
        orientation: Quaternion (x, y, z, w).
        steady: When it came [s, steady clock].
    """

    position: Vector
    orientation: Vector
    steady: float


class Refused(Exception):
    """A goal cannot start; carries the outcome that says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class ControlLoop:
    """Drives one goal at a time.

    Args:
        config: All settings.
        spec: The model's spec.
        link: The planner.
        publish: Sends a checked position (3,) [m] and orientation (4,) to the robot.
        on_step: Told of every plan that is used, with its picture's stamp [s].
        on_end: Told of every goal's end, after the robot was told to hold.

    Raises:
        LimitsError: The configured limits make no sense.
    """

    def __init__(
        self,
        config: Config,
        spec: ModelSpec,
        link: PlannerLink,
        publish: Callable[[Vector, Vector], None],
        on_step: Callable[[Session, Planned], None],
        on_end: Callable[[int, Session, float], None],
    ) -> None:
        if spec.calibration is None:
            raise SpecError(
                f"model {spec.name} has no calibration: without the distances of its latent space "
                "no goal can be said to be reached"
            )
        self._config, self._link = config, link
        self._tolerance = config.session.tolerance or spec.calibration.tolerance
        self._step_duration = spec.step_duration
        self._publish, self._on_step, self._on_end = publish, on_step, on_end
        self.gate = CommandGate(config.limits)
        self._stream = CommandStream(spec)
        self.session: Session | None = None
        self.pose: Pose | None = None
        self.goal_id = 0
        self.commands_sent = 0
        self._now = -np.inf
        self._last_sent = -np.inf
        self._last_position = np.zeros(3)
        self._orientation = np.array([0.0, 0.0, 0.0, 1.0])
        self._commanding = False  # whether a command was sent since the stream began
        self._last_stamp = -np.inf
        self._last_plan_time = 0.0

    def check_start(self, steady: float) -> None:
        """See whether a goal could start.

        A measured pose that is not there yet does not matter: the session waits for it.

        Raises:
            Refused: The planner is not ready, or the arm is outside the workspace.
        """
        if self._link.ready is None:
            raise Refused(Outcome(Code.WORKER_LOST, self._link.problem))
        if self._fresh(self.pose, steady) and (outside := self._outside()):
            raise Refused(outside)

    def begin(
        self, scene: Scene, tolerance: float, timeout: float, now: float, steady: float
    ) -> int:
        """Start a goal; one under way is preempted.

        Args:
            scene: The goal.
            tolerance: In typical distances; 0 for the configured one.
            timeout: ROS time allowed [s]; 0 for the configured one.
            now: ROS time [s].
            steady: Steady time [s].

        Returns:
            The goal's number.

        Raises:
            Refused: The goal cannot start; one under way goes on.
        """
        self.check_start(steady)
        commanded = self._stream.started
        if self.session:
            self.end(Outcome(Code.PREEMPTED, "a newer goal took this one's place"), now)
        settings = self._config.session
        self.session = Session(settings, tolerance or self._tolerance, timeout or settings.timeout,
                               started=now, started_steady=steady)  # fmt: skip
        self.goal_id += 1
        self._now = now
        if commanded:  # go on from where the arm was told to be
            self._stream.hold(self._last_position, now)
        elif self._fresh(self.pose, steady):
            self._start_stream(now)
        self._last_stamp, self._last_plan_time = now - 1.0, 0.0
        self._link.set_goal(SetGoal(self.goal_id, scene))
        return self.goal_id

    def end(self, outcome: Outcome, now: float) -> None:
        """End the goal under way: first hold, then tell."""
        session = self.session
        if session is None:
            return
        session.end(outcome)
        self.session = None
        if self._commanding:
            # The last position was checked; sent again, it stops the arm where it is told to be.
            self._publish(self._last_position, self._orientation)
            self.commands_sent += 1
        if outcome.code is not Code.PREEMPTED:
            self._stream.clear()
            self._commanding = False
        self._on_end(self.goal_id, session, now)

    def on_pose(self, pose: Pose, now: float) -> None:
        """Take a measured pose; the first of a goal is where its commands start."""
        self.pose = pose
        if self.session is None or self._stream.started:
            return
        if outside := self._outside():
            self.end(outside, now)
        else:
            self._start_stream(now)

    def wants(self, stamp: float, now: float) -> bool:
        """Whether a picture of this stamp should be planned from now."""
        ready = self.session is not None and self._stream.started and self._link.idle
        fresh = now - self._config.session.image_timeout <= stamp <= now + FUTURE
        if not ready or not fresh or stamp <= self._last_stamp:
            return False
        # A planner slower than a step plans from pictures of the arm at rest.
        slow = self._last_plan_time > self._step_duration
        return not slow or stamp >= self._stream.busy_until

    def plan(self, scene: Scene, stamp: float) -> None:
        """Ask for a plan from a picture that ``wants`` agreed to."""
        self._last_stamp = stamp
        self._link.plan(PlanRequest(self.goal_id, scene, stamp))

    def on_planned(self, plan: Planned, now: float) -> None:
        """Use a plan: compare with the goal, then move on."""
        session = self.session
        if session is None or plan.goal_id != self.goal_id or plan.stop_reason == "cancelled":
            return
        if not self._stream.started or plan.stamp != self._last_stamp:
            return  # made before the clock jumped
        self._last_plan_time = plan.plan_time
        if not np.isfinite(plan.actions).all():
            self.end(Outcome(Code.PLANNER_FAILED, "the plan is not finite"), now)
            return
        outcome = session.observe(plan.distance)
        if outcome is None:
            self._stream.splice(plan.actions[0], plan.stamp, now)
        self._on_step(session, plan)
        if outcome:
            self.end(outcome, now)

    def on_failed(self, failure: Failed, now: float) -> None:
        """A plan failed, or the worker was lost."""
        if failure.lost:
            self.end(Outcome(Code.WORKER_LOST, failure.message), now)
        elif failure.goal_id == self.goal_id:
            self.end(Outcome(Code.PLANNER_FAILED, failure.message), now)

    def command(self, now: float) -> None:
        """Send the commanded position of this moment; called at the command rate."""
        if self.session is None or self._clock_jumped(now):
            return
        if self.pose is None or not self._stream.started:
            return
        try:
            position = self.gate.check(
                self._stream.at(now),
                previous=self._last_position,
                measured=self.pose.position,
                dt=min(now - self._last_sent, 2 / self._config.commands.rate),
            )
        except LimitViolation as error:
            self.end(Outcome(Code.LIMIT_VIOLATION, str(error)), now)
            return
        self._publish(position, self._orientation)
        self._stream.sent(position, now)
        self._last_position, self._last_sent = position, now
        self._commanding = True
        self.commands_sent += 1

    def watch(self, now: float, steady: float, image_steady: float) -> None:
        """Check every clock of the goal under way."""
        if self.session is None or self._clock_jumped(now):
            return
        pose_steady = self.pose.steady if self.pose else -np.inf
        outcome = self.session.tick(
            now=now, steady=steady, image_steady=image_steady, pose_steady=pose_steady
        )
        if outcome:
            self.end(outcome, now)

    def _start_stream(self, now: float) -> None:
        """Begin the commands where the arm is."""
        assert self.pose
        self._stream.start(self.pose.position, now)
        self._last_position, self._last_sent = self.pose.position, now
        self._orientation = self.pose.orientation

    def _fresh(self, pose: Pose | None, steady: float) -> bool:
        return pose is not None and steady - pose.steady <= self._config.session.pose_timeout

    def _outside(self) -> Outcome | None:
        """The outcome when the arm is outside the workspace."""
        assert self.pose
        if self.gate.contains(self.pose.position):
            return None
        return Outcome(
            Code.LIMIT_VIOLATION,
            f"the arm is at {np.round(self.pose.position, 3).tolist()} m, outside the workspace "
            "of limits.workspace_min and _max: move it inside first",
        )

    def _clock_jumped(self, now: float) -> bool:
        """Notice when ROS time went backwards: ends the goal, or begins it anew without a step."""
        back, self._now = self._now - now, now
        if back <= CLOCK_SLACK or self.session is None:
            return False
        if self.session.steps == 0:
            # The clock of a simulator that was started again reached us after the goal.
            self.session.started, self._last_stamp = now, now - 1.0
            self._stream.clear()
            self._commanding = False
            return False
        self.end(
            Outcome(
                Code.CLOCK_JUMPED,
                f"ROS time went back by {back:.2f} s: was the simulator started again?",
            ),
            now,
        )
        return True
