"""The start of a process with a node: its help, and its arguments."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from typing import NoReturn

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from wm_planner.help_texts import HelpFormatter, with_examples
from wm_planner.text import one_line

BAD_VALUES = (NameValidationException, ParameterException)
"""What rclpy raises for a name of a topic, node or namespace, or a value, that cannot be one."""


def start(
    program: str, purpose: str, arguments: Sequence[str] | None = None, *, example: str
) -> None:
    """Answer ``--help``, or start ROS with the arguments.

    Args:
        program: Name of the program.
        purpose: What it does, for the help.
        arguments: Program and arguments; None: those of the process.
        example: A command that starts it, for the help.

    Raises:
        SystemExit: Help was asked for, or an argument is wrong; the sentence is on stderr.
    """
    words = list(sys.argv if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        program,
        description=f"{purpose} It takes ROS arguments only, e.g. --ros-args -p NAME:=VALUE "
        "(a parameter), -r FROM:=TO (a topic), --params-file FILE.",
        epilog=with_examples("", example),
        formatter_class=HelpFormatter,
    )
    try:
        parser.parse_args(remove_ros_args(words)[1:])
        rclpy.init(args=words, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # RCLError and others of rclpy, which have no common class
        refuse(program, error)


def refuse(program: str, error: Exception) -> NoReturn:
    """End the process with a sentence and exit code 2.

    Raises:
        SystemExit: Always.
    """
    with contextlib.suppress(AttributeError):  # ROS 2 Kilted destroys the node, which is half made
        rclpy.try_shutdown()
    hint = ": set HOME or ROS_LOG_DIR to a folder" if "logging directory" in str(error) else ""
    print(f"{program}: {one_line(str(error))}{hint}", file=sys.stderr)
    raise SystemExit(2)
