"""``wm-planner convert``: turns a training of DINO-WM or LeWM into a model directory."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wm_planner.cli.arguments import number, positive
from wm_planner.cli.json_text import json_text
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.cli.width import table_width, wrapped
from wm_planner.help_texts import add_output_options, with_examples
from wm_planner.message_limits import MAX_TEXT
from wm_planner.models.spec import CommandMapping, ObjectiveSpec
from wm_planner.text import one_line

if TYPE_CHECKING:
    from wm_planner.conversion.request import Converted

_EPILOG = with_examples(
    "What the files do not record must be given. Without it the command lists what is "
    "missing, as a YAML file to fill in. Checkpoints are read without running their code, so "
    "that neither DINO-WM nor LeWM need be installed.\n"
    "Exit code: 0 converted, 1 converted with warnings, 2 not converted; then nothing was "
    "written.",
    "wm-planner convert outputs/2025-03-01/12-00-00 my_model --dataset /data/my_set",
    "wm-planner convert outputs/2025-03-01/12-00-00 my_model --dataset /data/my_set "
    "--meta facts.yaml --calibrate",
)
SETTINGS = ()


class _Default:
    """The default of a fact, for the help: without the option, ``--meta`` still decides."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return str(self._value)


_FACT = "fact "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Turn a training of DINO-WM or LeWM into model.yaml and weights.safetensors."
    )
    parser.epilog = _EPILOG
    parser.add_argument(
        "training",
        type=Path,
        metavar="TRAINING",
        help="DINO-WM: directory with hydra.yaml and checkpoints/; LeWM: checkpoint (weights.pt, "
        "*_object.ckpt, *_weights.ckpt) or its directory",
    )
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="model directory to make")
    _add_files(parser)
    _add_facts(parser)
    parser.add_argument("--force", action="store_true", help="replace the model in OUTPUT")
    add_output_options(parser)


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files")
    group.add_argument(
        "--checkpoint", default="latest", metavar="NAME", help="epoch or file (%(default)s)"
    )
    group.add_argument(
        "--encoder",
        type=Path,
        metavar="FILE",
        help="DINO-WM: dinov2_*_pretrain.pth; default: the one in torch's hub cache. Nothing is "
        "downloaded",
    )
    group.add_argument(
        "--dataset",
        type=Path,
        metavar="PATH",
        help="the training's dataset, for its statistics: a directory, or LeWM's .h5 file",
    )
    group.add_argument(
        "--dataset-kind",
        metavar="KIND",
        help="its kind: point_maze, pusht, wall, deformable, franka or stable_worldmodel; "
        "default: what hydra.yaml names; for LeWM stable_worldmodel",
    )
    group.add_argument(
        "--statistics",
        type=Path,
        metavar="FILE",
        help="instead of --dataset: YAML, JSON or npz; LeWM: also the .pt with a normalizer, or "
        "with the scaler of an action prior",
    )
    group.add_argument(
        "--calibrate",
        action="store_true",
        help="measure distances on the dataset's images, so that a goal can count as reached",
    )


def _add_facts(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what the files do not record (these, or --meta)")
    group.add_argument("--meta", type=Path, metavar="FILE", help="a YAML file with all of these")

    def add(option: str, entry: str, text: str, **settings: Any) -> None:
        group.add_argument(option, dest=_FACT + entry, help=text, **settings)

    names = {"nargs": "+", "metavar": "NAME"}
    units = {"nargs": "+", "metavar": "UNIT"}
    numbers = {"nargs": "+", "metavar": "X", "type": number}
    add("--name", "name", "the model's name (default: that of OUTPUT)", metavar="NAME")
    add("--control-rate", "control_rate", "environment steps per second", type=number, metavar="HZ")
    add(
        "--color-order",
        "color_order",
        "color order of the training's images",
        choices=("rgb", "bgr"),
    )
    add(
        "--action-names",
        "action.names",
        "columns of one environment step's action, in order",
        **names,
    )
    add("--action-units", "action.units", "their units, after the dataset's action_scale", **units)
    add("--action-frame", "action.frame", "frame of the actions", metavar="FRAME")
    add("--action-lower", "action.lower", "smallest values (optional)", **numbers)
    add("--action-upper", "action.upper", "largest values (optional)", **numbers)
    add("--command-mode", "action.command.mode", "what an action is, if it moves an arm (optional)",
        choices=("relative", "absolute", "velocity"))  # fmt: skip
    add("--command-position", "action.command.position",
        "columns that are x, y, z [m, m/s], or one per joint [rad, rad/s]; hold for one that no "
        "action moves", **names)  # fmt: skip
    add("--command-reference", "action.command.reference",
        "where a displacement begins: at the commanded pose or the measured one (%(default)s)",
        default=_Default(CommandMapping.reference),
        choices=("commanded", "measured"))  # fmt: skip
    add("--command-joints", "action.command.joints",
        "joints of the arm that they move, if they are not x, y, z", **names)  # fmt: skip
    add("--proprio-names", "proprio.names", "columns of the state; none if the dataset has none",
        nargs="*", metavar="NAME")  # fmt: skip
    add("--proprio-units", "proprio.units", "their units", **units)
    add("--encoder-heads", "encoder_heads", "attention heads of an encoder of no official size",
        type=positive, metavar="N")  # fmt: skip
    add("--predictor-heads", "predictor_heads", "LeWM: attention heads of the predictor",
        type=positive, metavar="N")  # fmt: skip
    add("--camera-crop", "camera_crop", "LeWM: what the square training images show of the "
        "camera's: square (all of a square image), center, or a part in pixels, "
        "640x480:LEFT,TOP,WIDTH,HEIGHT", metavar="CROP")  # fmt: skip
    add("--normalization", "normalization", "LeWM: population (trained with "
        "stable-worldmodel), sample (with le-wm) or none", metavar="RULE")  # fmt: skip
    add(
        "--epochs",
        "epochs",
        "LeWM: epochs that were planned (optional)",
        type=positive,
        metavar="N",
    )
    add("--license", "license.name", "terms of the weights, e.g. MIT (optional)", metavar="NAME")
    add("--license-terms", "license.terms", "what they ask for, e.g. non-commercial use only",
        metavar="TEXT")  # fmt: skip
    add("--license-source", "license.source", "where the authors say so", metavar="TEXT")
    add(
        "--objective",
        "objective.mode",
        "frames that count: last, all or mean (%(default)s)",
        default=_Default(ObjectiveSpec().mode),
        metavar="MODE",
    )
    add(
        "--alpha",
        "objective.alpha",
        "weight of proprio in the objective (%(default)s)",
        default=_Default(ObjectiveSpec().alpha),
        type=number,
        metavar="X",
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert, print what was written, return the exit code."""
    from wm_planner.conversion.errors import ConversionError
    from wm_planner.conversion.facts import read_facts  # torch, seconds to import
    from wm_planner.conversion.registry import convert
    from wm_planner.conversion.request import Request

    wanted = Request(
        run=arguments.training,
        output=arguments.output,
        encoder=arguments.encoder,
        dataset=arguments.dataset,
        dataset_kind=arguments.dataset_kind,
        statistics=arguments.statistics,
        checkpoint=arguments.checkpoint,
        calibrate=arguments.calibrate,
        force=arguments.force,
        command=shlex.join(["wm-planner", *arguments.words]),
        progress=shown_progress(arguments.quiet or arguments.json),
    )
    try:
        converted = convert(wanted, read_facts(arguments.meta, _given(arguments)))
    except ConversionError as error:  # of several lines, with a file to fill in
        lines = f"wm-planner: {error}".split("\n")
        print("\n".join(one_line(line, MAX_TEXT) for line in lines), file=sys.stderr)
        return 2
    code = 1 if converted.warnings else 0
    if arguments.json:
        print(json_text({
            "directory": str(converted.directory), "warnings": converted.warnings,
            "exit_code": code, "spec": asdict(converted.spec),
        }))  # fmt: skip
    else:
        print(_text(converted, arguments))
    return code


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the facts among the options, nested as in the YAML file."""
    given: dict[str, Any] = {}
    for name, value in vars(arguments).items():
        if name.startswith(_FACT) and not isinstance(value, _Default | None):
            *sections, entry = name.removeprefix(_FACT).split(".")
            place = given
            for section in sections:
                place = place.setdefault(section, {})
            place[entry] = value
    return given


def _text(converted: Converted, arguments: argparse.Namespace) -> str:
    """Return what was converted, the warnings, and without ``--quiet`` the next command."""
    spec, directory = converted.spec, converted.directory
    provenance = spec.statistics.provenance
    assert provenance is not None  # convert requires it
    facts = {
        "checkpoint": f"{spec.source['checkpoint']['file']}, {spec.training.progress}",
        **converted.origin,
        "license": spec.license.sentence,
        "statistics": f"{provenance.dataset}, split {provenance.split}: {provenance.formula}",
        "action": f"{', '.join(spec.action.names)}; {spec.frameskip} steps at "
        f"{spec.control_rate:g} Hz a model step",
    }
    width, lines = table_width(), []
    for title, text in facts.items():
        lines += wrapped(text, width, first=f"{title:<11} ", others=" " * 12)
    for warning in converted.warnings:
        lines += wrapped(warning, width, first="Warning: ", others="  ")
    doctor = ["wm-planner", "doctor", str(directory)]
    if arguments.dataset is not None:
        doctor += ["--dataset", str(arguments.dataset)]
    following = "" if arguments.quiet else f"; next: {shlex.join(doctor)}"
    lines.append(f"{directory} is written{following}")  # in one line, to be copied
    return "\n".join(lines)
