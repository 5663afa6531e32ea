"""The closed loop: images in, plans asked for, commands out, one goal at a time; no ROS here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from wm_planner.config import Config
from wm_planner.control.commander import LONGEST, Command, Commander, Pose
from wm_planner.control.goal_session import GoalSession
from wm_planner.control.lateness import LatenessMonitor
from wm_planner.control.limits import LimitViolation
from wm_planner.control.status import ErrorCode, Refused, Status
from wm_planner.models import ModelSpec, SpecError
from wm_planner.types import Observation
from wm_planner.worker import Failed, Planned, PlannerLink, PlanRequest, SetGoal

CLOCK_SLACK = 0.001  # [s] ROS time may go backwards by rounding
STOPPED = "~/stop was called: goals are refused until ~/release is called"
FUTURE = 0.5  # [s] an image whose stamp lies further ahead belongs to another clock


class ControlLoop:
    """Drives one goal at a time; once stopped, none until it is released.

    Times named ``now`` are ROS time, those named ``steady`` the steady clock, both in seconds.

    Args:
        config: All settings.
        spec: The model's spec.
        link: The planner.
        publish: Sends a checked command to the robot.
        on_step: Told of every plan that is used, with its image's stamp [s].
        on_end: Told of every goal's end, after the robot was told to hold.

    Raises:
        LimitsError: The configured limits make no sense.

    Attributes:
        waiting: Why the arm holds although a goal is under way: something is late; None otherwise.
        holds: How often that happened.
        stops: How often ``stop`` was called.
    """

    def __init__(
        self,
        config: Config,
        spec: ModelSpec,
        link: PlannerLink,
        publish: Callable[[Command], None],
        on_step: Callable[[GoalSession, Planned], None],
        on_end: Callable[[int, GoalSession, float], None],
    ) -> None:
        if spec.calibration is None:
            raise SpecError(
                f"model {spec.name} has no calibration: without the distances of its latent space "
                "no goal can be said to be reached"
            )
        self._config, self._link = config, link
        self._tolerance = spec.calibration.tolerance
        self._on_step, self._on_end = on_step, on_end
        self.commander = Commander(config, spec, publish)
        self.session: GoalSession | None = None
        self.pose: Pose | None = None
        self.stopped = False
        self.goal_id = 0
        self.waiting: Status | None = None
        self.holds = 0
        self._images, self._poses, self._plans = (
            LatenessMonitor(self._patience()) for _ in range(3)
        )
        self._told = self.commander.told  # when the measured pose last changed
        self._now = -np.inf
        self._ticked = -np.inf, -np.inf  # ROS time, and since when it has not changed (steady) [s]
        self.clock_problem = ""
        self._last_stamp = -np.inf
        self._void = False  # whether the plan under way is from before the arm waited
        self._commanded = -np.inf  # when a command was last due [s, steady]
        self.stops = 0

    def check_start(self, steady: float) -> None:
        """See whether a goal could start.

        A measured pose that is not there yet does not matter: the session waits for it.

        Raises:
            Refused: It was stopped, the planner is not ready, or the arm is outside the workspace.
        """
        if self.stopped:
            raise Refused(ErrorCode.STOPPED, STOPPED)
        if self._link.ready is None:
            raise Refused(ErrorCode.WORKER_LOST, self._link.problem)
        if self._fresh(self.pose, steady) and (outside := self._outside()):
            raise Refused(outside.code, outside.message)

    def begin(
        self,
        observations: Sequence[Observation],
        tolerance: float,
        timeout: float,
        now: float,
        steady: float,
    ) -> int:
        """Start a goal; one under way is preempted.

        Args:
            observations: The sub-goals in their order, and the goal as the last.
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
        if self.session:
            self.end(Status(ErrorCode.PREEMPTED, "a newer goal took this one's place"), now)
        settings = self._config.session
        self.session = GoalSession(
            settings,
            observations,
            tolerance or settings.tolerance or self._tolerance,
            timeout or settings.timeout,
            started=now,
            started_steady=steady,
        )
        self.goal_id += 1
        self._now = now
        self._ticked = now, steady
        # A goal that preempts goes on from where the arm was told to be.
        late = self._poses.late(steady)  # then the commands start from the next one
        if self.pose and not (self.commander.started or late) and self._fresh(self.pose, steady):
            self._start(self.pose, now)
        self._last_stamp = now - 1.0
        self._link.set_goal(SetGoal(self.goal_id, self.session.observation))
        return self.goal_id

    def stop(self, now: float) -> None:
        """Hold, end the goal under way, and refuse goals from now on."""
        self.stopped = True
        self.stops += 1
        self.end(Status(ErrorCode.STOPPED, STOPPED), now)

    def release(self) -> None:
        """Take goals again after a stop."""
        self.stopped = False

    def apply(self, config: Config) -> None:
        """Use other settings of the goal and other limits; only between goals.

        Raises:
            LimitsError: The limits make no sense; nothing is changed.
        """
        assert self.session is None
        self.commander.apply(config.limits)
        self._config = config
        for pace in (self._images, self._poses, self._plans):
            pace.least = self._patience()

    def end(self, outcome: Status, now: float) -> None:
        """End the goal under way: first hold, then tell."""
        session = self.session
        if session is None:
            return
        session.end(outcome)
        self.session = self.waiting = None
        if outcome.code is ErrorCode.PREEMPTED:
            self.commander.hold(now)
        else:
            self.commander.stop(now)
        self._on_end(self.goal_id, session, now)

    def on_pose(self, pose: Pose, now: float) -> None:
        """Take a measured pose; the first of a goal is where its commands start.

        One that repeats the last although the arm was told to move is still that one: its driver
        lost the arm, or the arm does not follow.
        """
        if self.pose is None or (pose.position != self.pose.position).any():
            self._told = self.commander.told
        elif self._should_have_moved():
            pose = self.pose
        if pose is not self.pose:
            self._poses.again(pose.steady)
        self.pose = pose
        if self.session is None or self.commander.started:
            return
        if outside := self._outside():
            self.end(outside, now)
        else:
            self._start(pose, now)

    def _start(self, pose: Pose, now: float) -> None:
        self.commander.start(pose, now)
        self._told = self.commander.told

    def _should_have_moved(self) -> bool:
        """Whether the arm was told to move since its measured pose last changed."""
        bounds, told = self.commander.gate.bounds, self.commander.told
        return self.commander.started and bounds.size(told - self._told) > bounds.lead / 4

    def on_image(self, steady: float) -> None:
        """A good image came that shows something new."""
        self._images.again(steady)

    def wants(self, stamp: float, now: float) -> bool:
        """Whether an image of this stamp should be planned from now."""
        ready = self.session is not None and self.commander.started and self._link.idle
        fresh = now - self._config.session.image_timeout <= stamp <= now + FUTURE
        return ready and fresh and stamp > self._last_stamp

    def plan(
        self, observation: Observation, stamp: float, steady: float, *, imagine: bool = False
    ) -> None:
        """Ask for a plan, and perhaps its imagined frames, from an image that was wanted."""
        self._last_stamp, self._void = stamp, False
        self._plans.begin(steady)
        self._link.plan(PlanRequest(self.goal_id, observation, imagine))

    def on_planned(self, plan: Planned, now: float, steady: float) -> None:
        """Use a plan: compare with the goal, then move on."""
        session = self.session
        if session is None or plan.goal_id != self.goal_id or plan.stop_reason == "canceled":
            self._plans.drop()
            return
        self._plans.end(steady)
        if not self.commander.started or plan.stamp != self._last_stamp:
            return  # made before the clock jumped
        if self._void or self._late(steady):
            return  # the arm waits for an image or a pose, and then for a plan from there
        if not np.isfinite(plan.actions).all():
            self.end(Status(ErrorCode.PLANNER_FAILED, "the plan is not finite"), now)
            return
        outcome = session.observe(plan.distance, now)
        if outcome is None:
            self.commander.splice(plan.actions, plan.stamp, now)
            self.command(now, steady)  # waits for no timer, nor for those who are told of the plan
        if self.session is not session:
            return  # the command was against the limits
        self._on_step(session, plan)
        if outcome:
            self.end(outcome, now)
        elif session.advance():
            self._link.set_goal(SetGoal(self.goal_id, session.observation))

    def on_failed(self, failure: Failed, now: float) -> None:
        """A plan failed, or the worker was lost; the goal may wait for its restart."""
        self._plans.drop()
        if failure.restarting:
            if self.session:
                self.commander.hold(now)
        elif failure.lost:
            self.end(Status(ErrorCode.WORKER_LOST, failure.message), now)
        elif failure.goal_id == self.goal_id:
            self.end(Status(ErrorCode.PLANNER_FAILED, failure.message), now)

    def command(self, now: float, steady: float) -> None:
        """Send the command of this moment; called at the command rate."""
        if self.session is None:
            self.commander.settle(now)
            return
        if self._clock_jumped(now):
            return
        # After a delay of the node what is late may have come, and is read in a moment.
        delayed = steady - self._commanded > LONGEST / self._config.commands.rate
        self._commanded = steady
        if self.pose is None or not self.commander.started:
            return
        waited, self.waiting = self.waiting, None if delayed else self._late(steady)
        if self.waiting:
            self._void = self._void or self.waiting.code is not ErrorCode.WORKER_LOST
            if not waited:
                self.holds += 1
                self.commander.hold(now)
                return
        try:
            self.commander.send(self.pose, now)
        except LimitViolation as error:
            self.end(Status(ErrorCode.LIMIT_VIOLATION, str(error)), now)

    def watch(self, now: float, steady: float, image_steady: float) -> None:
        """Check every clock of the goal under way."""
        self._watch_clock(now, steady)
        if self.session is None or self._clock_jumped(now):
            return
        if self._link.ready is None:
            self.session.pause(now)
        pose_steady = self.pose.steady if self.pose else -np.inf
        outcome = self.session.tick(
            now=now, steady=steady, image_steady=image_steady, pose_steady=pose_steady
        )
        if outcome is None and self.clock_problem:
            outcome = Status(ErrorCode.CLOCK_JUMPED, self.clock_problem)
        if outcome:
            self.end(outcome, now)

    def _patience(self) -> float:
        """What takes no longer than this is never late [s]."""
        # Planning in the node's callbacks delays all that comes.
        inline = self._config.worker.mode == "inline"
        return np.inf if inline else self._config.session.hold_after

    def _late(self, steady: float) -> Status | None:
        """What takes so much longer than usual that the arm has to wait for it."""
        for pace, code, what in (
            (self._images, ErrorCode.NO_IMAGE, "nothing new to plan from"),
            (self._poses, ErrorCode.NO_POSE, "no new measured pose"),
            (self._plans, ErrorCode.WORKER_LOST, "no plan"),
        ):
            if late := pace.late(steady):
                return Status(code, f"holding: {what} for {late}")
        return None

    def _watch_clock(self, now: float, steady: float) -> None:
        """Notice when ROS time stands still."""
        if now != self._ticked[0]:
            self._ticked = now, steady
        still = steady - self._ticked[1]
        self.clock_problem = ""
        if still > self._config.session.image_timeout:
            self.clock_problem = (
                f"ROS time has stood still for {still:.1f} s: does the simulator run, and does "
                "anyone publish /clock?"
            )

    def _fresh(self, pose: Pose | None, steady: float) -> bool:
        return pose is not None and steady - pose.steady <= self._config.session.pose_timeout

    def _outside(self) -> Status | None:
        """The outcome when the arm is outside the workspace."""
        assert self.pose
        why = self.commander.outside(self.pose)
        return Status(ErrorCode.LIMIT_VIOLATION, why) if why else None

    def _clock_jumped(self, now: float) -> bool:
        """Notice when ROS time went backwards: ends the goal, or begins it anew without a step."""
        back, begins, self._now = self._now - now, self._now == 0 < now, now
        if self.session is None or not (begins or back > CLOCK_SLACK):
            return False
        if begins or (self.session.steps == 0 and not self.commander.moving):
            # The clock reached us after the goal: the first, or that of a simulator started again.
            self.session.started, self._last_stamp = now, now - 1.0
            self.commander.stop(now)
            return False
        self.end(
            Status(
                ErrorCode.CLOCK_JUMPED,
                f"ROS time went back by {back:.2f} s: was the simulator started again?",
            ),
            now,
        )
        return True
