"""Settings of planning: the preset, what differs from it, and the settings of every planner."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wm_planner.config.planners import (
    AdaptiveCEMSettings,
    CEMSettings,
    GradientSettings,
    MPPISettings,
    PlannerSettings,
    RandomSettings,
    RefinedSettings,
)
from wm_planner.config.presets import PRESETS, SearchSize
from wm_planner.config.schema import ConfigError, setting


@dataclass
class PlanningConfig:
    """The planner.

    The preset chooses a planner and the size of its search; a size of 0 is the preset's. The
    settings of each planner are in a section of its own, and are used by every preset that has
    this planner.
    """

    preset: str = setting(
        "online",
        f"Planner preset: {', '.join(f'{name} ({p.about})' for name, p in PRESETS.items())}.",
        choices=list(PRESETS),
    )
    num_samples: int = setting(0, "Candidates per iteration; 0: the preset's.", low=0, high=10**6)
    iterations: int = setting(0, "Iterations per plan; 0: the preset's.", low=0, high=10**5)
    num_elites: int = setting(
        0,
        "Elites per iteration; 0: the preset's (adaptive CEM: 0.2 of the candidates).",
        low=0,
        high=10**6,
    )
    horizon: int = setting(5, "Model steps planned ahead.", low=1, high=100)
    seed: int = setting(0, "Seed of the planner's random draws.", low=0, high=2**63 - 1)
    budget: float = setting(
        0.0,
        "Wall-clock budget of one plan [s], after which the best plan so far is used; 0: none.",
        low=0.0,
        high=600.0,
    )
    chunk: int = setting(
        0, "Candidates per call of the model; 0: as many as fit.", low=0, high=10**6
    )
    memory_limit: int = setting(
        0,
        "GPU memory that one call of the model may take [bytes]; 0: no limit.",
        low=0,
        high=1 << 40,
    )
    adaptive_cem: AdaptiveCEMSettings = field(default_factory=AdaptiveCEMSettings)
    cem: CEMSettings = field(default_factory=CEMSettings)
    mppi: MPPISettings = field(default_factory=MPPISettings)
    gradient: GradientSettings = field(default_factory=GradientSettings)
    cem_gd: RefinedSettings = field(default_factory=RefinedSettings)
    random: RandomSettings = field(default_factory=RandomSettings)

    def settings_of(self, preset: str) -> PlannerSettings:
        """Return the section of a preset's planner."""
        section: PlannerSettings = getattr(self, PRESETS[preset].planner)
        return section

    def size_of(self, preset: str) -> SearchSize:
        """Return the size of a preset's search.

        Args:
            preset: Name of the preset; ``num_samples``, ``iterations`` and ``num_elites`` count for
                the configured one only.

        Raises:
            ConfigError: The planner has no such setting, or they contradict each other.
        """
        least = self.settings_of(preset).sizes
        names = ["chunk", "memory_limit"]
        if preset == self.preset:
            names += ["num_samples", "iterations", "num_elites"]
        chosen = {name: value for name in names if (value := getattr(self, name))}
        for name, value in chosen.items():
            if name not in (*least, "chunk", "memory_limit"):
                raise ConfigError(
                    f"planning.{name} is {value}, but the preset {preset} has no such setting; set "
                    "it to 0 or choose another preset"
                )
        size = replace(PRESETS[preset].size, **chosen)
        try:
            size.check(least)
        except ConfigError as error:
            raise ConfigError(f"planning.{error}") from error
        return size


@dataclass
class ObjectiveConfig:
    """The cost of a candidate."""

    mode: str = setting(
        "model",
        "Frames of a rollout that count: model (as model.yaml says), last, all (DINO-WM) or mean.",
        choices=["model", "last", "all", "mean"],
    )
    base: float = setting(2.0, "Growth of the frame weights in mode all.", above=0.0, high=100.0)
    alpha: float = setting(1.0, "Weight of the proprio distance.", low=0.0, high=1e6)
