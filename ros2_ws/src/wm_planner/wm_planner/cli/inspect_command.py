"""``wm-planner inspect``: prints a model's architecture, statistics and the cost of a plan."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wm_planner.cli.arguments import whole_number
from wm_planner.cli.json_text import json_text
from wm_planner.cli.report import Section, section_text
from wm_planner.cli.settings import settings
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.config import PRESETS, Config, ConfigError, PlanningConfig, leaves
from wm_planner.config.model import PRECISIONS
from wm_planner.files.home import expanded
from wm_planner.help_texts import add_output_options, with_examples
from wm_planner.models.spec import License, ModelSpec, Training

_EPILOG = with_examples(
    "Settings may follow as Hydra overrides: model.device=cpu, "
    "model.approximation=rolling_cache, …\n"
    "The plan is one of planning.preset=full (300 candidates, 30 iterations) unless settings or "
    "options say otherwise; --samples 64 means planning.num_samples=64.\n"
    "Times are estimates for this machine's device, from a rollout timed on it.\n"
    "Exit code: 0, or 2 if the model cannot be loaded or its calibration cannot be true; the "
    "message says why.",
    "wm-planner inspect my_model",
    "wm-planner inspect my_model --samples 64 --iterations 5 model.device=cpu",
)

SETTINGS = (
    "model.device", "model.precision", "model.compute", "model.approximation",
    "planning.preset", "planning.num_samples", "planning.iterations", "planning.num_elites",
    "planning.horizon", "planning.chunk", "planning.memory_limit", "objective.", "worker.threads",
    "worker.python",
)  # fmt: skip
_SIZES = {"samples": "num_samples", "iterations": "iterations", "horizon": "horizon"}
_COUNTED = ("adaptive_cem", "cem", "mppi")
"""Planners whose plans cost what their rollouts cost: no gradients, and one size of all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Print a model's architecture, sizes, statistics with their provenance, and the cost of "
        "one plan."
    )
    parser.epilog = _EPILOG
    parser.add_argument("model", metavar="MODEL_DIR", help="directory with model.yaml")
    most = {leaf.name: leaf.checks.get("high") for leaf in leaves(PlanningConfig())}
    for name, what in (
        ("samples", "candidates per iteration"),
        ("iterations", "iterations of the plan"),
        ("horizon", "model steps planned ahead"),
    ):
        setting = _SIZES[name]
        parser.add_argument(
            f"--{name}",
            type=whole_number(1, most[setting]),
            metavar="N",
            help=f"{what}, 1 to {most[setting]}; default: planning.{setting}",
        )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="precision of rollouts; default: model.precision",
    )
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the model and the cost of a plan, return the exit code."""
    config = _settings(arguments)
    config.model.directory = arguments.model
    config.model.precision = arguments.precision or config.model.precision
    found = _inspected(config, arguments)
    print(json_text(found) if arguments.json else _text(found))
    return 0


def _settings(arguments: argparse.Namespace) -> Config:
    """Return the settings, with the plan's size in those of planning.

    Raises:
        ConfigError: One is wrong, or the cost of its plans cannot be told from rollouts.
    """
    given = {setting: getattr(arguments, name) for name, setting in _SIZES.items()}
    sizes = [f"planning.{name}={value}" for name, value in given.items() if value is not None]
    config = settings(["planning.preset=full", *arguments.overrides, *sizes])
    preset = config.planning.preset
    if PRESETS[preset].planner not in _COUNTED:
        able = [name for name, each in PRESETS.items() if each.planner in _COUNTED]
        raise ConfigError(
            f"the cost of a plan of planning.preset={preset} cannot be told from its rollouts: "
            f"choose {', '.join(able)}"
        )
    return config


def _inspected(config: Config, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all that is known, as plain data."""
    import torch  # takes seconds to import

    from wm_planner.diagnosis.plan_cost import plan_cost
    from wm_planner.models import load
    from wm_planner.models.calibration_check import check_calibration
    from wm_planner.models.goals import token_grid
    from wm_planner.models.shared.compute import matmul_precision, set_threads
    from wm_planner.worker.fastest import choose
    from wm_planner.worker.from_settings import objective_for

    set_threads(config.worker.threads)
    planning = config.planning
    size = planning.size_of(planning.preset)
    chosen = {
        "samples": size.num_samples, "iterations": size.iterations, "horizon": planning.horizon,
    }  # fmt: skip
    progress = shown_progress(arguments.quiet or arguments.json)
    with progress("loading the model"):
        model = load(
            arguments.model,
            config.model.device,
            allow_unverified_statistics=True,
            **config.model.options(),
        )
        check_calibration(model)
    with progress("choosing how to compute rollouts"):
        choice = choose(model, config)
    spec, device = model.spec, model.device
    objective = objective_for(spec, config.objective)
    with (
        progress("measuring what a plan costs"),
        matmul_precision(device, "high" if choice.way.precision == "tf32" else "highest"),
    ):
        cost = plan_cost(model, objective, choice.way, **chosen)
    cuda = device.type == "cuda"
    return {
        "spec": asdict(spec),
        "statistics_problem": spec.statistics.problem(),
        "token_grid": token_grid(model),
        "modules": _modules(expanded(arguments.model), spec),
        "plan": {
            **chosen,
            "precision": choice.way.precision,
            "compute": choice.way.compute,
            "choice": choice.sentence,
            "approximation": config.model.approximation,
            "device": torch.cuda.get_device_name(device) if cuda else str(device),
            "threads": None if cuda else torch.get_num_threads(),
            **asdict(cost),
        },
    }


def _modules(directory: Path, spec: ModelSpec) -> dict[str, dict[str, int]]:
    """Return parameters and bytes of each top-level module, from the weight files' headers."""
    from wm_planner.files.safetensors_file import open_safetensors
    from wm_planner.models.loading import weight_files

    modules: dict[str, dict[str, int]] = {}
    with open_safetensors(weight_files(directory, spec)) as tensors:
        for name in tensors.names:
            part = tensors.header(name)
            module = modules.setdefault(name.partition(".")[0], {"parameters": 0, "bytes": 0})
            count = math.prod(part.get_shape())
            module["parameters"] += count
            module["bytes"] += count * _bytes(part.get_dtype())
    return modules


def _bytes(dtype: str) -> int:
    """Return the bytes of one number of a safetensors type such as F32 or I64."""
    return max(1, int("".join(filter(str.isdigit, dtype.partition("_")[0])) or 8) // 8)


def _text(found: Mapping[str, Any]) -> str:
    spec = found["spec"]
    sections = [
        _model(spec, found["modules"], found["token_grid"]),
        Section("architecture", dict(_leaves(spec["architecture"]))),
        _statistics(spec, found["statistics_problem"]),
        _plan(found["plan"], sum(module["bytes"] for module in found["modules"].values())),
    ]
    return "\n\n".join(map(section_text, sections))


def _model(
    spec: Mapping[str, Any], modules: Mapping[str, Any], grid: tuple[int, int] | None
) -> Section:
    image, training, objective = spec["image"], spec["training"], spec["objective"]
    command = spec["action"]["command"]
    facts = {
        "family": spec["family"],
        "license": License(**spec["license"]).sentence,
        "training": Training(**training).progress,
        "images": f"{len(spec['views'])} x {image['size']}x{image['size']}, "
        f"{image['color_order']}, {_fit(image)}",
        "history": f"{spec['num_hist']} frames",
        "model step": f"{spec['frameskip']} environment steps at {spec['control_rate']:g} Hz, "
        f"{spec['frameskip'] / spec['control_rate']:.3f} s",
        "objective": f"{objective['mode']}, {objective['metric']} ({objective['reduction']}), "
        f"alpha {objective['alpha']:g}",
        "command": f"{command['mode']} position {', '.join(command['position'])}"
        if command
        else "none: the model plans but cannot command an arm",
        "goal masks": f"by {grid[0]}x{grid[1]} parts of the image" if grid else "cannot be used",
        "calibrated": "yes" if spec["calibration"] else "no: a goal cannot count as reached",
        "networks": [
            f"{name}: {part['parameters']:,} parameters, {part['bytes'] / 1e6:.1f} MB"
            for name, part in modules.items()
        ],
    }
    return Section(f"model {spec['name']}", facts)


def _fit(image: Mapping[str, Any]) -> str:
    """Say what of a camera's image the model sees."""
    crop = ""
    if image["camera_crop"]:
        left, top, width, height = (f"{100 * share:.3g} %" for share in image["camera_crop"])
        crop = f"the part from {left}, {top} of size {width} x {height}, "
    rules = {"crop": "its center", "squash": "squashed", "keep": "in the camera's shape"}
    return f"{crop}{rules[image['fit']]}"


def _statistics(spec: Mapping[str, Any], problem: str) -> Section:
    statistics = spec["statistics"]
    facts: dict[str, Any] = {}
    for kind in ("action", "proprio"):
        names, units, moments = spec[kind]["names"], spec[kind]["units"], statistics[kind]
        facts[kind] = [
            f"{name} [{unit}]: mean {mean:.6g}, std {std:.6g}"
            for name, unit, mean, std in zip(
                names, units, *(moments or {"mean": [], "std": []}).values(), strict=True
            )
        ]
    provenance = statistics["provenance"] or {}
    facts |= {
        name.removeprefix("dataset_").replace("_", " "): str(value)
        for name, value in provenance.items()
    }
    facts["origin"] = (
        f"not recorded: {problem}"
        if problem
        else "recorded; wm-planner doctor --dataset compares the numbers with the data"
    )
    return Section("statistics", facts)


def _plan(plan: Mapping[str, Any], weights: int) -> Section:
    flop = plan["encode_flop"] + plan["rollout_flop"]
    threads = "" if plan["threads"] is None else f", {plan['threads']} threads"
    encoding, rate = _si(plan["encode_flop"], "FLOP"), _si(plan["matmul_rate"], "FLOP/s")
    facts = {
        "precision": f"{plan['precision']}, {plan['compute']}, approximation "
        f"{plan['approximation']}",
        **({"chosen": plan["choice"]} if plan["choice"] else {}),
        "computation": f"{_si(flop, 'FLOP')}, {encoding} of them to encode image and goal",
        "memory": f"{_si(plan['peak_bytes'], 'B')} at most, plus {_si(weights, 'B')} of weights",
        "device": f"{plan['device']}{threads}: {rate} measured in a large matrix product",
        "time": f"{duration(plan['estimated_seconds'])} (estimate from a rollout of "
        f"{plan['timed_candidates']} candidates timed here); {duration(plan['least_seconds'])} at "
        "the rate of the matrix product",
    }
    title = f"one plan, {plan['samples']}x{plan['iterations']}, horizon {plan['horizon']}"
    return Section(title, facts)


def duration(seconds: float) -> str:
    """Return a time in words, e.g. ``0.31 s``, ``21 min``."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _si(value: float, unit: str) -> str:
    power = min(4, int(math.log10(max(value, 1)) / 3))
    return f"{value / 1000**power:.4g} {['', 'k', 'M', 'G', 'T'][power]}{unit}"


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, str(value)
