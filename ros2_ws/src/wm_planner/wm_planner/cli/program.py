"""``wm-planner COMMAND …``: finds the command and hands it its arguments."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import NoReturn

from wm_planner.cli import convert, doctor, inspect, plan
from wm_planner.cli.elsewhere import has_torch, run_elsewhere
from wm_planner.config import Config

COMMANDS = (convert, doctor, inspect, plan)
"""Modules with ``register(subparsers)``, which sets ``run(arguments) -> exit code``.

They need torch, unless they also set ``needs_torch(arguments)``, which then says.
"""

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
    arguments.words, arguments.overrides, arguments.ros_args = words, overrides, words[ros:]
    needs_torch = getattr(arguments, "needs_torch", lambda arguments: True)
    try:
        if needs_torch(arguments) and not has_torch():
            return run_elsewhere(words, overrides)
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return 130


def program() -> NoReturn:
    """Be the process: run one command and end with its exit code.

    It ends at once when all is printed. The middleware's destructors, which run as the interpreter
    is taken down, have been seen to keep a finished doctor from ending.
    """
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # as in `wm-planner doctor | head`
        code = 0
    sys.stderr.flush()
    os._exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wm-planner", description="Tools of the planner for visual world models."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.register(commands)
    return parser
