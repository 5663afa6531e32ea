"""Requests for plans: from which observation, and which answers still count."""

from __future__ import annotations

import math

from wm_planner.camera_contract import CameraContract
from wm_planner.config import Config
from wm_planner.control.clock import MAX_FUTURE
from wm_planner.control.commander import Commander
from wm_planner.control.lateness import LoopLateness
from wm_planner.control.past_frames import PastFrames
from wm_planner.control.pose_monitor import PoseMonitor
from wm_planner.models import ModelSpec
from wm_planner.types import Observation, Vector
from wm_planner.worker import Planned, PlannerLink, PlanRequest

MOVING = 0.2  # times the largest lead: an arm that is led on further is not at its goal yet


class PlanRequests:
    """Requests plans from observations, each newer than the last, and takes their answers.

    Times named ``now`` are ROS time, those named ``steady`` the steady clock, both in seconds.

    Args:
        config: All settings.
        spec: The model's spec.
        link: Makes the plans.
        contract: Checks the images before a plan is made from them.
        commander: Moves the arm.
        poses: The measured poses.
        lateness: Is told when plans are expected and arrive.

    Raises:
        ConfigError: The model cannot look back as the settings ask.

    Attributes:
        past: What was seen before the newest observation.
        newest: The newest observation, unless it was planned from.
        stamp: Stamp of the observation planned from last [s].
        where: Where the arm was at it, see ``PoseHistory.around``.
        outdated: Whether the arm has held for an image or a pose since.
        imagine: Whether to request the imagined frames of plans.
        explain: Whether to request candidates of the searches.
    """

    def __init__(
        self,
        config: Config,
        spec: ModelSpec,
        link: PlannerLink,
        contract: CameraContract,
        commander: Commander,
        poses: PoseMonitor,
        lateness: LoopLateness,
    ) -> None:
        self.past = PastFrames(config, spec, contract, commander, poses)
        self._link, self._contract, self._commander = link, contract, commander
        self._poses, self._lateness = poses, lateness
        self.newest: Observation | None = None
        self.stamp = -math.inf
        self.where: Vector | None = None
        self.outdated = self.imagine = self.explain = False

    def restart(self, now: float) -> None:
        """Begin at ROS time ``now`` [s]: the observations may be a second old."""
        self.stamp = now - 1.0

    def observe(self, observation: Observation, *, frozen: bool) -> None:
        """Take an observation; that of a frozen camera shows nothing of the past."""
        self.newest = observation
        if not frozen:
            self.past.add(observation)

    def make(self, goal_id: int, max_age: float, now: float, steady: float) -> str:
        """Request a plan from the newest observation, if it is due and the worker is idle.

        Args:
            goal_id: The goal under way.
            max_age: Largest age of the observation [s].
            now: ROS time [s].
            steady: Steady time [s].

        Returns:
            Why the goal has to end instead, because of the images; an empty string if it has not.
        """
        observation = self._due(now, max_age)
        if observation is None or not (self._commander.started and self._link.idle):
            return ""
        self.newest, self.outdated = None, False
        self.stamp = observation.stamp
        self.where = self._poses.history.around(observation.stamp)
        if why := self._contract.violation(observation):
            return why
        self._lateness.plans.expect(steady)
        past = self.past.before(observation)
        wanted = PlanRequest(goal_id, observation, self.imagine, past, self.explain)
        self._link.plan(wanted)
        return ""

    def take(self, plan: Planned, goal_id: int | None, steady: float) -> bool:
        """Take a plan; return whether it is the one that was requested last.

        Args:
            plan: The plan.
            goal_id: The goal under way; None if there is none.
            steady: Steady time [s].
        """
        if plan.goal_id != goal_id or plan.stop_reason == "canceled":
            self._lateness.plans.cancel()
            return False
        self._contract.latent_score = plan.latent_score
        self._lateness.plans.arrived(steady)
        # Another stamp: it was requested before the clock jumped.
        return self._commander.started and plan.stamp == self.stamp

    def seen(self, plan: Planned) -> tuple[Vector | None, float, float | None, float]:
        """Return what decides whether the image of a plan is believed.

        Returns:
            Where the arm was at the image; its stamp [s, ROS time]; its distance without the goal's
            masks; and when the gripper was last commanded to move [s, ROS time].
        """
        gripper = self._commander.gripper
        moved = gripper.moved if gripper else -math.inf
        return self.where, plan.stamp, plan.whole_distance, moved

    def may_follow(self) -> bool:
        """Return whether the arm may follow the plan when nothing is overdue.

        If the arm has held for an image or a pose since the request, then what happened meanwhile
        shows only in a newer image, so the plan is not followed. But if the arm has rested since
        the image, the plan begins where the arm is, like the first plan of a goal. So a goal goes
        on even on a machine so busy that something is overdue during every plan.
        """
        return not self.outdated or self._commander.history.rested_since(self.stamp)

    @property
    def moving(self) -> bool:
        """Whether the commands lead the arm on from where it was at the image."""
        commander = self._commander
        leads = commander.gate.leads(commander.history.at(self.stamp), commander.commanded_point)
        return leads > MOVING and not commander.shadow

    def why_none(self) -> str:
        """Return why a goal without a plan has none yet."""
        if not self._commander.started:
            return self._poses.problem or "no measured pose came to start from"
        if self._link.ready is None:
            return self._link.problem
        if self._link.idle:
            return "no image came to plan from"
        return "the first plan was not finished"

    def _due(self, now: float, max_age: float) -> Observation | None:
        """Return the newest observation if a plan may begin from it, or None."""
        stamp = self.newest.stamp if self.newest else -math.inf
        fresh = now - max_age <= stamp <= now + MAX_FUTURE
        return self.newest if fresh and stamp > self.stamp else None
