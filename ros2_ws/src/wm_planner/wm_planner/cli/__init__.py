"""The command-line program ``wm-planner``; importing this needs no other package."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

from wm_planner.ending import exit_code, explained


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; whatever fails ends in a sentence.

    Args:
        argv: The arguments after the program's name; None: the process's own. Settings such as
            ``images.bit_depth=12`` may stand anywhere. Those after ``--ros-args`` are for ROS.

    Returns:
        The exit code, 2 if something is wrong and ``explain.BUG`` if it is this program; argparse
        itself exits with 2 if an argument is wrong.
    """
    try:
        from wm_planner.cli.program import run

        return run(argv)
    except (Exception, KeyboardInterrupt) as error:
        return exit_code("wm-planner", error)


def program() -> NoReturn:
    """Run one command as the whole process, and exit with its code.

    The process exits without taking down the interpreter: destructors of the middleware, which
    would run then, have been seen to hang a finished doctor.
    """
    with explained("wm-planner"):
        code = main()
    os._exit(code)
