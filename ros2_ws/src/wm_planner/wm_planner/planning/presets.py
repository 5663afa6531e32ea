"""Planners by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from wm_planner.planning.adaptive_cem import AdaptiveCEMPlanner
from wm_planner.planning.adaptive_settings import AdaptiveCEMSettings
from wm_planner.planning.baseline import RandomPlanner, RandomSettings
from wm_planner.planning.bounds import Side
from wm_planner.planning.cem import CEMPlanner, CEMSettings
from wm_planner.planning.errors import PresetError, SettingsError
from wm_planner.planning.gradient import GradientPlanner, GradientSettings
from wm_planner.planning.mppi import MPPIPlanner, MPPISettings
from wm_planner.planning.planner import Planner, Problem
from wm_planner.planning.refined import RefinedPlanner, RefinedSettings
from wm_planner.planning.stopping import StoppingSettings

PRESETS: dict[str, tuple[Callable[..., Planner], Any]] = {
    "online": (AdaptiveCEMPlanner, AdaptiveCEMSettings(iterations=5)),
    "full": (AdaptiveCEMPlanner, AdaptiveCEMSettings()),
    "mppi": (MPPIPlanner, MPPISettings()),
    "gradient": (GradientPlanner, GradientSettings()),
    "cem_gd": (RefinedPlanner, RefinedSettings()),
    "dino_wm": (CEMPlanner, CEMSettings()),
    "random": (RandomPlanner, RandomSettings()),
}
"""Planner class and settings of each preset."""


def make_planner(
    preset: str,
    *,
    action_dim: int,
    horizon: int,
    bounds: tuple[Side, Side] | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    **overrides: Any,
) -> Planner:
    """A planner by the name of its preset.

    Args:
        preset: ``online`` (5 iterations), ``full`` (30), ``dino_wm`` (the original rule), or
            another of ``PRESETS``.
        action_dim: A, dimensions of one action of the model.
        horizon: H, steps planned ahead.
        bounds: None or (lower, upper), each a number or (A,), in the actions' own (normalized)
            units. With bounds no candidate outside is evaluated and none is returned.
        seed: Seed of the planner's own generator.
        device: Where plans are made.
        **overrides: Settings other than the preset's, by name; ``patience`` and
            ``min_improvement`` are those of the early stopping.

    Raises:
        PresetError: No such preset.
        SettingsError: No such setting, or one out of range.
        BoundsError: Bounds that leave no box.
    """
    if preset not in PRESETS:
        raise PresetError(preset, sorted(PRESETS))
    planner, settings = PRESETS[preset]
    problem = Problem(action_dim, horizon, bounds, seed, device)
    return planner(problem, _override(settings, overrides))


def _override(settings: Any, overrides: dict[str, Any]) -> Any:
    stopping = {f.name for f in dataclasses.fields(StoppingSettings)}
    known = {f.name for f in dataclasses.fields(settings)}
    for name in overrides:
        if name not in known | stopping:
            raise SettingsError(
                name,
                "is no setting of this preset",
                f"known: {', '.join(sorted(known | stopping))}",
            )
    nested = {name: overrides.pop(name) for name in list(overrides) if name in stopping}
    if nested:
        base = overrides.get("stopping", settings.stopping)
        overrides["stopping"] = dataclasses.replace(base, **nested)
    return dataclasses.replace(settings, **overrides)
