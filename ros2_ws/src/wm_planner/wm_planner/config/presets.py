"""The presets: each names a planner and the size of its search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wm_planner.config.schema import ConfigError


@dataclass(frozen=True)
class SearchSize:
    """How many candidates a planner evaluates, and how many at a time.

    Attributes:
        num_samples: Candidates per iteration.
        iterations: Largest number of iterations.
        num_elites: Candidates that the next distribution is fitted to; None: the planner decides.
        chunk: Candidates per call of the cost; None: as many as fit.
        memory_limit: Memory that one call of the cost may take [bytes]; None: no limit.
    """

    num_samples: int = 1
    iterations: int = 1
    num_elites: int | None = None
    chunk: int | None = None
    memory_limit: int | None = None

    def check(self, least: Mapping[str, int]) -> None:
        """Check the numbers.

        Args:
            least: The least value of each, by name.

        Raises:
            ConfigError: One is too small or no whole number, or there are more elites than samples.
        """
        for name, low in {**least, "chunk": 1, "memory_limit": 1}.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < low):
                raise ConfigError(f"{name} is {value}; give a whole number, {low} or more")
        if self.num_elites is not None and self.num_elites > self.num_samples:
            raise ConfigError(
                f"num_elites is {self.num_elites}, more than num_samples, which is "
                f"{self.num_samples}; give as many or fewer"
            )


@dataclass(frozen=True)
class Preset:
    """A planner with the size of its search.

    Attributes:
        planner: The planner: name of its section in ``PlanningConfig`` and in
            ``wm_planner.planning.factory``.
        about: A few words for the description of ``planning.preset``.
        size: Size of its search.
    """

    planner: str
    about: str
    size: SearchSize = field(default_factory=SearchSize)


PRESETS: dict[str, Preset] = {
    "online": Preset("adaptive_cem", "adaptive CEM, 5 iterations", SearchSize(300, 5)),
    "full": Preset("adaptive_cem", "the same with 30 iterations", SearchSize(300, 30)),
    "dino_wm": Preset("cem", "DINO-WM's CEM, 30 iterations", SearchSize(300, 30, 30)),
    "mppi": Preset("mppi", "MPPI, 30 iterations", SearchSize(300, 30)),
    "gradient": Preset("gradient", "Adam, 8 plans, 100 steps", SearchSize(8, 100)),
    "cem_gd": Preset("cem_gd", "adaptive CEM, then Adam"),
    "random": Preset("random", "one random plan, a baseline"),
}
"""Every preset by name. A planner with a new name also needs a section and a factory."""
