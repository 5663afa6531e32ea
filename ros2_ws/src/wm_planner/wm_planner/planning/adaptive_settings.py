"""Settings of the adaptive cross-entropy method."""

from __future__ import annotations

from dataclasses import dataclass, field

from wm_planner.planning.draws import KINDS
from wm_planner.planning.errors import SettingsError
from wm_planner.planning.stopping import StoppingSettings


@dataclass(frozen=True)
class AdaptiveCEMSettings:
    """Settings of the adaptive solver; docs/planning.md has the measured effect of each.

    Attributes:
        num_samples: Candidates per iteration.
        num_elites: Candidates that pull the mean; None: 0.3 of the samples.
        iterations: Iterations at most.
        sigma: First standard deviation of a cold start, in the actions' units.
        box_fraction: The first deviation is at most this fraction of half the box.
        shape_fraction: Fraction of the samples that shape the covariance.
        repulsion: How strongly the worst candidates push the mean away (see ``log_rank``).
        momentum: Fraction of the mean's last step that is repeated (TD-MPC's and iCEM's momentum
            slows the mean down instead: it averages; this one is Polyak's heavy ball).
        learning_rate: Step of the covariance toward the elites' (rank-mu update of CMA-ES in the
            decomposition-free form of MA-ES: Beyer and Sendhoff 2017); None: N / (N + 5 D) for N
            samples in D dimensions, as more samples per dimension are worth more trust.
        warm_learning_rate: The same on a warm start, where the covariance was learned before;
            None: half of it.
        final_sigma: Width that the schedule leaves after the last iteration, relative to the first;
            None: 0.06 + 0.45 / iterations, as few iterations leave the mean farther off.
        haste: 1 narrows by the same factor after each iteration; below 1 more at first.
        draws: ``"mirrored_orthogonal"`` or ``"gaussian"`` (see ``Draws``).
        covariance: ``"full"``, or ``"diagonal"`` as plain CEM has it.
        color: Exponent of the power spectrum 1/f^color of the first distribution over time (iCEM:
            Pinneri et al. 2020); 0: white. For plans known to be smooth.
        warm_sigma: First deviation on a warm start, relative to ``sigma``.
        warm_tail_sigma: The same for the steps that the warm start did not plan: those it lacks,
            or the last one where it is complete.
        carry: How much of the covariance's shape a warm start takes over from the last plan, the
            rest being round; 0: none. Which directions matter depends on the place in the horizon
            more than on the moment, so that it is taken over unshifted.
        stopping: Early stopping.
        chunk: Candidates per call of the cost, None for as many as fit.
        memory_limit: Memory that one call of the cost may take [bytes].
        compile: Compile the update with ``torch.compile``.
    """

    num_samples: int = 300
    num_elites: int | None = None
    iterations: int = 30
    sigma: float = 1.0
    box_fraction: float = 0.5
    shape_fraction: float = 0.6
    repulsion: float = 0.5
    momentum: float = 0.2
    learning_rate: float | None = None
    warm_learning_rate: float | None = None
    final_sigma: float | None = None
    haste: float = 0.8
    draws: str = "mirrored_orthogonal"
    covariance: str = "full"
    color: float = 0.0
    warm_sigma: float = 0.6
    warm_tail_sigma: float = 1.4
    carry: float = 0.8
    stopping: StoppingSettings = field(default_factory=StoppingSettings)
    chunk: int | None = None
    memory_limit: int | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            SettingsError: A setting out of range.
        """
        if not self.num_samples >= 2:
            raise SettingsError("num_samples", f"{self.num_samples} is below 2", "64 is little")
        if self.num_elites is not None and not 1 <= self.num_elites <= self.num_samples:
            raise SettingsError(
                "num_elites",
                f"{self.num_elites} of {self.num_samples} samples",
                "take at least 1 and no more than num_samples",
            )
        for name in (
            "sigma",
            "box_fraction",
            "haste",
            "warm_sigma",
            "warm_tail_sigma",
        ):
            if not 0 < getattr(self, name) < float("inf"):
                raise SettingsError(
                    name, f"{getattr(self, name)} is not above 0", "see the default"
                )
        for name, low, high in (
            ("shape_fraction", 0, 1),
            ("repulsion", 0, 1),
            ("momentum", 0, 1),
            ("learning_rate", 0, 1),
            ("warm_learning_rate", 0, 1),
            ("carry", 0, 1),
            ("color", 0, 4),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SettingsError(name, f"{value} is outside {low} to {high}", "see the default")
        if self.final_sigma is not None and not 0 < self.final_sigma < float("inf"):
            raise SettingsError("final_sigma", f"{self.final_sigma} is not above 0", "use None")
        if self.draws not in KINDS:
            raise SettingsError("draws", f"there is no {self.draws!r}", f"choose {KINDS}")
        if self.covariance not in ("full", "diagonal"):
            raise SettingsError(
                "covariance", f"there is no {self.covariance!r}", "choose full or diagonal"
            )

    @property
    def elites(self) -> int:
        """Candidates that pull the mean."""
        return self.num_elites or max(1, round(0.3 * self.num_samples))

    @property
    def shapers(self) -> int:
        """Candidates that shape the covariance."""
        return max(1, round(self.num_samples * self.shape_fraction))

    @property
    def width(self) -> float:
        """Width after the last iteration, relative to the first."""
        return self.final_sigma or 0.06 + 0.45 / self.iterations

    def rate(self, dims: int, *, warm: bool) -> float:
        """Step of the covariance in ``dims`` dimensions."""
        rate = self.learning_rate
        if rate is None:
            rate = self.num_samples / (self.num_samples + 5 * dims)
        if not warm:
            return rate
        return rate / 2 if self.warm_learning_rate is None else self.warm_learning_rate

    def scale(self, iteration: int) -> float:
        """Width in an iteration (counted from 0), relative to the first."""
        return float(self.width ** ((iteration / self.iterations) ** self.haste))
