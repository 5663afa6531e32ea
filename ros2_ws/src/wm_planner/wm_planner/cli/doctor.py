"""``wm-planner doctor``: are camera, model, statistics, data and goal sound, and why not."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

import wm_planner
from wm_planner.camera_contract import STOP
from wm_planner.cli import topic
from wm_planner.cli.camera import Contract
from wm_planner.cli.elsewhere import has_torch
from wm_planner.cli.images import examine_file
from wm_planner.cli.report import Report, Result, Section
from wm_planner.cli.settings import settings
from wm_planner.config import Config, ConfigError
from wm_planner.images import conversion_path
from wm_planner.images.opencv import OpenCVMissingError, cv2
from wm_planner.models.spec import ModelSpec, SpecError, StatisticsError, load_spec

_EPILOG = """\
Settings may follow as Hydra overrides: images.float_range=[0,1], images.generic_color_order=bgr,
images.bit_depth=12, camera.frozen=off, planning.preset=full, objective.alpha=0.5, …;
--ros-args (remappings, use_sim_time) come last.
With --image or --topic alone only images are examined; otherwise the model is loaded, too.
Exit code: 0 nothing found, 1 warnings only, 2 a problem.
"""
_NO_TORCH = Result(
    "torch", 1.0, 0.0, STOP,
    "The model was not examined: the Python that listens to the topic has no PyTorch. Run the same "
    "command without --topic.",
)  # fmt: skip


def register(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "doctor",
        help="say why plans are bad: camera, model, statistics, recordings, goal",
        description="Compare images, a data set, a recorded bag or a task with what the model "
        "was trained on, and say what is wrong and what to do.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", nargs="?", metavar="MODEL_DIR", help="directory with model.yaml; first argument"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--image", nargs="+", type=Path, metavar="FILE", help="PNG or JPEG files")
    source.add_argument("--topic", metavar="NAME", help="topic of a running camera")
    parser.add_argument(
        "--seconds", type=_seconds, default=3.0, help="how long to listen (%(default)s)"
    )
    parser.add_argument(
        "--compressed", action="store_true", help="listen to the topic's compressed images"
    )
    _add_recordings(parser)
    _add_task(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, needs_torch=_needs_torch, usage_error=parser.error)


def _add_recordings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training and recordings")
    group.add_argument("--dataset", type=Path, metavar="DIR", help="the model's training data set")
    group.add_argument(
        "--dataset-kind", metavar="KIND", help="point_maze, pusht, wall, deformable or franka"
    )
    group.add_argument(
        "--episode", type=int, default=0, metavar="N", help="which of its episodes (%(default)s)"
    )
    group.add_argument(
        "--encoder", type=Path, metavar="FILE", help="the encoder's weights the training loaded"
    )
    group.add_argument("--bag", type=Path, metavar="PATH", help="a ROS 2 bag, sqlite3 or mcap")
    for role in ("image", "pose", "command", "joints"):
        group.add_argument(f"--{role}-topic", metavar="NAME", help=f"the bag's topic of {role}")
    group.add_argument(
        "--windows", type=int, default=8, metavar="N", help="stretches predicted (%(default)s)"
    )


def _add_task(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("task (with one --image, which the robot sees now)")
    group.add_argument("--goal-image", type=Path, metavar="FILE", help="PNG or JPEG of the goal")
    for name in ("proprio", "goal-proprio"):
        group.add_argument(
            f"--{name}",
            nargs="+",
            type=numbers,
            metavar="A,B,…",
            help="state in the order and units of model.yaml, where the model needs one",
        )


def run(arguments: argparse.Namespace) -> int:
    """Examine what was asked for, print the report, return the exit code."""
    _check(arguments)
    report = Report([_versions()])
    spec = None
    if arguments.model is not None:
        section, spec = _model(arguments)
        report.sections.append(section)
    config, problem = _settings(arguments.overrides)
    if problem:
        report.sections.append(Section("settings", results=[problem]))
    else:
        contract = Contract(spec, config)
        for path in arguments.image or ():
            report.sections.append(examine_file(path, contract))
        if arguments.topic is not None:
            report.sections.append(topic.examine(arguments, contract))
        if spec is not None and _wants_model(arguments):
            if has_torch():
                from wm_planner.cli import model  # torch, seconds to import

                report.sections += model.examine(arguments, contract)
            else:
                report.sections.append(Section("the model", results=[_NO_TORCH]))
    print(report.to_json() if arguments.json else report.to_text())
    return report.exit_code


def _check(arguments: argparse.Namespace) -> None:
    """Refuse arguments that need others, as argparse does; join the parts of states."""
    for name in ("proprio", "goal_proprio"):
        if (parts := getattr(arguments, name)) is not None:
            setattr(arguments, name, [value for part in parts for value in part])
    if arguments.model is None and _asks(arguments):
        arguments.usage_error("give the model's directory: this needs a model")
    if arguments.goal_image is not None and len(arguments.image or ()) != 1:
        arguments.usage_error("--goal-image needs one --image, what the robot sees now")
    if arguments.windows < 1:
        arguments.usage_error("--windows must be at least 1")


def _asks(arguments: argparse.Namespace) -> bool:
    """Whether something besides images is to be examined."""
    names = ("encoder", "dataset", "bag", "goal_image", "proprio", "goal_proprio")
    return any(getattr(arguments, name) is not None for name in names)


def _wants_model(arguments: argparse.Namespace) -> bool:
    return _asks(arguments) or (arguments.image is None and arguments.topic is None)


def _needs_torch(arguments: argparse.Namespace) -> bool:
    """A topic is listened to where ROS is, even if torch is not there."""
    return arguments.model is not None and arguments.topic is None and _wants_model(arguments)


def _versions() -> Section:
    names = {"torch": "torch", "MuJoCo": "mujoco"}
    installed = {name: version for name, package in names.items() if (version := _version(package))}
    try:
        opencv = str(cv2().__version__)
    except OpenCVMissingError as error:
        opencv = str(error)
    facts = {
        "Python": f"{platform.python_version()} ({platform.machine()})",
        "NumPy": np.__version__,
        "OpenCV": opencv,
        **installed,
        "ROS 2": " ".join(filter(None, map(os.environ.get, ("ROS_DISTRO", "RMW_IMPLEMENTATION"))))
        or "not sourced",
        "images": str(conversion_path()),
    }
    return Section(f"wm_planner {_version(wm_planner.__name__) or '(not installed)'}", facts)


def _model(arguments: argparse.Namespace) -> tuple[Section, ModelSpec | None]:
    """Read the model's spec; statistics without provenance do not keep images from it."""
    section = Section(f"model {arguments.model}")
    try:
        spec = load_spec(arguments.model)
    except StatisticsError as error:
        allowed = "model.allow_unverified_statistics=true" in arguments.overrides
        verdict = "warn" if allowed else STOP
        section.results.append(Result("provenance", 1.0, 0.0, verdict, str(error)))
        spec = load_spec(arguments.model, allow_unverified_statistics=True)
    except SpecError as error:
        section.results.append(Result("spec", 1.0, 0.0, STOP, str(error)))
        return section, None
    image = spec.image
    section.facts |= {
        "name": f"{spec.name} ({spec.family})",
        "images": f"{image.size}x{image.size}, {image.color_order}",
        "mean": _channels(image.channel_mean),
        "std": _channels(image.channel_std),
    }
    return section, spec


def _settings(overrides: list[str]) -> tuple[Config, Result | None]:
    try:
        return settings(overrides), None
    except ConfigError as error:
        return Config(), Result("settings", 1.0, 0.0, STOP, f"{error}.")


def _channels(values: list[float]) -> str:
    return "red {:.3f}  green {:.3f}  blue {:.3f}".format(*values) if values else "unknown"


def numbers(text: str) -> list[float]:
    """Numbers with commas or blanks in between; argparse names this function in its message."""
    return [float(word) for word in text.replace(",", " ").split()]


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 3600 seconds")
    return value


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
