"""The planner and the objective that the settings choose for a model."""

from __future__ import annotations

from wm_planner.config import ObjectiveConfig, PlanningConfig
from wm_planner.models.protocol import WorldModel
from wm_planner.models.spec import ModelSpec
from wm_planner.planning import Objective, Planner, Problem, build_planner
from wm_planner.planning.errors import SettingsError
from wm_planner.worker.gradients import gradient_problem


def planner_for(
    model: WorldModel,
    settings: PlanningConfig,
    *,
    preset: str = "",
    seed: int | None = None,
    horizon: int = 0,
    precision: str = "float32",
) -> Planner:
    """Build the configured planner for a model's actions.

    Args:
        model: The model.
        settings: The settings of planning.
        preset: Another preset than the configured one.
        seed: Another seed than the configured one.
        horizon: Another horizon than the configured one [model steps].
        precision: That of the model's rollouts, or ``auto``.

    Raises:
        SettingsError: The settings are wrong, or the planner cannot plan in this precision.
    """
    lower, upper = model.spec.action_bounds()
    problem = Problem(
        action_dim=model.spec.model_action_dim,
        horizon=horizon or settings.horizon,
        bounds=(lower.tolist(), upper.tolist()),
        seed=settings.seed if seed is None else seed,
        device=model.device,
        deviation=model.spec.action_deviation(),
    )
    planner = build_planner(settings, problem, preset)
    if why := gradient_problem(preset or settings.preset, precision):
        raise SettingsError(why)
    return planner


def objective_for(spec: ModelSpec, settings: ObjectiveConfig) -> Objective:
    """Return the configured objective, or the model's own in mode ``model``."""
    chosen = spec.objective if settings.mode == "model" else settings
    return Objective(mode=chosen.mode, base=chosen.base, alpha=chosen.alpha)
