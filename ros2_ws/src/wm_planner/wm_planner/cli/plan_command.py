"""``wm-planner plan``: makes one plan from one image to another; nothing moves."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wm_planner.cli.arguments import number_list
from wm_planner.cli.json_text import json_text
from wm_planner.cli.settings import settings
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.cli.width import table_width, wrapped
from wm_planner.config import Config
from wm_planner.diagnosis.camera_examiner import CameraExaminer
from wm_planner.diagnosis.check_result import OK
from wm_planner.files.home import expanded
from wm_planner.help_texts import add_output_options, with_examples
from wm_planner.images import ImageFormatError, ImagePolicy
from wm_planner.images.image_file import read_image_file
from wm_planner.images.masks import MaskError, check_sizes, gray, token_weights
from wm_planner.message_limits import MAX_TEXT
from wm_planner.models.spec import ModelSpec
from wm_planner.progress import Step, silent
from wm_planner.text import one_line
from wm_planner.types import Goal, Observation, RgbImage
from wm_planner.worker.messages import UNINFORMATIVE, Planned, PlanOnce

_EPILOG = with_examples(
    "Settings may follow as Hydra overrides: planning.preset=dino_wm, "
    "planning.num_samples=300, planning.iterations=30, planning.horizon=5, planning.seed=0, "
    "objective.mode=last, objective.alpha=0.5, model.device=cpu, …\n"
    "Exit code: 0 if a plan was made, else 2; the message says why.",
    "wm-planner plan my_model --image now.png --goal-image goal.png",
    "wm-planner plan my_model --image now.png --goal-image goal.png --json planning.preset=full",
)
SETTINGS = (
    "model.device", "model.allow_unverified_statistics", "model.precision", "model.compute",
    "model.approximation", "planning.", "objective.", "camera.", "images.generic_color_order",
    "images.float_range", "images.bit_depth", "session.tolerance", "worker.threads",
    "worker.python",
)  # fmt: skip
_TIMES = "step  time [s]"
_COLUMN = 12  # columns of a number, unless its name has more
_LONGEST_NAME = 40


class _InputError(ValueError):
    """An image or state on the command line cannot be used."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = "Plan from an image to a goal image and print the actions in their units."
    parser.epilog = _EPILOG
    parser.add_argument("model", metavar="MODEL_DIR", help="directory with model.yaml")
    for name, what in (("image", "what the robot sees"), ("goal-image", "what it should see")):
        parser.add_argument(
            f"--{name}", type=Path, required=True, metavar="FILE", help=f"PNG or JPEG: {what}"
        )
    parser.add_argument(
        "--goal-mask",
        type=Path,
        metavar="FILE",
        help="gray PNG of the goal image's size: white where the goal counts",
    )
    for name in ("proprio", "goal-proprio"):
        parser.add_argument(
            f"--{name}",
            type=number_list,
            metavar="A,B,…",
            help=f"state in the order and units of model.yaml, if it has one: --{name}=-0.1,0.2"
            + (" (not needed with --goal-mask)" if name == "goal-proprio" else ""),
        )
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the plan, print it, return the exit code."""
    from wm_planner.worker.engine import Engine  # torch takes seconds to import

    progress = shown_progress(arguments.quiet or arguments.json)
    config = settings([*arguments.overrides, f"model.directory={_quoted(arguments.model)}"])
    with progress("loading the model"):
        engine = Engine(config)
    spec = engine.spec
    observation = _observation(arguments.image, arguments.proprio, "--proprio", spec, config)
    goal = _goal(arguments, config, spec, engine.token_grid)
    request = PlanOnce(0, observation, goal, seed=config.planning.seed)
    with progress("planning", _iterations(config)) as step:
        # Counting makes a GPU wait after each iteration: only if somebody sees it.
        cancel = None if progress is silent else counted(step)
        plan = engine.answer(request, cancel=cancel)
    images = {
        arguments.image: observation.images[0],
        arguments.goal_image: goal.observation.images[0],
    }
    warnings = [*engine.warnings, *_camera_warnings(images, spec, config)]
    if not plan.learned:
        warnings.append(UNINFORMATIVE)
    if arguments.json:
        print(_json(plan, spec, warnings))
    else:
        print(_text(plan, engine, config, warnings))
    return 0


def _camera_warnings(images: dict[Path, RgbImage], spec: ModelSpec, config: Config) -> list[str]:
    """Return in what the images differ from those of the training."""
    examiner = CameraExaminer(spec, config)
    return [
        f"{path}: {result.sentence}"
        for path, image in images.items()
        for result in examiner.measure(examiner.monitor(), image, live=False)
        if result.verdict != OK
    ]


def _iterations(config: Config) -> int | None:
    """Return the iterations of the search; None if its planner has a number of its own."""
    planning = config.planning
    known = "iterations" in planning.settings_of(planning.preset).sizes
    return planning.size_of(planning.preset).iterations if known else None


def counted(step: Step) -> Callable[[], bool]:
    """Return a ``cancel`` that never cancels: it is called before and after each iteration."""
    begun = False

    def cancel() -> bool:
        nonlocal begun
        if begun:
            step()
        begun = True
        return False

    return cancel


def _goal(
    arguments: argparse.Namespace,
    config: Config,
    spec: ModelSpec,
    grid: tuple[int, int] | None,
) -> Goal:
    path, state, mask = arguments.goal_image, arguments.goal_proprio, arguments.goal_mask
    if mask is None:
        return Goal(_observation(path, state, "--goal-proprio", spec, config))
    if grid is None:
        raise _InputError(f"{spec.name} compares whole images: leave --goal-mask out")
    if state is None:  # with a mask it does not count
        goal = Observation((_read(path, config),))
    else:
        goal = _observation(path, state, "--goal-proprio", spec, config)
    given, rule = _read(mask, config), spec.image
    try:
        check_sizes([given.shape[:2]], [image.shape[:2] for image in goal.images], spec.views)
        weights = token_weights([gray(given)], grid, rule.camera_crop, rule.fit)
    except MaskError as error:
        raise _InputError(f"the mask {mask} {error}") from error
    return Goal(goal, weights=weights)


def _observation(
    path: Path, given: list[float] | None, option: str, spec: ModelSpec, config: Config
) -> Observation:
    """Return an observation with the proprio of an option, if the model takes any."""
    names, image = spec.proprio.names, _read(path, config)
    if not names:
        return Observation((image,))
    if given is None or len(given) != len(names):
        raise _InputError(
            f"{option} has {len(given or ())} numbers: the model takes {len(names)}, "
            f"{', '.join(names)}"
        )
    return Observation((image,), np.array(given))


def _read(path: Path, config: Config) -> RgbImage:
    try:
        return read_image_file(path, ImagePolicy.from_config(config.images))
    except OSError as error:
        raise _InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except ImageFormatError as error:
        raise _InputError(f"{path}: {error}") from error


def _rows(plan: Planned, spec: ModelSpec) -> list[list[float]]:
    """Return the plan as environment steps (horizon * frameskip, A) in physical units."""
    return np.reshape(plan.actions, (-1, spec.action.dim)).tolist()


def _json(plan: Planned, spec: ModelSpec, warnings: list[str]) -> str:
    return json_text(
        {
            "actions": _rows(plan, spec),
            "names": spec.action.names,
            "units": spec.action.units,
            "frameskip": spec.frameskip,
            "control_rate": spec.control_rate,
            "distance": plan.distance,
            "cost_history": plan.cost_history,
            "stop_reason": plan.stop_reason,
            "learned": plan.learned,
            "plan_time": plan.plan_time,
            "warnings": warnings,
        }
    )


def _text(plan: Planned, engine: Any, config: Config, warnings: list[str]) -> str:
    spec = engine.spec
    unit = "typical distances" if spec.calibration else "units of the latent space"
    costs = plan.cost_history
    reached = ""
    if spec.calibration:
        tolerance = config.session.tolerance or spec.calibration.tolerance
        reached = f"; a goal counts as reached at {tolerance:g}"
    facts = [
        f"{engine.describe()}, planner {config.planning.preset}, horizon {config.planning.horizon}",
        f"distance from the image to the goal: {plan.distance:.4f} {unit}{reached}",
        f"cost {costs[0]:.5g} -> {costs[-1]:.5g} in {len(costs)} iterations "
        f"({plan.stop_reason}), {plan.plan_time:.3f} s",
    ]
    said = [line for text in warnings for line in _lines(f"Warning: {text}")]
    return "\n".join(
        [*(line for fact in facts for line in _lines(fact)), *table_of(plan, spec), *said]
    )


def _lines(text: str) -> list[str]:
    """Return a text in lines that fit the table's width."""
    return wrapped(one_line(text, MAX_TEXT), table_width(), others="  ")


def table_of(plan: Planned, spec: ModelSpec) -> list[str]:
    """Return the plan, a line for each environment step; with many columns in several parts."""
    names = [
        one_line(f"{name} [{unit}]", _LONGEST_NAME)
        for name, unit in zip(spec.action.names, spec.action.units, strict=True)
    ]
    width = max(_COLUMN, *map(len, names))
    most = max(1, (table_width() - len(_TIMES)) // (width + 2))
    rows, lines = _rows(plan, spec), []
    for first in range(0, len(names), most):
        part = slice(first, first + most)
        lines += ["", _TIMES + "".join(f"  {name:>{width}}" for name in names[part])]
        for step, row in enumerate(rows):
            numbers = "".join(f"  {value:>{width}.5f}" for value in row[part])
            lines.append(f"{step:>4}  {step * spec.step_time:>8.2f}{numbers}")
    return lines


def _quoted(path: str) -> str:
    """Return a path as a Hydra value, whatever characters it has."""
    return '"' + str(expanded(path)).replace("\\", "\\\\").replace('"', '\\"') + '"'
