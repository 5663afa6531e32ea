"""The errors of planning: wrong settings, and searches without a plan."""

from __future__ import annotations


class PlanError(RuntimeError):
    """There is no plan, so the caller must hold the robot; base class of all errors here."""


class SettingsError(PlanError, ValueError):
    """A setting or an argument is wrong; found when the planner is built or called."""


class PresetError(SettingsError):
    """There is no preset of this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no preset {name!r}; choose {', '.join(known)}")


class BoundsError(SettingsError):
    """The action bounds leave no box."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"bounds: {problem}; give (lower, upper), each a number or one per action dimension"
        )


class WarmStartError(SettingsError):
    """The warm start does not fit the plan."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"warm_start {problem}; give the previous plan's actions (batch, steps, action_dim)"
        )


class PriorError(SettingsError):
    """The prior is no Gaussian of the plan's actions."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"prior {problem}; give (mean, standard deviation), each a number or numbers that "
            "broadcast to (batch, horizon, action_dim)"
        )


class CostShapeError(PlanError):
    """The cost function returned something other than one real number per candidate."""

    def __init__(self, expected: tuple[int, ...], got: object) -> None:
        super().__init__(
            f"cost: expected a tensor {expected} (batch, candidates), got {got}; "
            "return one real number per candidate"
        )


class CostWritesError(PlanError):
    """The cost function changed the candidates of a later iteration, but not the first ones."""

    def __init__(self) -> None:
        super().__init__(
            "cost: it wrote into the candidates that it was given, so they are no longer those "
            "that it judged; let it compute with a copy (actions.clone())"
        )


class NonFinitePlanError(PlanError):
    """The plan of some problem contains NaN or infinity.

    Attributes:
        problems: Indices into the batch.
    """

    def __init__(self, problems: list[int]) -> None:
        self.problems = problems
        super().__init__(
            f"plan: the actions of problem {', '.join(map(str, problems))} contain NaN or "
            "infinity, although their cost is finite; hold, and check the action bounds, the prior "
            "and that NaN actions cost NaN"
        )


class NoFiniteCostError(PlanError):
    """No candidate of some problem had a finite cost.

    Attributes:
        problems: Indices into the batch.
    """

    def __init__(self, problems: list[int], candidates: int) -> None:
        self.problems = problems
        super().__init__(
            f"cost: all {candidates} candidates of problem {', '.join(map(str, problems))} cost "
            "NaN or infinity; hold, and check the observation, the goal and the action bounds"
        )


class PlanCanceledError(PlanError):
    """The search was canceled before its first iteration, so there is no plan at all."""

    def __init__(self) -> None:
        super().__init__("cancel: canceled before the first iteration; there is no plan yet")


class GradientError(PlanError):
    """The cost is not differentiable."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"cost: not differentiable ({reason}); compute it outside of inference_mode, "
            "or use a preset that needs no gradient"
        )


class CostMemoryError(PlanError):
    """The memory is too small for one candidate per problem."""

    def __init__(self, batch: int) -> None:
        super().__init__(
            f"cost: out of memory with one candidate for each of {batch} problems; "
            "plan fewer problems at once or use a smaller model"
        )
