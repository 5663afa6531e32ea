"""The closed loop: observations in, plans requested, commands out, one goal at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wm_planner.camera_contract import CameraContract
from wm_planner.config import Config
from wm_planner.control.clock import ClockMonitor
from wm_planner.control.error_codes import ErrorCode, Refused, Status
from wm_planner.control.gate import LimitViolation
from wm_planner.control.goal_session import GoalSession
from wm_planner.control.hold_monitor import HoldMonitor
from wm_planner.control.lateness import DelayMonitor, LoopLateness
from wm_planner.control.listener import LoopListener
from wm_planner.control.permission import Permission
from wm_planner.control.plan_requests import PlanRequests
from wm_planner.control.pose_monitor import PoseMonitor
from wm_planner.control.shadow import make_commander
from wm_planner.control.stop_record import StopRecord
from wm_planner.control.stream_clock import MAX_PERIODS
from wm_planner.kinematics import Arm
from wm_planner.models import ModelSpec
from wm_planner.types import Goal, Observation, Pose
from wm_planner.worker import Failed, Planned, PlannerLink, SetGoal

WATCH_RATE = 20.0  # [Hz] of the watchdogs


class ControlLoop:
    """Pursues one goal at a time; after ``stop`` it accepts none until ``release``.

    Times named ``now`` are ROS time, those named ``steady`` the steady clock, both in seconds.

    Args:
        config: All settings.
        spec: The model's spec.
        link: Requests plans.
        contract: Checks the live images.
        listener: Receives commands and reports.
        arm: The arm's kinematics; None if they are unknown.

    Raises:
        LimitsError: The configured limits are invalid.
        SpecError: The model has no calibration, or its actions cannot become commands.
        ConfigError: The configured command type cannot carry the model's actions.

    Attributes:
        session: The goal under way; None if there is none.
        goal_id: Number of the last goal.
        permission: Says whether the arm may move.
        lateness: Says what is late.
        holding: What the arm holds for: the operator, or something overdue.
        stopped: Why goals are refused until ``release``; None if they are not.
        stops: How often ``stop`` was called.
        requests: The requests for plans.
    """

    def __init__(
        self,
        config: Config,
        spec: ModelSpec,
        link: PlannerLink,
        contract: CameraContract,
        listener: LoopListener,
        arm: Arm | None = None,
    ) -> None:
        self._calibration = spec.measured_calibration()
        self._config, self._link, self._listener = config, link, listener
        self.contract = contract
        self.permission = Permission.of(config, spec, arm.joints if arm else ())
        self.commander = make_commander(config, spec, listener.on_command, arm)
        self.clock = ClockMonitor(config.session.image_timeout)
        self.poses = PoseMonitor()
        self.lateness = LoopLateness(config)
        longest = MAX_PERIODS / config.commands.rate
        self.holding = HoldMonitor(self.permission, self.lateness, longest)
        self.session: GoalSession | None = None
        self.goal_id = self.stops = 0
        self.stopped: StopRecord | None = None
        parts = self.commander, self.poses, self.lateness
        self.requests = PlanRequests(config, spec, link, contract, *parts)
        self._watch_delay = DelayMonitor(MAX_PERIODS / WATCH_RATE)

    @property
    def waiting(self) -> Status | None:
        """What the goal under way waits for while the arm holds; None if it does not."""
        if self.holding.reason or self.session is None or self._link.ready is None:
            return self.holding.reason
        return self.session.hold

    # Goals.

    def check_start(self, steady: float) -> None:
        """Check that a goal could start now; a measured pose may still be missing.

        Raises:
            Refused: It could not.
        """
        if self.stopped:
            raise Refused(ErrorCode.STOPPED, self.stopped.status.message)
        if self._link.ready is None:
            raise Refused(ErrorCode.WORKER_LOST, self._link.problem)
        timeout, gripper = self._config.session.pose_timeout, self.commander.gripper
        if gripper and (unknown := gripper.unknown(steady, timeout)):
            raise Refused(ErrorCode.NO_POSE, unknown)
        self.permission.check(steady)
        pose = self.poses.fresh(steady, timeout)
        if pose and (outside := self.commander.gate.why_outside(pose)):
            raise Refused(ErrorCode.LIMIT_VIOLATION, outside)

    def begin(self, goals: Sequence[Goal], timeout: float, now: float, steady: float) -> int:
        """Start a goal, and preempt one under way; call ``dispatch`` to request the first plan.

        Args:
            goals: The sub-goals in order, then the goal.
            timeout: ROS time allowed [s]; 0 for ``session.timeout``.
            now: ROS time [s].
            steady: Steady time [s].

        Returns:
            The goal's number.

        Raises:
            Refused: The goal cannot start; a goal under way goes on.
        """
        self.check_start(steady)
        if self.session:
            self.end(Status(ErrorCode.PREEMPTED, "a newer goal replaced this one"), now)
        self.session = GoalSession.of(
            self._config.session,
            self._calibration,
            goals,
            timeout,
            now=now,
            steady=steady,
            joints=self.commander.gate.limits.joints,
            shadow=self.commander.shadow,
        )
        self.goal_id += 1
        self.clock.restart(now, steady)
        self.contract.restart()
        self.lateness.restart()
        self.holding.restart(steady)
        # A goal that preempts another continues from the commanded position. Others start from the
        # newest measured pose, or from the next one if the newest is old or not confirmed yet.
        pose = self.poses.fresh(steady, self._config.session.pose_timeout)
        if pose and not (self.commander.started or self.lateness.poses.overdue(steady)):
            self._start(pose, now)
        self.requests.restart(now)
        self._link.set_goal(SetGoal(self.goal_id, self.session.goal))
        return self.goal_id

    def end(self, status: Status, now: float) -> None:
        """End the goal under way: first stop or hold the arm, then report."""
        session = self.session
        if session is None:
            return
        session.end(status)
        self.session = self.holding.reason = None
        if status.code is ErrorCode.PREEMPTED:
            self.commander.hold(now)
        else:
            self.commander.stop(now)
        self._listener.on_end(self.goal_id, session, now)

    def stop(self, now: float, reason: str) -> None:
        """Stop the arm, end the goal under way, and refuse goals; ``reason`` says who asked."""
        self.stopped = StopRecord.of(self.stopped, reason, now, self.goal_id, self.session)
        self.stops += 1
        self.end(self.stopped.status, now)

    def release(self) -> None:
        """Accept goals again after a stop."""
        self.stopped = None

    def apply(self, config: Config) -> None:
        """Use other settings; only between goals.

        Raises:
            LimitsError: The limits are invalid; nothing is changed.
        """
        assert self.session is None
        self.commander.apply(config.limits)
        old, self._config = self._config, config
        self.clock.max_stall = config.session.image_timeout
        self.lateness.use(config)
        if (old.planning, old.objective) != (config.planning, config.objective):
            self.lateness.plans.forget()  # they may take another time now

    # Sensors.

    def on_pose(self, pose: Pose, now: float) -> None:
        """Take a measured pose; a goal without a start position starts from it."""
        commander = self.commander
        follows = commander.commanded and not commander.shadow
        commanded = commander.commanded_point if follows else None
        if self.poses.take(pose, commanded, commander.gate):
            self.lateness.poses.repeated(pose.steady)
        if self.session is None or commander.commanded or not self.poses.settled:
            return  # until the first command, which the operator may delay, the start follows
        if outside := commander.gate.why_outside(pose):
            self.end(Status(ErrorCode.LIMIT_VIOLATION, outside), now)
        else:
            self._start(pose, now)

    def on_observation(self, observation: Observation, now: float, steady: float) -> None:
        """Take an observation, and plan from it if the planner is idle."""
        pose = self.poses.pose
        # The repeated image of a frozen camera is not new, so that observations become overdue.
        new = not (self.session and pose) or self.contract.observe(observation, pose.position)
        if new:
            self.lateness.observations.repeated(steady)
        self.requests.observe(observation, frozen=not new)
        self.dispatch(now, steady)

    # Plans.

    def dispatch(self, now: float, steady: float) -> None:
        """Request a plan from the newest observation, if a goal needs one and the planner is idle.

        Call it after a goal has started and after the planner's answers were handled.
        """
        max_age = self._config.session.image_timeout
        if self.session and (why := self.requests.make(self.goal_id, max_age, now, steady)):
            self.end(Status(ErrorCode.CAMERA_CONTRACT, why), now)

    def on_planned(self, plan: Planned, now: float, steady: float) -> None:
        """Handle a plan: decide whether the goal is reached, and otherwise follow it or hold."""
        session = self.session
        wanted = self.requests.take(plan, self.goal_id if session else None, steady)
        if session is None or not wanted:
            return
        if why := self.commander.actions.unusable(plan.actions):
            self.end(Status(ErrorCode.PLANNER_FAILED, why), now)
            return
        seen = plan.distance, now, *self.requests.seen(plan)
        ended = session.observe(*seen, learned=plan.learned, moving=self.requests.moving)
        held = None if ended else session.hold
        if held:
            self.commander.hold(now)
            if self.holding.reason is None:
                self._listener.on_hold(held)
        allowed = not (ended or held or self.holding.forbids(steady))
        followed = allowed and self.requests.may_follow()
        if followed:
            self.commander.follow(plan, self.poses.pose, self.poses.history.during(plan.stamp), now)
            self.command(now, steady)  # before the reports and the next tick of the timer
        if self.session is not session or not self.commander.started:
            return  # the command violated the limits, or ROS time has just begun
        if ended or (followed and self.holding.reason is None):
            self._listener.on_step(session, plan)
        if ended:
            self.end(ended, now)
        elif session.advance():
            self._link.set_goal(SetGoal(self.goal_id, session.goal))

    def on_failed(self, failure: Failed, now: float) -> None:
        """Handle a failed plan or a lost worker; the goal may wait for the worker's restart."""
        self.lateness.plans.cancel()
        if failure.restarting:
            if self.session:
                self.commander.hold(now)
                holding = f"holding: {self._link.problem}"
                self._listener.on_hold(Status(ErrorCode.WORKER_LOST, holding))
        elif failure.lost:
            self.end(Status(ErrorCode.WORKER_LOST, failure.message), now)
        elif failure.goal_id == self.goal_id:
            self.end(Status(ErrorCode.PLANNER_FAILED, failure.message), now)

    # Time.

    def command(self, now: float, steady: float) -> None:
        """Send the command that is due; called at the command rate."""
        if self.session is None:
            self.commander.settle(now)
            return
        if self._clock_jumped(now):
            return
        pose = self.poses.pose
        if pose is None or not self.commander.started:
            return
        before = self.holding.judge(steady)
        if reason := self.holding.reason:
            self.requests.outdated |= reason.code is not ErrorCode.WORKER_LOST
            if before is None:
                self.commander.hold(now)
            if before is None or before.code is not reason.code:
                self._listener.on_hold(reason)
            if before is None or not self.commander.commanded:
                return  # an arm without a first command needs none to hold
        try:
            self.commander.send(pose, now, self.lateness.pace)
        except LimitViolation as error:
            self.end(Status(ErrorCode.LIMIT_VIOLATION, str(error)), now)

    def watch(self, now: float, steady: float, image_steady: float) -> None:
        """Check clocks and timeouts of the goal under way; called several times a second.

        ``image_steady`` is when the newest images arrived.
        """
        self.clock.watch(now, steady)
        unread = self._watch_delay.unread(steady)
        if self.session is None or self._clock_jumped(now) or unread:
            return
        ended = self.session.tick(
            now=now,
            steady=steady,
            image_steady=image_steady,
            poses=self.poses,
            pace=self._pace(),
            unplanned=self.requests.why_none(),
            late=self.lateness.summary(),
        )
        ended = ended or self.permission.end(steady)
        if ended is None and self.clock.problem:
            ended = Status(ErrorCode.CLOCK_JUMPED, self.clock.problem)
        if ended:
            self.end(ended, now)

    def _pace(self) -> float:
        """Return the share of its speed at which the arm may move, 0 to 1.

        An arm that waits for a plan that learned something may move: its time to progress passes.
        """
        if self.session is None or self._link.ready is None or self.holding.reason:
            return 0.0
        scale = self.commander.time_scale
        return scale.value if self.session.learned else scale.override

    def _clock_jumped(self, now: float) -> bool:
        """End the goal if ROS time went back; return whether it did."""
        back = self.clock.jump(now)
        if self.session is None or not back:
            return False
        if math.isinf(back) or (self.session.steps == 0 and not self.commander.moving):
            # ROS time started after the goal, or jumped before the arm moved: restart the goal.
            self.session.started = now
            self.requests.restart(now)
            self.commander.stop(now)
            return False
        why = f"ROS time went back by {back:.2f} s: was the simulator restarted?"
        self.end(Status(ErrorCode.CLOCK_JUMPED, why), now)
        return True

    def _start(self, pose: Pose, now: float) -> None:
        if self.commander.started or not self.commander.history.arriving(now):
            self.commander.start(pose, now)
            self.poses.restart(self.commander.commanded_point)
