"""Everything that planning raises: settings that make no sense, and plans that cannot be had."""

from __future__ import annotations


class PlanError(RuntimeError):
    """No plan; the caller holds the robot. Every error of this package is one."""


class SettingsError(PlanError, ValueError):
    """A setting that makes no sense, found when the planner is built or called.

    Attributes:
        setting: Name of the setting.
    """

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        """Write the message: where, what, and what to do."""
        self.setting = setting
        super().__init__(f"{setting}: {problem}; {remedy}")


class PresetError(SettingsError):
    """A preset that does not exist."""

    def __init__(self, name: str, known: list[str]) -> None:
        """Name the preset and those that exist."""
        super().__init__("preset", f"there is no preset {name!r}", f"choose {', '.join(known)}")


class BoundsError(SettingsError):
    """Action bounds that leave no box."""

    def __init__(self, problem: str) -> None:
        """Say what is wrong with the box."""
        super().__init__(
            "bounds", problem, "give (lower, upper), each a number or one per action dimension"
        )


class WarmStartError(SettingsError):
    """A warm start that does not fit the plan."""

    def __init__(self, problem: str) -> None:
        """Say what does not fit."""
        super().__init__(
            "warm_start", problem, "give the previous plan's actions (batch, steps, action_dim)"
        )


class CostShapeError(PlanError):
    """The cost function returned something other than one number per candidate."""

    def __init__(self, expected: tuple[int, ...], got: object) -> None:
        """Name both shapes."""
        super().__init__(
            f"cost: expected a tensor {expected} (batch, candidates), got {got}; "
            "return one cost per candidate"
        )


class NoFiniteCostError(PlanError):
    """No candidate of some problem had a finite cost.

    Attributes:
        problems: Indices into the batch.
    """

    def __init__(self, problems: list[int], candidates: int) -> None:
        """Name the problems and how many candidates were tried."""
        self.problems = problems
        super().__init__(
            f"cost: all {candidates} candidates of problem {', '.join(map(str, problems))} cost "
            "NaN or infinity; hold, and check the observation, the goal and the action bounds"
        )


class PlanCanceledError(PlanError):
    """Canceled before the first iteration, so that there is no plan at all."""

    def __init__(self) -> None:
        """Say when it was canceled."""
        super().__init__("cancel: canceled before the first iteration; there is no plan yet")


class GradientError(PlanError):
    """The cost cannot be differentiated."""

    def __init__(self, reason: str) -> None:
        """Say why."""
        super().__init__(
            f"cost: not differentiable ({reason}); make it outside of inference_mode, "
            "or use a preset that needs no gradient"
        )


class CostMemoryError(PlanError):
    """One candidate per problem is already too much for the memory."""

    def __init__(self, batch: int) -> None:
        """Name the batch, which is what remains to be made smaller."""
        super().__init__(
            f"cost: out of memory with one candidate for each of {batch} problems; "
            "plan fewer problems at once or use a smaller model"
        )
