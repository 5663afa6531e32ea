"""Runs commands that need PyTorch in the worker's interpreter, if this one has none."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence

from wm_planner.cli.settings import settings
from wm_planner.config import ConfigError
from wm_planner.worker.interpreter import (
    WORKER_PYTHON,
    foreign_environment,
    named_by,
    python_problem,
    worker_python,
)

_MOVED = "_WM_PLANNER_MOVED"  # keeps two interpreters without PyTorch from calling each other


def has_torch() -> bool:
    """Decide whether this interpreter has PyTorch."""
    return importlib.util.find_spec("torch") is not None


def run_elsewhere(words: Sequence[str], overrides: Sequence[str]) -> int:
    """Run the program in the worker's interpreter, found as the node finds it.

    The process is replaced, so that this returns only if that fails.

    Args:
        words: The program's arguments.
        overrides: The settings among them.

    Returns:
        The exit code of the failure.
    """
    try:
        setting = settings(overrides).worker.python
    except ConfigError:  # the command itself will report it
        setting = ""
    other = worker_python(setting)
    reason = f"this needs PyTorch, which {sys.executable} does not have"
    if other and _MOVED not in os.environ:
        problem = python_problem(other)
        if not problem:
            sys.stdout.flush()
            os.execvpe(
                other,
                [other, "-m", "wm_planner.cli", *words],
                {**foreign_environment(), _MOVED: "1"},
            )
        reason = f"{reason}; {named_by(setting)} '{other}' cannot be used: {problem}"
    print(
        f"wm-planner: {reason}. `make worker` makes an environment with PyTorch; scripts/env.sh "
        f"names its interpreter in {WORKER_PYTHON}.",
        file=sys.stderr,
    )
    return 2
