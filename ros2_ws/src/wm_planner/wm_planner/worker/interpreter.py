"""The interpreter of the worker's process: which one, and whether it can run the planner."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from pathlib import Path

import wm_planner
from wm_planner.explain import old_python

WORKER_PYTHON = "WM_PLANNER_WORKER_PYTHON"
"""Environment variable with the worker's interpreter; ``scripts/env.sh`` sets it."""
_PATIENCE = 30.0  # [s]
_ASK = "import sys; sys.stdout.write('version=%d.%d' % sys.version_info[:2])"
_MAKE = "make an environment for it with `make worker`"


def worker_python(setting: str) -> str:
    """Return the interpreter of the worker's process; empty: this one.

    Args:
        setting: ``worker.python``, which goes before the environment variable.
    """
    return os.path.expanduser(setting or os.environ.get(WORKER_PYTHON, ""))


def named_by(setting: str) -> str:
    """Return what names the interpreter: the setting, the environment variable, or nothing."""
    if setting:
        return "worker.python"
    return WORKER_PYTHON if worker_python("") else "the interpreter"


def python_problem(python: str) -> str:
    """Run a line in an interpreter; return why it cannot run the planner, or an empty string."""
    try:
        done = subprocess.run(
            [python, "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            env=foreign_environment(),
        )
    except OSError as error:
        return f"it cannot be run: {error.strerror or error}; {_MAKE}"
    except subprocess.TimeoutExpired:
        return f"it did not run a line of Python within {_PATIENCE:.0f} s; {_MAKE}"
    found = re.search(r"version=(\d+)\.(\d+)", done.stdout)
    if found is None:
        return f"it is no Python, or a broken one (exit code {done.returncode}); {_MAKE}"
    old = old_python((int(found[1]), int(found[2])))
    return f"it {old}; {_MAKE}" if old else ""


def foreign_environment() -> dict[str, str]:
    """Return the environment for another interpreter, with only this package on its path."""
    home = Path(wm_planner.__file__).parents[1]
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    # A folder of installed packages is left out, because they are built for another Python.
    if home != Path(sysconfig.get_path("purelib")):
        env["PYTHONPATH"] = str(home)
    return env
