"""``wm-planner COMMAND …``: finds the command and hands it its arguments."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from types import ModuleType

from wm_planner.cli import convert_command, doctor_command, inspect_command, plan_command
from wm_planner.cli.completion import complete, completes
from wm_planner.cli.elsewhere import has_torch, run_elsewhere
from wm_planner.cli.settings import refuse_unused
from wm_planner.cli.version import ShowVersion
from wm_planner.config import Config
from wm_planner.help_texts import HelpFormatter, with_examples

COMMANDS: dict[str, tuple[ModuleType, str]] = {
    "convert": (convert_command, "turn a training of DINO-WM or LeWM into a model directory"),
    "doctor": (doctor_command, "explain bad plans: camera, model, statistics, recordings, goal"),
    "inspect": (inspect_command, "describe a model and what a plan with it costs"),
    "plan": (plan_command, "make one plan from one image to another"),
}
"""Commands by name, each with a module and a line of help.

A module has ``add_arguments(parser)``, ``SETTINGS``, the names of the settings that it uses (one
that ends with a dot is a section), and ``run(arguments)``, which returns the exit code. Only
``run`` imports torch and rclpy, so that ``--help`` is fast. It runs in an interpreter with torch; a
module that can do without defines ``needs_torch(arguments)``, which decides that.
"""

_EPILOG = with_examples(
    "Settings of planner.yaml may stand anywhere, as Hydra overrides: planning.preset=full. All of "
    "them are in docs/reference/parameters.md; docs/reference/command-line.md says which a command "
    "uses. For each command, --help says more, --json prints JSON, and --quiet leaves out progress "
    "and notes.",
    "wm-planner doctor my_model",
    "wm-planner inspect my_model",
    "wm-planner plan my_model --image now.png --goal-image goal.png planning.preset=full",
)
_GROUPS = "|".join(item.name for item in fields(Config))
_OVERRIDE = re.compile(rf"[+~]{{0,2}}(?:{_GROUPS})\.[\w.]+=")


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command; see ``wm_planner.cli.main``."""
    if completes():
        used = {name: command.SETTINGS for name, (command, _) in COMMANDS.items()}
        complete(make_parser(), _OVERRIDE.match, used)
    words = list(sys.argv[1:] if argv is None else argv)
    given, overrides, ros_args = split(words)
    arguments = make_parser().parse_args(given)
    arguments.words, arguments.overrides, arguments.ros_args = words, overrides, ros_args
    command, _ = COMMANDS[arguments.command]
    refuse_unused(arguments.command, command.SETTINGS, overrides)
    needs_torch = getattr(command, "needs_torch", lambda arguments: True)
    if needs_torch(arguments) and not has_torch():
        return run_elsewhere(words, overrides)
    return int(command.run(arguments))


def split(words: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return what is for the parser, the settings, and what is for ROS."""
    ros = words.index("--ros-args") if "--ros-args" in words else len(words)
    overrides = [word for word in words[:ros] if _OVERRIDE.match(word)]
    given = [word for word in words[:ros] if word not in overrides]
    return given, overrides, list(words[ros:])


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the program with those of all commands."""
    parser = argparse.ArgumentParser(
        prog="wm-planner",
        description="Tools of the planner for visual world models.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action=ShowVersion)
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    for name, (module, line) in COMMANDS.items():
        module.add_arguments(commands.add_parser(name, help=line, formatter_class=HelpFormatter))
    return parser
