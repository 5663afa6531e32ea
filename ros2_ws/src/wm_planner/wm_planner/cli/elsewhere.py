"""Runs commands that need PyTorch in the worker's interpreter, if this one has none."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence

from wm_planner.cli.settings import settings
from wm_planner.config import ConfigError
from wm_planner.worker.client import WORKER_PYTHON, foreign_environment, worker_python

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
        other = worker_python(settings(overrides).worker.python)
    except ConfigError:  # the command itself will report it
        other = worker_python("")
    if other and _MOVED not in os.environ:
        sys.stdout.flush()
        try:
            os.execvpe(
                other,
                [other, "-m", "wm_planner.cli", *words],
                {**foreign_environment(), _MOVED: "1"},
            )
        except OSError as error:
            reason = f"{other} cannot be run: {error.strerror or error}"
    else:
        reason = f"this needs PyTorch, which {sys.executable} does not have"
    print(
        f"wm-planner: {reason}. `make worker` makes an environment with PyTorch; scripts/env.sh "
        f"names its interpreter in {WORKER_PYTHON}.",
        file=sys.stderr,
    )
    return 2
