"""Settings of each planner; docs/explanation/planning.md has their sources and measured effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from wm_planner.config.schema import setting


def _patience(default: int) -> Any:
    return setting(
        default,
        "Iterations without improvement after which a search stops; 0: never.",
        low=0,
        high=10**5,
    )


def _sigma(default: float) -> Any:
    return setting(
        default, "First standard deviation, in normalized actions.", above=0.0, high=100.0
    )


def _width(default: float, help: str) -> Any:
    return setting(default, help, above=0.0, high=100.0)


def _fraction(default: float, help: str) -> Any:
    return setting(default, help, low=0.0, high=1.0)


def _draws() -> Any:
    return setting(
        "mirrored_orthogonal",
        "Random numbers: mirrored_orthogonal (evenly spread pairs of opposites) or gaussian.",
        choices=["mirrored_orthogonal", "gaussian"],
    )


@dataclass
class PlannerSettings:
    """Settings of a planner.

    Attributes:
        sizes: Those of ``num_samples``, ``iterations`` and ``num_elites`` that the planner has,
            and the least value of each.
    """

    sizes: ClassVar[Mapping[str, int]] = {}


@dataclass
class StoppingSettings(PlannerSettings):
    """When a search stops before its last iteration."""

    patience: int = _patience(5)
    min_improvement: float = setting(
        0.001,
        "Smallest improvement that counts, relative to the best cost so far; at a best cost of 0 "
        "any decrease counts.",
        low=0.0,
        high=1.0,
    )


@dataclass
class AdaptiveCEMSettings(StoppingSettings):
    """CEM that learns which directions matter (presets `online` and `full`; search of `cem_gd`)."""

    sizes: ClassVar[Mapping[str, int]] = {"num_samples": 2, "iterations": 1, "num_elites": 1}

    sigma: float = _sigma(1.0)
    box_fraction: float = _width(
        0.5, "Largest first standard deviation, as a fraction of half the range of an action."
    )
    shape_fraction: float = _fraction(0.8, "Fraction of the candidates that shape the covariance.")
    step: float = _width(1.2, "Step of the mean, relative to the elites' weighted mean.")
    repulsion: float = _fraction(0.3, "How strongly the worst candidates push the mean away.")
    learning_rate: float = setting(
        -1.0,
        "Step of the covariance toward the elites'; -1: N / (N + 5 D) for N candidates of D "
        "numbers in a call of the cost.",
        low=-1.0,
        high=1.0,
    )
    warm_learning_rate: float = setting(
        -1.0, "The same on a warm start; -1: half of learning_rate.", low=-1.0, high=1.0
    )
    final_sigma: float = setting(
        0.0,
        "Width after the last iteration, relative to the first; 0: 0.02 + 0.45 / calls.",
        low=0.0,
        high=100.0,
    )
    haste: float = _width(
        0.8,
        "1: narrow by the same factor in each call of the cost; below 1: more in the first ones.",
    )
    draws: str = _draws()
    covariance: str = setting(
        "full", "Covariance: full, or diagonal as in plain CEM.", choices=["full", "diagonal"]
    )
    color: float = setting(
        0.0,
        "Exponent of the first candidates' power spectrum over time, 1/f^color; 0: white.",
        low=0.0,
        high=4.0,
    )
    warm_sigma: float = _width(0.6, "First width on a warm start, relative to a cold one.")
    warm_tail_sigma: float = _width(
        1.4, "The same for the steps that the previous plan did not contain, or the last one."
    )
    broad: float = _fraction(
        0.05, "Share of the candidates that looks elsewhere, as widely as a cold start."
    )
    broad_color: float = setting(
        2.0,
        "Exponent of their power spectrum over time, 1/f^broad_color; 0: white.",
        low=0.0,
        high=4.0,
    )
    widening: float = setting(
        1.5,
        "Growth of the width in a call of the cost in which all candidates tie, up to that of a "
        "cold start.",
        low=1.0,
        high=100.0,
    )
    carry: float = _fraction(
        0.8, "Share of the previous plan's covariance that a warm start takes over."
    )


@dataclass
class CEMSettings(StoppingSettings):
    """Plain CEM as in DINO-WM (preset `dino_wm`); the defaults are DINO-WM's."""

    sizes: ClassVar[Mapping[str, int]] = {"num_samples": 2, "iterations": 1, "num_elites": 2}

    patience: int = _patience(0)
    sigma: float = _sigma(1.0)
    returns: str = setting(
        "mean",
        "The plan: mean of the last distribution, or the best candidate evaluated.",
        choices=["mean", "best"],
    )
    pad: str = setting(
        "zero",
        "How a warm start shorter than the horizon is filled up: zero, or repeat its last action. "
        "The node's are not shorter: it repeats the last action when it shifts them.",
        choices=["zero", "repeat"],
    )


@dataclass
class MPPISettings(StoppingSettings):
    """Model predictive path integral control (preset `mppi`)."""

    sizes: ClassVar[Mapping[str, int]] = {"num_samples": 1, "iterations": 1}

    sigma: float = _sigma(1.0)
    warm_sigma: float = _width(0.5, "First width on a warm start, relative to a cold one.")
    final_sigma: float = _width(
        0.05, "Width after the last iteration, relative to the first; 1: constant."
    )
    temperature: float = _width(
        0.5, "Temperature, relative to how much the candidate at `rank` costs above the best."
    )
    rank: float = setting(
        0.1, "Rank that sets the temperature, as a fraction of the candidates.", above=0.0, high=1.0
    )
    draws: str = _draws()


@dataclass
class GradientSettings(StoppingSettings):
    """Adam on several plans at once (preset `gradient`; descent of `cem_gd`)."""

    sizes: ClassVar[Mapping[str, int]] = {"num_samples": 1, "iterations": 1}

    sigma: float = setting(
        1.0,
        "Standard deviation of the first plans around the mean, in normalized actions.",
        low=0.0,
        high=100.0,
    )
    learning_rate: float = _width(0.1, "Step of Adam, in normalized actions.")
    final_rate: float = _width(0.1, "Step at the end, relative to the first.")


@dataclass
class RefinedSettings(PlannerSettings):
    """A search, then a descent from its plan (preset `cem_gd`).

    The search has the settings of `planning.adaptive_cem`, the descent those of
    `planning.gradient`, except for these.
    """

    search_samples: int = setting(128, "Candidates per iteration of the search.", low=2, high=10**6)
    search_iterations: int = setting(5, "Iterations of the search.", low=1, high=10**5)
    descent_samples: int = setting(4, "Plans that descend side by side.", low=1, high=10**6)
    descent_iterations: int = setting(30, "Steps of the descent.", low=1, high=10**5)
    descent_sigma: float = setting(
        0.05,
        "Standard deviation of the descending plans around the search's, in normalized actions.",
        low=0.0,
        high=100.0,
    )
    descent_learning_rate: float = _width(0.05, "Step of Adam, in normalized actions.")


@dataclass
class RandomSettings(PlannerSettings):
    """One random plan, the baseline for every planner (preset `random`)."""

    sigma: float = _sigma(1.0)
