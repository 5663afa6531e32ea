"""``wm-planner COMMAND …``: finds the command and hands it its arguments."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import fields

from wm_planner.cli import doctor
from wm_planner.config import Config

COMMANDS = (doctor,)
"""Modules with ``register(subparsers)``, which sets ``run(arguments) -> exit code``."""

_GROUPS = "|".join(item.name for item in fields(Config))
_OVERRIDE = re.compile(rf"[+~]{{0,2}}(?:{_GROUPS})\.[\w.]+=")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments behind the program's name; None takes the process's own. Settings like
            ``images.bit_depth=12`` may stand anywhere. What follows ``--ros-args`` is for ROS.

    Returns:
        The exit code; argparse itself exits with 2 where an argument is wrong.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    ros = words.index("--ros-args") if "--ros-args" in words else len(words)
    overrides = [word for word in words[:ros] if _OVERRIDE.match(word)]
    parser = _parser()
    arguments = parser.parse_args([word for word in words[:ros] if word not in overrides])
    arguments.overrides, arguments.ros_args = overrides, words[ros:]
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wm-planner", description="Tools of the planner for visual world models."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.register(commands)
    return parser
