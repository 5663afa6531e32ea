"""Planners from settings, and from the name of a preset."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from wm_planner.config import PRESETS, ConfigError, PlanningConfig, SearchSize, check_leaves
from wm_planner.planning.action_box import Side
from wm_planner.planning.adaptive_cem import AdaptiveCEMPlanner
from wm_planner.planning.baseline import RandomPlanner
from wm_planner.planning.cem import CEMPlanner
from wm_planner.planning.errors import PresetError, SettingsError
from wm_planner.planning.gradient import GradientPlanner
from wm_planner.planning.mppi import MPPIPlanner
from wm_planner.planning.planner import Planner, Problem
from wm_planner.planning.refined import RefinedPlanner

_FACTORIES: dict[str, Callable[[Problem, SearchSize, PlanningConfig], Planner]] = {
    "adaptive_cem": lambda problem, size, of: AdaptiveCEMPlanner(problem, size, of.adaptive_cem),
    "cem": lambda problem, size, of: CEMPlanner(problem, size, of.cem),
    "mppi": lambda problem, size, of: MPPIPlanner(problem, size, of.mppi),
    "gradient": lambda problem, size, of: GradientPlanner(problem, size, of.gradient),
    "cem_gd": lambda problem, size, of: RefinedPlanner(
        problem, size, of.cem_gd, of.adaptive_cem, of.gradient
    ),
    "random": lambda problem, size, of: RandomPlanner(problem, size, of.random),
}
"""Builds each planner of ``PRESETS`` from its section of the settings."""


def build_planner(settings: PlanningConfig, problem: Problem, preset: str = "") -> Planner:
    """Build the planner that the settings choose.

    Args:
        settings: Preset, size and the sections of all planners.
        problem: What to plan for.
        preset: Another preset than the configured one; it then has its own size.

    Raises:
        PresetError: There is no such preset.
        SettingsError: Settings are out of range or contradict each other.
        BoundsError: The bounds leave no box.
    """
    preset = _known(preset or settings.preset)
    try:
        return _build(settings, preset, settings.size_of(preset), problem)
    except ConfigError as error:
        raise SettingsError(str(error)) from error


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
    """Build the planner of a preset, for use without the other settings.

    Args:
        preset: ``online`` (5 iterations), ``full`` (30), ``dino_wm`` (the original rule), or
            another of ``PRESETS``.
        action_dim: A, dimensions of one action of the model.
        horizon: H, model steps planned ahead.
        bounds: None or (lower, upper), each a number or (A,), in the actions' own (normalized)
            units. With bounds, no candidate outside is evaluated and none is returned.
        seed: Seed of the planner's own generator.
        device: Where plans are made.
        **overrides: Settings that differ from the preset's, by name: of ``SearchSize`` or of the
            planner's own section of ``PlanningConfig``.

    Raises:
        PresetError: There is no such preset.
        SettingsError: There is no such setting, or one is out of range.
        BoundsError: The bounds leave no box.
    """
    settings = PlanningConfig(preset=_known(preset))
    size, section = settings.size_of(preset), settings.settings_of(preset)
    of_size = (*section.sizes, "chunk", "memory_limit")
    of_section = [field.name for field in dataclasses.fields(section)]
    for name, value in overrides.items():
        if name in of_size:
            size = dataclasses.replace(size, **{name: value})
        elif name in of_section:
            setattr(section, name, value)
        else:
            known = ", ".join(sorted([*of_size, *of_section]))
            raise SettingsError(f"{name} is no setting of the preset {preset}; it has {known}")
    try:
        return _build(settings, preset, size, Problem(action_dim, horizon, bounds, seed, device))
    except ConfigError as error:
        raise SettingsError(str(error)) from error


def _known(preset: str) -> str:
    if preset not in PRESETS:
        raise PresetError(preset, sorted(PRESETS))
    return preset


def _build(settings: PlanningConfig, preset: str, size: SearchSize, problem: Problem) -> Planner:
    section = settings.settings_of(preset)
    size.check(section.sizes)
    check_leaves(section)
    return _FACTORIES[PRESETS[preset].planner](problem, size, settings)
