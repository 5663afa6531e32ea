"""``wm-planner doctor``: explains bad plans by camera, model, statistics, data or goal."""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path

import numpy as np

from wm_planner.cli.arguments import count, number, number_list, whole_number
from wm_planner.cli.elsewhere import has_torch
from wm_planner.cli.examine_image import examine_image
from wm_planner.cli.examine_topic import examine_topic
from wm_planner.cli.report import Report, Section
from wm_planner.cli.settings import settings
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.cli.version import own_version, version_of
from wm_planner.config import Config, ConfigError
from wm_planner.diagnosis.camera_examiner import CameraExaminer
from wm_planner.diagnosis.check_result import STOP, WARN, Result
from wm_planner.help_texts import add_output_options, with_examples
from wm_planner.images import conversion_path
from wm_planner.images.opencv import OpenCVMissingError, cv2
from wm_planner.models.spec import ModelSpec, SpecError, StatisticsError, load_spec
from wm_planner.progress import Progress

_EPILOG = with_examples(
    "Settings may follow as Hydra overrides: images.float_range=[0,1], "
    "images.generic_color_order=bgr, images.bit_depth=12, camera.frozen=off, "
    "planning.preset=full, objective.alpha=0.5, …; --ros-args (remappings, use_sim_time) "
    "come last.\n"
    "With --image or --topic alone only images are examined; otherwise the model is loaded, "
    "too.\n"
    "Exit code: 0 nothing found, 1 warnings only, 2 a problem.",
    "wm-planner doctor my_model --dataset /data/my_set",
    "wm-planner doctor my_model --image now.png --goal-image goal.png --proprio=0.4,0.1",
    "wm-planner doctor my_model --topic /camera/image_raw images.bit_depth=12",
)
SETTINGS = (
    "model.device", "model.allow_unverified_statistics", "model.history", "planning.",
    "objective.", "images.generic_color_order", "images.float_range", "images.bit_depth",
    "images.transport", "images.reliability", "camera.", "session.image_timeout", "worker.threads",
    "worker.python",
)  # fmt: skip
_NO_TORCH = Result(
    "torch", 1.0, 0.0, STOP,
    "The model was not examined: the Python that can listen to the topic has no PyTorch. Run the "
    "same command without --topic.",
)  # fmt: skip
_NEED_MODEL = ("encoder", "dataset", "bag", "goal_image", "moved", "proprio", "goal_proprio")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Compare images, a dataset, a recorded bag or a task with the model's training, and print "
        "what is wrong and what to do."
    )
    parser.epilog = _EPILOG
    parser.add_argument(
        "model", nargs="?", metavar="MODEL_DIR", help="directory with model.yaml; first argument"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--image", nargs="+", type=Path, metavar="FILE", help="PNG or JPEG files")
    source.add_argument("--topic", metavar="NAME", help="topic of a running camera")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=3.0,
        metavar="S",
        help="how long to listen to the topic, above 0 to 3600 s (%(default)s)",
    )
    parser.add_argument(
        "--compressed", action="store_true", help="listen to the topic's compressed images"
    )
    _add_recordings(parser)
    _add_task(parser)
    add_output_options(parser)
    parser.set_defaults(usage_error=parser.error)


def _add_recordings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training and recordings")
    group.add_argument(
        "--dataset",
        type=Path,
        metavar="PATH",
        help="the model's training dataset: a directory, or LeWM's .h5 file",
    )
    group.add_argument(
        "--dataset-kind",
        metavar="KIND",
        help="its kind: point_maze, pusht, wall, deformable, franka or stable_worldmodel",
    )
    group.add_argument(
        "--episode",
        type=count,
        default=0,
        metavar="N",
        help="its episode to examine, from 0 (%(default)s)",
    )
    group.add_argument(
        "--encoder", type=Path, metavar="FILE", help="encoder weights that the training loaded"
    )
    group.add_argument("--bag", type=Path, metavar="PATH", help="a ROS 2 bag, sqlite3 or mcap")
    for role, what in (
        ("image", "the camera's images (image, or the only one)"),
        ("pose", "the measured poses (current_pose)"),
        ("command", "the commands (command or target_pose)"),
        ("joints", "the joint states (joint_states)"),
    ):
        group.add_argument(f"--{role}-topic", metavar="NAME", help=f"the bag's topic of {what}")
    group.add_argument(
        "--windows",
        type=whole_number(1, 1000),
        default=8,
        metavar="N",
        help="stretches to predict, 1 to 1000 (%(default)s)",
    )


def _add_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--moved",
        nargs=2,
        type=Path,
        metavar=("BEFORE", "AFTER"),
        help="two images that differ only in the position of an object: does the model see it?",
    )
    group = parser.add_argument_group("task (with one --image: what the robot sees now)")
    group.add_argument("--goal-image", type=Path, metavar="FILE", help="PNG or JPEG of the goal")
    for name, whose in (("proprio", "the robot's"), ("goal-proprio", "the goal's")):
        group.add_argument(
            f"--{name}",
            nargs="+",
            type=number_list,
            metavar="A,B,…",
            help=f"{whose} state in the order and units of model.yaml, if the model takes one",
        )


def needs_torch(arguments: argparse.Namespace) -> bool:
    """Decide whether torch is needed; a topic needs ROS more, and the model is left out then."""
    return arguments.model is not None and arguments.topic is None and _wants_model(arguments)


def run(arguments: argparse.Namespace) -> int:
    """Examine what was asked for, print the report, return the exit code."""
    _check(arguments)
    report = Report([_versions()])
    progress = shown_progress(arguments.quiet or arguments.json)
    spec = None
    if arguments.model is not None:
        section, spec = _model(arguments)
        report.sections.append(section)
    config, problem = _settings(arguments.overrides)
    if problem:
        report.sections.append(Section("settings", results=[problem]))
    else:
        camera = CameraExaminer(spec, config)
        goals = [arguments.goal_image] if arguments.goal_image else []
        for path in [*(arguments.image or ()), *goals, *(arguments.moved or ())]:
            report.sections.append(examine_image(path, camera))
        if arguments.topic is not None:
            report.sections.append(examine_topic(arguments, camera, progress))
        if spec is not None and _wants_model(arguments):
            report.sections += _loaded_model(arguments, camera, progress)
    print(report.to_json() if arguments.json else report.to_text(quiet=arguments.quiet))
    return report.exit_code


def _loaded_model(
    arguments: argparse.Namespace, camera: CameraExaminer, progress: Progress
) -> list[Section]:
    if not has_torch():
        return [Section("the model", results=[_NO_TORCH])]
    from wm_planner.cli.examine_model import examine_model  # torch takes seconds to import

    return examine_model(arguments, camera, progress)


def _check(arguments: argparse.Namespace) -> None:
    """Join the parts of states; report arguments that need others, as argparse does."""
    for name in ("proprio", "goal_proprio"):
        if (parts := getattr(arguments, name)) is not None:
            setattr(arguments, name, [value for part in parts for value in part])
    if arguments.model is None and _asks_for_model(arguments):
        arguments.usage_error("this needs a model: give its directory as the first argument")
    if arguments.goal_image is not None and len(arguments.image or ()) != 1:
        arguments.usage_error("--goal-image needs one --image, what the robot sees now")


def _asks_for_model(arguments: argparse.Namespace) -> bool:
    return any(getattr(arguments, name) is not None for name in _NEED_MODEL)


def _wants_model(arguments: argparse.Namespace) -> bool:
    return _asks_for_model(arguments) or (arguments.image is None and arguments.topic is None)


def _versions() -> Section:
    names = {"torch": "torch", "MuJoCo": "mujoco"}
    installed = {
        name: version for name, package in names.items() if (version := version_of(package))
    }
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
    return Section(f"wm_planner {own_version()}", facts)


def _model(arguments: argparse.Namespace) -> tuple[Section, ModelSpec | None]:
    """Read the spec; without provenance the statistics are a problem, but images are examined."""
    section = Section(f"model {arguments.model}")
    try:
        spec = load_spec(arguments.model)
    except StatisticsError as error:
        allowed = "model.allow_unverified_statistics=true" in arguments.overrides
        section.add(Result("provenance", 1.0, 0.0, WARN if allowed else STOP, str(error)))
        spec = load_spec(arguments.model, allow_unverified_statistics=True)
    except SpecError as error:
        section.add(Result("spec", 1.0, 0.0, STOP, str(error)))
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


def _seconds(text: str) -> float:
    if not 0 < (value := number(text)) <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to 3600 seconds")
    return value
