"""One goal from its acceptance to its end, and the rules that end it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from wm_planner.config import SessionConfig
from wm_planner.control.checkers import GoalChecker, ProgressChecker
from wm_planner.control.error_codes import ErrorCode, Status
from wm_planner.control.motion_check import MotionCheck
from wm_planner.control.pose_monitor import PoseMonitor
from wm_planner.models.spec import Calibration
from wm_planner.types import Goal, Vector
from wm_planner.worker.messages import UNINFORMATIVE

GRIPPER_TIME = 3.0  # [s] in which a gripper, and what it drops, come to rest
PASSING = 3
"""Images more than usual that reach a goal at which the arm does not come to rest."""


class GoalSession:
    """A goal under way, with the sub-goals that lead to it.

    Times named ``now`` are ROS time, those named ``steady`` the steady clock, both in seconds. A
    goal's timeout counts ROS time; watchdogs use the steady clock, because they must also fire
    while ROS time stands still.

    Args:
        config: Timeouts, tolerance and progress.
        goals: The sub-goals in order, then the goal. One observation within the tolerance of a
            sub-goal is enough to go on to the next.
        tolerance: Tolerance of goals that do not set their own, in typical distances.
        timeout: Time allowed for all goals together [s, ROS time].
        started: When the session started [s, ROS time].
        started_steady: When it started [s, steady time].
        motion: Decides which images to believe; None: all.

    Attributes:
        index: Index of the pursued goal in ``goals``.
        steps: Number of observations planned from.
        initial_distance: Distance of the first to the goal pursued then, in typical distances.
        distance: Distance of the last to the goal pursued then, in typical distances.
        outcome: How the goal ended; None while it is pursued.
        doubt: Why the last image is not believed, or an empty string.
        learned: Whether the last plan learned anything, see ``Planned.learned``.
        image_problem: What is wrong with the images now, for the goal's end.
        pose_problem: What is wrong with the measured poses now.
    """

    def __init__(
        self,
        config: SessionConfig,
        goals: Sequence[Goal],
        tolerance: float,
        timeout: float,
        started: float,
        started_steady: float,
        motion: MotionCheck | None = None,
    ) -> None:
        self._config, self._goals = config, list(goals)
        self._tolerance, self.timeout = tolerance, timeout
        self.started, self._started_steady = started, started_steady
        self._ticked = started
        self.index = self.steps = 0
        self.initial_distance = self.distance = math.nan
        self.outcome: Status | None = None
        self._motion, self.doubt = motion, ""
        self._waited = 0.0  # [s] in which the arm could have moved if the plans had learned
        self.image_problem = self.pose_problem = ""
        self._checker: GoalChecker
        self._patient: GoalChecker
        self._progress: ProgressChecker
        self._pursue()

    @classmethod
    def of(
        cls,
        config: SessionConfig,
        calibration: Calibration,
        goals: Sequence[Goal],
        timeout: float,
        *,
        now: float,
        steady: float,
        joints: bool,
        shadow: bool,
    ) -> GoalSession:
        """Return a session that starts now.

        Args:
            config: Timeouts, tolerance and progress.
            calibration: The model's; it has the usual tolerance.
            goals: The sub-goals in order, then the goal.
            timeout: ROS time allowed [s]; 0 for ``session.timeout``.
            now: ROS time [s].
            steady: Steady time [s].
            joints: Whether the arm's positions are those of joints.
            shadow: Whether the progress is the business of whoever moves the arm.
        """
        return cls(
            replace(config, progress_time=0.0) if shadow else config,
            goals,
            config.tolerance or calibration.tolerance,
            timeout or config.timeout,
            started=now,
            started_steady=steady,
            motion=MotionCheck.of(config, calibration, joints),
        )

    @property
    def count(self) -> int:
        """Number of goals, including sub-goals."""
        return len(self._goals)

    @property
    def goal(self) -> Goal:
        """The pursued goal or sub-goal."""
        return self._goals[self.index]

    @property
    def tolerance(self) -> float:
        """Tolerance of the pursued goal or sub-goal, in typical distances."""
        return self.goal.tolerance or self._tolerance

    @property
    def reached(self) -> int:
        """Number of goals reached, including sub-goals."""
        return self.index + (self.outcome is not None and self.outcome.reached)

    @property
    def hold(self) -> Status | None:
        """Why the arm has to hold instead of following the last plan; None if it need not."""
        if self.doubt:
            return Status(ErrorCode.IMPLAUSIBLE, f"holding: {self.doubt}")
        if not self.learned:
            return Status(ErrorCode.UNINFORMATIVE, f"holding: {UNINFORMATIVE}")
        return None

    def end(self, outcome: Status) -> Status:
        """End the goal; the first outcome is kept."""
        if self.outcome is None:
            self.outcome = outcome
        return self.outcome

    def observe(
        self,
        distance: float,
        now: float,
        where: Vector | None = None,
        stamp: float = math.nan,
        whole: float | None = None,
        gripped: float = -math.inf,
        *,
        learned: bool = True,
        moving: bool = False,
    ) -> Status | None:
        """Count a step; return how the goal ended, or None; ``hold`` says what follows if not.

        An observation that the arm's motion contradicts is never near the goal. The last goal is
        not reached while commands lead the arm on from the observation, unless ``PASSING`` more in
        a row are near it. The time without progress runs while plans learn nothing; when they do
        again, the arm gets it back.

        Args:
            distance: Distance of the observation to the pursued goal, in typical distances.
            now: Current ROS time [s].
            where: Where the arm was at the observation, see ``PositionHistory.around``.
            stamp: Stamp of the observation [s, ROS time].
            whole: The distance without the goal's masks, for the check against the arm's motion;
                None if the goal has no masks.
            gripped: When the gripper was last commanded to move [s, ROS time].
            learned: Whether the plan from it learned anything.
            moving: Whether the commands since the observation lead the arm on from there.
        """
        self.steps += 1
        self.distance = distance
        if self.steps == 1:
            self.initial_distance = distance
        shown = distance if whole is None else whole
        self.doubt = ""
        if self._motion:
            if stamp < gripped + GRIPPER_TIME and gripped <= now:
                self._motion.restart()  # the gripper explains any change, too
            self.doubt = self._motion.contradiction(shown, where, stamp)
        if self.doubt:
            self._near = self._checker.observe(math.nan)
            if self._motion and self._motion.lasting:
                return self.end(Status(ErrorCode.IMPLAUSIBLE, self.doubt))
            return self.outcome
        self.learned = learned
        if learned:
            self._progress.pause(self._waited)
            self._waited = 0.0
            self._progress.observe(distance, now)
        else:  # no distance of an arm that holds is progress
            self._progress.begin(now)
        last = self.index == self.count - 1
        near = self._checker.observe(math.nan if last and moving else distance)
        self._near = self._patient.observe(distance) or near  # an arm need not come to rest there
        if self._near and last:
            return self.end(
                Status(
                    ErrorCode.NONE,
                    f"reached: distance {distance:.3f} stayed below {self.tolerance:.3f} for "
                    f"{max(self._checker.count, self._patient.count)} images",
                )
            )
        return self.outcome

    def advance(self) -> bool:
        """Go on to the next goal if the sub-goal was reached; return whether it was."""
        if not self._near or self.index == self.count - 1:
            return False
        self.index += 1
        self._pursue()
        return True

    def tick(
        self,
        *,
        now: float,
        steady: float,
        image_steady: float,
        poses: PoseMonitor,
        pace: float = 1.0,
        unplanned: str = "",
        late: str = "",
    ) -> Status | None:
        """Check the timeouts; return how the goal ended, or None.

        Args:
            now: Current ROS time [s].
            steady: Current steady time [s].
            image_steady: When the newest good image arrived (steady) [s].
            poses: The measured poses.
            pace: Share of its speed at which the arm may move, 0 to 1. A slowed arm gets more time
                to progress, but not more time for the goal.
            unplanned: Why no plan has been made yet, for the end of the goal.
            late: What was late how often, for the end of the goal.
        """
        passed, self._ticked = max(now - self._ticked, 0.0), now
        self._progress.pause((1 - pace) * passed)
        self._waited += 0.0 if self.learned else pace * passed
        late = late and f"; {late}"
        elapsed = now - self.started
        if elapsed > self.timeout:
            where = f"the distance is {self.distance:.3f}, the tolerance {self.tolerance:.3f}"
            if self.steps == 0:
                where = f"no plan was made: {unplanned}"
            elif not self.learned:
                where += f"; {UNINFORMATIVE}"
            return self.end(
                Status(
                    ErrorCode.TIMED_OUT,
                    f"timed out: {elapsed:.1f} s passed, {self.timeout:.1f} s were allowed; "
                    f"{where}{late}",
                )
            )
        # Counted from the start of the goal, so that the camera may start together with it.
        image_age = steady - max(image_steady, self._started_steady)
        if image_age > self._config.image_timeout:
            return self.end(
                Status(
                    ErrorCode.NO_IMAGE,
                    f"no good image for {image_age:.2f} s (session.image_timeout is "
                    f"{self._config.image_timeout:.2f} s): "
                    + (
                        self.image_problem
                        or "is the camera running, and is its topic the one the node subscribes to?"
                    ),
                )
            )
        pose_age = steady - max(poses.steady, self._started_steady)
        if pose_age > self._config.pose_timeout:
            return self.end(
                Status(
                    ErrorCode.NO_POSE,
                    f"no new measured pose for {pose_age:.2f} s (session.pose_timeout is "
                    f"{self._config.pose_timeout:.2f} s): "
                    + (poses.problem or self.pose_problem or "does the arm follow its commands?"),
                )
            )
        if self._progress.stalled(now):
            return self.end(Status(ErrorCode.STALLED, self._why_stalled(late)))
        return self.outcome

    def _why_stalled(self, late: str) -> str:
        limit = f"session.progress_time ({self._config.progress_time:g} s)"
        distance = f"stalled: the distance is {self.distance:.3f}"
        if not self.learned:
            return f"{distance}; no progress within {limit}{late}: {UNINFORMATIVE}"
        return (
            f"{distance}; it did not fall below {self._progress.best:.3f} by "
            f"session.progress_fraction ({self._config.progress_fraction:g}) within {limit}{late}: "
            "does the arm follow its commands, and can it reach the goal?"
        )

    def _pursue(self) -> None:
        """Start pursuing the goal at ``index``."""
        self._near, self.learned, self._waited = False, True, 0.0
        if self._motion:
            self._motion.restart()
        last = self.index == self.count - 1
        images = self._config.tolerance_images if last else 1
        self._checker = GoalChecker(self.tolerance, images)
        self._patient = GoalChecker(self.tolerance, images + PASSING)
        self._progress = ProgressChecker(self._config.progress_time, self._config.progress_fraction)
