"""Messages between the node and its worker: plain data, no torch.

The node sends ``Configure``, ``SetGoal``, ``PlanRequest`` and ``PlanOnce``. The worker answers
``Ready`` once, then one ``Planned`` or ``Failed`` per plan. A new message ends the current plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wm_planner.config import Config, WorkerConfig
from wm_planner.types import Goal, Observation, Past, RgbImage, Vector

UNINFORMATIVE = (
    "nothing distinguishes the candidates: to the model, the actions do not change the distance to "
    "the goal. Is what the arm shall move in the image, and the arm itself? If both are, raise "
    "planning.horizon, planning.num_samples or the planner's sigma, e.g. "
    "planning.adaptive_cem.sigma, and examine the model with wm-planner doctor"
)
"""What a plan that learned nothing means, and what to do."""


@dataclass(frozen=True)
class Configure:
    """New settings of ``planning`` and ``objective``; all others count at the start only."""

    config: Config


@dataclass(frozen=True)
class SetGoal:
    """The goal of the following plans; the worker forgets the previous plan."""

    goal_id: int
    goal: Goal


@dataclass(frozen=True)
class PlanRequest:
    """A request for a plan to the current goal, warm-started from the previous one if that learned.

    Attributes:
        goal_id: The goal it belongs to.
        observation: What the robot sees; its stamp tells how far the previous plan has advanced.
        imagine: Also decode the frames that the model predicts for the plan.
        past: What was seen before, for a model that looks back.
        explain: Also return candidates of the search.
    """

    goal_id: int
    observation: Observation
    imagine: bool = False
    past: Past = field(default_factory=Past)
    explain: bool = False


@dataclass(frozen=True)
class PlanOnce:
    """A request for one plan without a warm start; the current goal and its plans are unaffected.

    Attributes:
        goal_id: Identifies the request; repeated in the answer.
        observation: What the robot sees.
        goal: What it should see.
        preset: Planner preset; empty: the configured one.
        seed: Seed of the draws; negative: the configured one.
    """

    goal_id: int
    observation: Observation
    goal: Goal
    preset: str = ""
    seed: int = -1


@dataclass(frozen=True)
class Ready:
    """The model is loaded and warmed up.

    Attributes:
        description: Model and device, for the log.
        warnings: Sentences for every status, e.g. on unverified statistics.
        token_grid: Rows and columns of image tokens in each view, by which masks of goals count;
            None: goals cannot have masks.
        precision: Precision of rollouts: ``float32``, ``tf32``, ``bfloat16`` or ``float16``.
        plan_time: About how long a plan takes [s]; 0: unknown.
    """

    description: str
    warnings: list[str] = field(default_factory=list)
    token_grid: tuple[int, int] | None = None
    precision: str = "float32"
    plan_time: float = 0.0

    def plan_time_problem(self, settings: WorkerConfig) -> str:
        """Return why plans take too long, and what to do; empty if they do not."""
        longest = settings.plan_timeout
        if self.plan_time <= longest or settings.mode == "inline":
            return ""
        return (
            f"a plan takes about {self.plan_time:.2g} s, longer than worker.plan_timeout "
            f"({longest:g} s), after which the worker is restarted: set planning.budget below "
            f"{longest:g} s, or plan with fewer candidates"
        )


@dataclass(frozen=True)
class Candidates:
    """Candidates of the last iteration of a search, and how much they leave open.

    Attributes:
        costs: Costs (C,) of some possible ones, ascending, in the objective's own unit.
        actions: Their physical actions (C, horizon, frameskip * action_dim).
        deviations: Standard deviation (horizon, frameskip * action_dim) of the elites of the whole
            iteration, in physical units; (0, frameskip * action_dim) if fewer than two candidates
            were possible.
    """

    costs: Vector
    actions: Vector
    deviations: Vector


@dataclass(frozen=True)
class Planned:
    """A plan.

    Attributes:
        goal_id: The goal of the request.
        stamp: Stamp of its image [s]; NaN for ``PlanOnce``.
        actions: Physical actions (horizon, frameskip * action_dim).
        distance: From the image to the goal, in typical distances; without calibration in the
            units of the latent space.
        cost_history: Cost of the best plan after each iteration.
        stop_reason: Why the planner stopped.
        learned: Whether the costs told the candidates apart; if not, the plan is no better than any
            other, and must not be followed (``UNINFORMATIVE``).
        plan_time: Wall time of encoding and planning [s].
        latent_score: Distance of the image's latent from those of training; up to 1 is normal.
            None if the spec has no latent statistics.
        imagined: Decoded frames of the plan in a row, then the goal image, uint8 (size,
            frames * size, 3); None if not requested, or if the model has no decoder.
        decode_error: Why requested frames are missing, or an empty string.
        frames: Observed frames that the plan was made from: the newest, and those of the past.
        whole_distance: The distance without the goal's masks; None: the goal has none.
        candidates: Candidates of the search; None if not requested.
    """

    goal_id: int
    stamp: float
    actions: Vector
    distance: float
    cost_history: list[float]
    stop_reason: str
    learned: bool
    plan_time: float
    latent_score: float | None = None
    imagined: RgbImage | None = None
    decode_error: str = ""
    frames: int = 1
    whole_distance: float | None = None
    candidates: Candidates | None = None


@dataclass(frozen=True)
class Failed:
    """There is no plan; the message says why.

    Attributes:
        goal_id: The goal of the request; -1: the worker could not start, or was lost.
        message: A sentence.
        lost: The worker is gone.
        restarting: The worker is being restarted and will continue with the goal.
        preempted: A goal took the place of this ``PlanOnce``.
    """

    goal_id: int
    message: str
    lost: bool = False
    restarting: bool = False
    preempted: bool = False


Request = Configure | SetGoal | PlanRequest | PlanOnce
Answer = Ready | Planned | Failed
