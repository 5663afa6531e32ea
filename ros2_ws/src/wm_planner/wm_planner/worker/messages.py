"""Messages between the node and its worker; plain data, no torch.

The node sends ``SetGoal``, ``PlanRequest`` and ``PlanOnce``; the worker answers ``Ready`` once,
then one ``Planned`` or ``Failed`` per plan. A new message ends the plan under way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wm_planner.types import Observation, RgbImage, Vector


@dataclass(frozen=True)
class SetGoal:
    """The goal of the plans that follow; forgets the previous plan."""

    goal_id: int
    goal: Observation


@dataclass(frozen=True)
class PlanRequest:
    """Plan from an image to the goal set before, warm-started from the previous plan.

    Attributes:
        goal_id: The goal it belongs to.
        observation: What the robot sees; its stamp says how far the last plan has moved on.
        imagine: Also decode what the model expects of the plan.
    """

    goal_id: int
    observation: Observation
    imagine: bool = False


@dataclass(frozen=True)
class PlanOnce:
    """One plan from nothing, which leaves the current goal and its warm start alone.

    Attributes:
        goal_id: A number of its own; comes back in the answer.
        observation: What the robot sees.
        goal: What it should see.
        preset: Planner preset, empty for the configured one.
        seed: Seed of the draws, negative for the configured one.
    """

    goal_id: int
    observation: Observation
    goal: Observation
    preset: str = ""
    seed: int = -1


@dataclass(frozen=True)
class Ready:
    """The model is loaded and warmed up.

    Attributes:
        description: Model, device and planner, for the log.
        warnings: What every status should say, e.g. unverified statistics.
    """

    description: str
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Planned:
    """A plan.

    Attributes:
        goal_id: The goal it is for.
        stamp: Stamp of its image [s]; NaN for ``PlanOnce``.
        actions: Physical actions (horizon, frameskip * action_dim).
        distance: From the image to the goal, in typical distances; in the latent space's own
            units where the model is not calibrated.
        cost_history: Cost of the best plan after each iteration.
        stop_reason: Why the planner stopped.
        plan_time: Wall time of encoding and planning [s].
        latent_score: How far the image's latent lies outside the training's, 1 being the
            farthest that is normal; None where the spec does not say what is.
        imagined: Decoded frames of the plan in a row, then the goal image, uint8 (size,
            frames * size, 3); None where it was not asked for, or the model has no decoder.
        decode_error: Why there are none although they were asked for, or an empty string.
    """

    goal_id: int
    stamp: float
    actions: Vector
    distance: float
    cost_history: list[float]
    stop_reason: str
    plan_time: float
    latent_score: float | None = None
    imagined: RgbImage | None = None
    decode_error: str = ""


@dataclass(frozen=True)
class Failed:
    """No plan: the message says why.

    Attributes:
        goal_id: The goal it is about; -1: the worker could not start, or was lost.
        message: A sentence.
        lost: The worker is gone.
        restarting: It is being started again, and will go on with the goal.
        preempted: It is about a ``PlanOnce`` that a goal kept from being made.
    """

    goal_id: int
    message: str
    lost: bool = False
    restarting: bool = False
    preempted: bool = False


Request = SetGoal | PlanRequest | PlanOnce
Answer = Ready | Planned | Failed
